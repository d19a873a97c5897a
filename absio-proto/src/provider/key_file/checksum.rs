//! Which version of a key file there is (S-220).
//!
//! ```text
//!  Start ──┬─▶ Loading ──┬─▶ the one here
//!          │             └─ none here, and there is a broker ─┐
//!          └──────────────────────────────────────────────────┴─▶ Asking ──▶ the broker's
//! ```

use crate::attempt;
use crate::drive;
use crate::effect::Reply;
use crate::error::{Error, LocalError, Misuse};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::key_file::{self, KeyFileChecksum};
use crate::ops::ofs::LoadKeyFile;
use crate::provider::Standard;
use crate::session::Session;

/// The operation under a standard provider: of a user, or of the one who is signed in.
pub(in crate::provider) struct Checksum {
    place: Standard,
    user: Option<UserId>,
    state: State,
}

enum State {
    Start,
    Loading(LoadKeyFile, UserId),
    Asking(key_file::Checksum),
    Done,
}

impl Checksum {
    pub(in crate::provider) const fn new(place: Standard, user: Option<UserId>) -> Self {
        Self { place, user, state: State::Start }
    }

    fn start(&self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        let user = match (self.place, self.user) {
            (Standard::Server, _) => return self.ask(cx),
            (_, Some(user)) => user,
            (Standard::Ofs, None) => cx.session.local()?.user_id(),
            (Standard::ServerCacheOfs, None) => cx.session.signed_in()?.id(),
        };
        Ok(State::Loading(LoadKeyFile::new(user), user))
    }

    fn ask(&self, cx: &Cx<'_>) -> Result<State, Error> {
        super::own(self.user, cx.session)?;
        Ok(State::Asking(key_file::Checksum::new()))
    }
}

impl Operation for Checksum {
    type Output = KeyFileChecksum;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<KeyFileChecksum, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Loading(load, user) => {
                    let user = *user;
                    match drive!(load, cx, reply) {
                        Some(file) => {
                            self.state = State::Done;
                            let (checksum, generation) = (file.checksum(), file.generation());
                            return Step::Done(Ok(KeyFileChecksum { checksum, generation }));
                        }
                        None if self.place == Standard::Ofs => {
                            return Step::Done(Err(LocalError::KeyFileNotFound { user }.into()));
                        }
                        None => attempt!(self.ask(cx)),
                    }
                }
                State::Asking(ask) => return Step::Done(Ok(drive!(ask, cx, reply))),
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
