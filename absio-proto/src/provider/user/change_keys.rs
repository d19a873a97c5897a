//! Changes the signed-in user's keys, and lets this device follow (X-08).
//!
//! ```text
//!  Changing (at the broker) ──▶ Adopting (both cells, both halves of the session) ──▶ the result
//! ```

use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::operation::{Cx, Operation, Step};
use crate::ops::user::{RevokeKeys, Revoked, RotateKeys};
use crate::provider::key_file::{Adopt, Keeping};
use crate::provider::{Noted, Standard};
use crate::session::{Session, User};
use crate::{attempt, drive};

/// The operation under a standard provider. A device that keeps the old key file could sign nothing any
/// more: that the new one is not kept is a warning, and a login with the passphrase fetches it.
pub(in crate::provider) struct ChangeKeys<O: Operation> {
    place: Standard,
    change: O,
    user: fn(&O::Output) -> &User,
    changed: Option<O::Output>,
    adopt: Option<Box<Adopt>>,
}

impl ChangeKeys<RotateKeys> {
    pub(in crate::provider) fn rotate(place: Standard, change: RotateKeys) -> Self {
        Self { place, change, user: |user| user, changed: None, adopt: None }
    }
}

impl ChangeKeys<RevokeKeys> {
    pub(in crate::provider) fn revoke(place: Standard, change: RevokeKeys) -> Self {
        Self { place, change, user: user_of, changed: None, adopt: None }
    }
}

const fn user_of(revoked: &Revoked) -> &User {
    &revoked.user
}

impl<O: Operation> Operation for ChangeKeys<O> {
    type Output = Noted<O::Output>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Noted<O::Output>, Error>> {
        let adopt = match &mut self.adopt {
            Some(adopt) => adopt,
            None => {
                let changed = drive!(&mut self.change, cx, reply);
                let user = (self.user)(&changed).clone();
                self.changed = Some(changed);
                // Keys that are kept elsewhere are not kept here.
                let keeping = if user.key_file().is_some() { Keeping::InPlace } else { Keeping::Never };
                let place = if user.key_file().is_some() { self.place } else { Standard::Server };
                self.adopt.insert(Box::new(Adopt::new(place, user, keeping)))
            }
        };
        let warnings = drive!(adopt, cx, reply).warnings;
        let value = attempt!(self.changed.take().ok_or(Misuse::ResumedAfterDone));
        Step::Done(Ok(Noted { value, warnings }))
    }
}
