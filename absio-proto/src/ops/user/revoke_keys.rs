//! Revokes the signed-in user's keys, and signs anew what they signed last (X-08,
//! `docs/protocol.md` §13.3).
//!
//! ```text
//!  Start ──▶ Listing ──▶ Looking (at each container) ──▶ Rotating ──▶ Resigning (each of one's own)
//!                                                                        └──▶ Revoked
//! ```

use super::RotateKeys;
use crate::crypto::KeyRing;
use crate::effect::Reply;
use crate::error::{Error, Misuse, RemoteCode};
use crate::model::{ContainerId, Portion};
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::{Get, List, Resign};
use crate::session::{Session, User};
use crate::{attempt, drive};
use std::collections::VecDeque;

/// What came of a revocation.
#[derive(Debug)]
pub struct Revoked {
    /// The user with the new keys.
    pub user: User,
    /// Containers whose newest revision was signed anew.
    pub resigned: Vec<ContainerId>,
    /// Containers that could not be looked at or signed anew, and why. Where the old key signed the
    /// newest revision, readers who have not seen it refuse it until somebody changes the container.
    pub failed: Vec<(ContainerId, Error)>,
}

/// Revokes the user's keys after a theft: [`RotateKeys::revoking`], and [`Resign`] for every container
/// whose newest revision the old key signed. All of them are looked at before, while the key still
/// counts, so that nothing is signed anew that the thief makes afterwards. Round trips: one for the
/// list, one for each container, one to revoke, two to log in again, one for each revision.
///
/// An error means that the keys were not changed, but for [`Error::Transport`], see [`RotateKeys`].
pub struct RevokeKeys {
    rotate: Option<RotateKeys>,
    ahead: VecDeque<ContainerId>,
    own: VecDeque<ContainerId>,
    revoked: Option<Revoked>,
    failed: Vec<(ContainerId, Error)>,
    state: State,
}

enum State {
    Start,
    Listing(List),
    Looking(ContainerId, Box<Get>),
    Rotating(RotateKeys),
    Resigning(ContainerId, Box<Resign>),
}

impl RevokeKeys {
    /// With fresh keys.
    pub fn new() -> Self {
        Self::by(RotateKeys::revoking())
    }

    /// With the keys of `ring`, see [`RotateKeys::to`].
    pub fn to(ring: KeyRing) -> Self {
        Self::by(RotateKeys::to(ring))
    }

    fn by(rotate: RotateKeys) -> Self {
        Self {
            rotate: Some(rotate),
            ahead: VecDeque::new(),
            own: VecDeque::new(),
            revoked: None,
            failed: Vec::new(),
            state: State::Start,
        }
    }

    /// Look at the next container, or change the keys.
    fn look(&mut self) -> Result<State, Error> {
        Ok(match self.ahead.pop_front() {
            Some(id) => State::Looking(id, Box::new(Get::new(id, Portion::Metadata))),
            None => State::Rotating(self.rotate.take().ok_or(Misuse::ResumedAfterDone)?),
        })
    }

    fn looked(&mut self, id: ContainerId, cx: &Cx<'_>) -> Result<(), Error> {
        let user = cx.session.signed_in()?.id();
        if cx.session.head(id).is_some_and(|head| head.view.body().author.user == user) {
            self.own.push_back(id);
        }
        Ok(())
    }

    fn resigned(&mut self, id: ContainerId, result: Result<bool, Error>) {
        let Some(revoked) = &mut self.revoked else { return };
        match result {
            Ok(true) => revoked.resigned.push(id),
            // Somebody else changed it since: their signature stands.
            Ok(false) => {}
            Err(error) => revoked.failed.push((id, error)),
        }
    }
}

impl Default for RevokeKeys {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for RevokeKeys {
    type Output = Revoked;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Revoked, Error>> {
        loop {
            match &mut self.state {
                State::Start => {
                    attempt!(cx.session.signer());
                    self.state = State::Listing(List::new());
                    continue;
                }
                State::Listing(list) => {
                    let list = drive!(list, cx, reply);
                    self.ahead = list.iter().map(|summary| summary.container_id).collect();
                    self.state = attempt!(self.look());
                    continue;
                }
                State::Looking(id, get) => {
                    let id = *id;
                    match get.resume(cx, reply.take()) {
                        Step::Effect(effect) => return Step::Effect(effect),
                        Step::Done(Ok(_)) => attempt!(self.looked(id, cx)),
                        // It went since it was listed: there is nothing to sign.
                        Step::Done(Err(Error::Remote(error)))
                            if matches!(error.code, RemoteCode::ContainerNotFound | RemoteCode::Deleted) => {}
                        // One container that is refused or does not verify holds up nothing.
                        Step::Done(Err(error @ (Error::Remote(_) | Error::Crypto(_)))) => {
                            self.failed.push((id, error));
                        }
                        Step::Done(Err(error)) => return Step::Done(Err(error)),
                    }
                    self.state = attempt!(self.look());
                    continue;
                }
                State::Rotating(rotate) => {
                    let user = drive!(rotate, cx, reply);
                    let failed = core::mem::take(&mut self.failed);
                    self.revoked = Some(Revoked { user, resigned: Vec::new(), failed });
                }
                State::Resigning(id, resign) => {
                    let id = *id;
                    match resign.resume(cx, reply.take()) {
                        Step::Effect(effect) => return Step::Effect(effect),
                        Step::Done(result) => self.resigned(id, result),
                    }
                }
            }
            match self.own.pop_front() {
                Some(id) => self.state = State::Resigning(id, Box::new(Resign::new(id))),
                None => return Step::Done(self.revoked.take().ok_or(Misuse::ResumedAfterDone.into())),
            }
        }
    }
}
