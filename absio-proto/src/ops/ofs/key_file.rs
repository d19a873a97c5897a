//! The key file in its two cells.
//!
//! ```text
//!  LoadKeyFile:  Salt (0, 1) ──▶ First ──▶ Second ──▶ the newer of those that are whole
//!  KeepKeyFile:  Salt (0, 1) ──▶ (writing a salt) ──▶ First ──▶ Second ──▶ the salt is still there? ──▶ done
//!                                                       ▲                     │ it is another one
//!                                                       └─────────────────────┘
//! ```
//!
//! Both cells are written one after the other with the same bytes: a crash leaves the old or the new
//! file, and after the second write nothing of the old one is left to open with an old password.
//!
//! The salt is removed with the last user of the root. If that happens while a key file is written, nobody would
//! find it again: so the salt is looked at once more, and put back.

use super::ask::{self, Answer};
use crate::crypto::SealedKeyFile;
use crate::effect::{CellId, Reply};
use crate::error::Error;
use crate::model::UserId;
use crate::ofs::key_file::{RootSalt, SALT_CELLS};
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Reads the salt of the root, making one if there is none and `create` says so.
struct ReadSalt {
    create: bool,
    /// The one to make, if it is not to be drawn.
    wanted: Option<RootSalt>,
    found: Option<RootSalt>,
    state: SaltState,
}

enum SaltState {
    Start,
    Reading(usize, Answer),
    Writing(usize, Answer),
}

impl ReadSalt {
    const fn new(create: bool) -> Self {
        Self { create, wanted: None, found: None, state: SaltState::Start }
    }

    /// Puts `salt` back if there is none any more.
    const fn confirm(salt: RootSalt) -> Self {
        Self { create: true, wanted: Some(salt), found: None, state: SaltState::Start }
    }

    /// Writes the salt to cell `slot`, or is done.
    fn write(&self, slot: usize) -> Option<SaltState> {
        let (cell, salt) = (SALT_CELLS.get(slot)?, self.found?);
        Some(SaltState::Writing(slot, ask::write_cell(*cell, salt.encode())))
    }
}

impl Operation for ReadSalt {
    type Output = Option<RootSalt>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<RootSalt>, Error>> {
        loop {
            self.state = match &mut self.state {
                SaltState::Start => SaltState::Reading(0, ask::read_cell(SALT_CELLS[0])),
                SaltState::Reading(slot, answer) => {
                    let slot = *slot;
                    let bytes = attempt!(ask::cell(drive!(answer, cx, reply)));
                    self.found = self.found.or(bytes.and_then(|bytes| RootSalt::decode(&bytes)));
                    match (self.found, SALT_CELLS.get(slot + 1)) {
                        (Some(salt), _) => return Step::Done(Ok(Some(salt))),
                        (None, Some(cell)) => SaltState::Reading(slot + 1, ask::read_cell(*cell)),
                        (None, None) if !self.create => return Step::Done(Ok(None)),
                        (None, None) => {
                            self.found = match self.wanted {
                                Some(salt) => Some(salt),
                                None => Some(RootSalt(attempt!(cx.random()))),
                            };
                            match self.write(0) {
                                Some(state) => state,
                                None => return Step::Done(Ok(self.found)),
                            }
                        }
                    }
                }
                SaltState::Writing(slot, answer) => {
                    let slot = *slot;
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    match self.write(slot + 1) {
                        Some(state) => state,
                        None => return Step::Done(Ok(self.found)),
                    }
                }
            };
        }
    }
}

/// Gives the key file of a user as this device has it, sealed; none if it has none.
pub(crate) struct LoadKeyFile {
    user: UserId,
    best: Option<SealedKeyFile>,
    state: LoadState,
}

enum LoadState {
    Salting(ReadSalt),
    Reading { salt: RootSalt, answer: Answer, next: Option<CellId> },
}

impl LoadKeyFile {
    /// Of `user`.
    pub(crate) const fn new(user: UserId) -> Self {
        Self { user, best: None, state: LoadState::Salting(ReadSalt::new(false)) }
    }
}

impl Operation for LoadKeyFile {
    type Output = Option<SealedKeyFile>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<SealedKeyFile>, Error>> {
        loop {
            self.state = match &mut self.state {
                LoadState::Salting(read) => {
                    let Some(salt) = drive!(read, cx, reply) else { return Step::Done(Ok(None)) };
                    let [first, second] = salt.cells(self.user);
                    LoadState::Reading { salt, answer: ask::read_cell(first), next: Some(second) }
                }
                LoadState::Reading { salt, answer, next } => {
                    let bytes = attempt!(ask::cell(drive!(answer, cx, reply)));
                    let file = bytes.and_then(|bytes| salt.open(self.user, &bytes));
                    if let Some(file) = file
                        && self.best.as_ref().is_none_or(|best| best.generation() < file.generation())
                    {
                        self.best = Some(file);
                    }
                    match next.take() {
                        Some(cell) => {
                            LoadState::Reading { salt: *salt, answer: ask::read_cell(cell), next: None }
                        }
                        None => return Step::Done(Ok(self.best.take())),
                    }
                }
            };
        }
    }
}

/// Writes the key file of a user to this device, or removes it.
pub(crate) struct KeepKeyFile {
    user: UserId,
    file: Option<SealedKeyFile>,
    state: KeepState,
}

enum KeepState {
    Salting(ReadSalt),
    Writing { salt: RootSalt, bytes: Vec<u8>, answer: Answer, next: Option<CellId> },
    Confirming(ReadSalt, RootSalt),
}

impl KeepKeyFile {
    /// Keeps `file`.
    pub(crate) fn new(file: SealedKeyFile) -> Self {
        Self { user: file.user_id(), file: Some(file), state: KeepState::Salting(ReadSalt::new(true)) }
    }

    /// Removes that of `user`.
    pub(crate) const fn remove(user: UserId) -> Self {
        Self { user, file: None, state: KeepState::Salting(ReadSalt::new(false)) }
    }

    fn write(&self, salt: RootSalt) -> KeepState {
        let [first, second] = salt.cells(self.user);
        let bytes = self.file.as_ref().map(|file| salt.seal(file)).unwrap_or_default();
        let answer = ask::write_cell(first, bytes.clone());
        KeepState::Writing { salt, bytes, answer, next: Some(second) }
    }
}

impl Operation for KeepKeyFile {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                KeepState::Salting(read) => {
                    let Some(salt) = drive!(read, cx, reply) else { return Step::Done(Ok(())) };
                    self.write(salt)
                }
                KeepState::Writing { salt, bytes, answer, next } => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    let salt = *salt;
                    match next.take() {
                        Some(cell) => {
                            let bytes = core::mem::take(bytes);
                            KeepState::Writing {
                                salt,
                                answer: ask::write_cell(cell, bytes),
                                bytes: Vec::new(),
                                next: None,
                            }
                        }
                        None if self.file.is_none() => return Step::Done(Ok(())),
                        None => KeepState::Confirming(ReadSalt::confirm(salt), salt),
                    }
                }
                KeepState::Confirming(read, salt) => {
                    let found = drive!(read, cx, reply);
                    match found.filter(|found| found != salt) {
                        Some(other) => self.write(other),
                        None => return Step::Done(Ok(())),
                    }
                }
            };
        }
    }
}
