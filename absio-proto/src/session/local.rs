//! The local half of a session: whose partition of the store is open, and what is known of it.

use crate::model::{Timestamp, UserId};
use crate::ofs::keys::StoreKeys;
use crate::ofs::state::State;
use crate::session::User;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A user's open partition.
pub(crate) struct Local {
    pub(crate) user: User,
    pub(crate) keys: Arc<StoreKeys>,
    /// As it was last read or written.
    pub(crate) state: State,
    /// Whether the records were found to add up to the state since it was opened.
    pub(crate) is_checked: bool,
    /// The users whose cards are kept in it, and the newest card of each.
    pub(super) peers: BTreeMap<UserId, u64>,
}

impl Local {
    pub(crate) fn new(user: User, keys: StoreKeys) -> Self {
        let (state, peers) = (State::default(), BTreeMap::new());
        Self { user, keys: Arc::new(keys), state, is_checked: false, peers }
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.user.id()
    }

    /// The time that expirations are held against: a clock set back does not bring access back (F11).
    pub(crate) fn effective_time(&self, now: Timestamp) -> Timestamp {
        self.state.time.max(now)
    }

    /// Takes a state that was read or written; operations side by side may end in any order.
    pub(crate) fn learn(&mut self, state: State) {
        if state.sequence >= self.state.sequence {
            self.state = state;
        }
    }
}
