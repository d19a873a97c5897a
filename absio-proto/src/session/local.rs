//! The local half of a session: whose partition of the store is open, and what is known of it.

use crate::crypto::CardChain;
use crate::error::{Error, InputError};
use crate::model::{Timestamp, UserId};
use crate::ofs::keys::StoreKeys;
use crate::ofs::state::State;
use crate::session::{Session, User};
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

impl Session {
    /// The open partition.
    pub(crate) fn local(&self) -> Result<&Local, Error> {
        self.config()?;
        self.local.as_ref().ok_or_else(|| InputError::NotAuthenticated.into())
    }

    pub(crate) fn local_mut(&mut self) -> Result<&mut Local, Error> {
        self.local.as_mut().ok_or_else(|| InputError::NotAuthenticated.into())
    }

    /// Whether what is fetched as the user of the server is kept in the open partition: only if it is
    /// that user's.
    pub(crate) fn caches(&self) -> bool {
        let local = self.local.as_ref().map(Local::user_id);
        local.is_some() && self.user.as_ref().is_none_or(|user| Some(user.id()) == local)
    }

    /// Opens a partition in place of the one open before.
    pub(crate) fn enter(&mut self, local: Local) {
        self.leave();
        self.local = Some(local);
    }

    /// Closes the partition: its keys are wiped.
    pub(crate) fn leave(&mut self) {
        if self.local.take().is_some() {
            self.generation += 1;
            // Whom one user knows is not written down for the next, and what one compared another did not.
            self.new_peers.clear();
            self.verified_peers.clear();
        }
    }

    /// Lets the user of the local store act for one turn, in place of whoever is signed in.
    pub(crate) fn act_locally<R>(&mut self, turn: impl FnOnce(&mut Self) -> R) -> Result<R, Error> {
        let local = self.local()?.user.clone();
        let (user, token) = (self.user.replace(local), self.token.take());
        let result = turn(self);
        (self.user, self.token) = (user, token);
        Ok(result)
    }

    /// A peer as the local store has it; a chain that is known already and longer stays.
    pub(crate) fn recall_peer(&mut self, chain: CardChain, is_verified: bool) {
        let user = chain.user_id();
        if is_verified {
            self.verified_peers.insert(user);
        }
        if let Some(local) = &mut self.local {
            local.peers.insert(user, chain.sequence());
        }
        let known = self.peers.get(&user).map_or(0, CardChain::sequence);
        if known < chain.sequence() {
            let before = self.card_sequence(user);
            self.peers.insert(user, chain);
            self.new_peers.remove(&user);
            self.note_cards(user, before);
        }
    }

    /// The cards of a known user are to be kept in the open partition, unless they are there already.
    pub(crate) fn want_peer(&mut self, user: UserId) {
        let kept = self.local.as_ref().and_then(|local| local.peers.get(&user)).copied();
        let known = self.peers.get(&user).map(CardChain::sequence);
        if known.is_some() && kept < known {
            self.new_peers.insert(user);
        }
    }

    /// Peers to be written to the local store.
    pub(crate) fn new_peers(&self) -> impl Iterator<Item = &CardChain> {
        self.new_peers.iter().filter_map(|user| self.peers.get(user))
    }

    /// These chains are in the local store now.
    pub(crate) fn peers_written(&mut self, written: &[(UserId, u64)]) {
        for (user, sequence) in written {
            if let Some(local) = &mut self.local {
                local.peers.insert(*user, *sequence);
            }
            if self.peers.get(user).is_none_or(|chain| chain.sequence() <= *sequence) {
                self.new_peers.remove(user);
            }
        }
    }

    /// Whether somebody compared the fingerprint of `user` by hand.
    pub(crate) fn is_verified_peer(&self, user: UserId) -> bool {
        self.verified_peers.contains(&user)
    }

    /// Marks a user's fingerprint as compared by hand.
    pub(crate) fn set_verified_peer(&mut self, user: UserId) {
        self.verified_peers.insert(user);
        self.new_peers.insert(user);
    }
}
