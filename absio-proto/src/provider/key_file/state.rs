//! Is the key file of this device the broker's (S-178, S-159, AMB-01)?
//!
//! ```text
//!  Start ──▶ Loading ──┬─▶ LocalMissing
//!                      └─▶ Asking ──▶ InSync, Differs, RemoteMissing
//! ```

use crate::effect::Reply;
use crate::error::{Error, Misuse, RemoteCode};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::key_file::{self, KeyFileChecksum};
use crate::ops::ofs::LoadKeyFile;
use crate::provider::SyncState;
use crate::session::Session;
use crate::{attempt, drive};

/// Compares the two, for the signed-in user: the broker tells nobody of another's. Changes nothing.
pub(in crate::provider) struct State {
    user: Option<UserId>,
    phase: Phase,
}

enum Phase {
    Start,
    Loading(LoadKeyFile),
    Asking(key_file::Checksum, KeyFileChecksum),
    Done,
}

impl State {
    /// Of `user`, who must be the signed-in one, if named.
    pub(in crate::provider) const fn new(user: Option<UserId>) -> Self {
        Self { user, phase: Phase::Start }
    }

    fn finish(&mut self, state: SyncState) -> Step<Result<SyncState, Error>> {
        self.phase = Phase::Done;
        Step::Done(Ok(state))
    }
}

impl Operation for State {
    type Output = SyncState;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<SyncState, Error>> {
        loop {
            self.phase = match &mut self.phase {
                Phase::Start => Phase::Loading(LoadKeyFile::new(attempt!(super::own(self.user, cx.session)))),
                Phase::Loading(load) => {
                    let Some(file) = drive!(load, cx, reply) else {
                        return self.finish(SyncState::LocalMissing);
                    };
                    let here = KeyFileChecksum { checksum: file.checksum(), generation: file.generation() };
                    Phase::Asking(key_file::Checksum::new(), here)
                }
                Phase::Asking(ask, here) => match ask.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(there)) => {
                        let is_same = there == *here;
                        return self.finish(if is_same { SyncState::InSync } else { SyncState::Differs });
                    }
                    Step::Done(Err(Error::Remote(error))) if error.code == RemoteCode::KeyFileNotFound => {
                        return self.finish(SyncState::RemoteMissing);
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                Phase::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
