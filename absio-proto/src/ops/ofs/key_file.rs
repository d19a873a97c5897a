//! The key file in its two cells.
//!
//! ```text
//!  LoadKeyFile:  Salt (0, 1) ──▶ First ──▶ Second ──▶ (Mending the other) ──▶ the newer of those that are whole
//!  KeepKeyFile:  Salt (0, 1) ──▶ (writing a salt) ──▶ First ──▶ Second ──▶ the salt is still there? ──▶ done
//!                                                       ▲                     │ it is another one
//!                                                       └─────────────────────┘
//! ```
//!
//! Both cells are written one after the other with the same bytes: a crash leaves the old or the new
//! file, and after the second write nothing of the old one is left to open with an old password.

use super::ask::{self, Answer};
use crate::crypto::SealedKeyFile;
use crate::effect::{CellId, Reply, StoreOutcome};
use crate::error::{Error, LocalError};
use crate::model::UserId;
use crate::ofs::key_file::{RootSalt, SALT_CELLS};
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Reads the salt of the root. To write, both cells are read: one that is lost is written anew, and a
/// salt is made if there is none.
struct ReadSalt {
    create: bool,
    /// The one to make, if it is not to be drawn.
    wanted: Option<RootSalt>,
    found: Option<RootSalt>,
    /// Slots that do not hold it.
    lacking: Vec<usize>,
    state: SaltState,
}

enum SaltState {
    Start,
    Reading(usize, Answer),
    Writing(Answer),
}

impl ReadSalt {
    const fn new(create: bool) -> Self {
        Self { create, wanted: None, found: None, lacking: Vec::new(), state: SaltState::Start }
    }

    /// Puts `salt` back if there is none any more.
    fn confirm(salt: RootSalt) -> Self {
        Self { wanted: Some(salt), ..Self::new(true) }
    }

    /// Writes the salt where it lacks, or is done.
    fn write(&mut self) -> Option<SaltState> {
        let (slot, salt) = (self.lacking.pop()?, self.found?);
        Some(SaltState::Writing(ask::write_cell(*SALT_CELLS.get(slot)?, salt.encode())))
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
            let next = match &mut self.state {
                SaltState::Start => Some(SaltState::Reading(0, ask::read_cell(SALT_CELLS[0]))),
                SaltState::Reading(slot, answer) => {
                    let slot = *slot;
                    let bytes = attempt!(ask::cell(drive!(answer, cx, reply)));
                    let salt = bytes.and_then(|bytes| RootSalt::decode(&bytes));
                    if salt.is_none() || self.found.is_some() && self.found != salt {
                        self.lacking.push(slot);
                    }
                    self.found = self.found.or(salt);
                    match (SALT_CELLS.get(slot + 1), self.found) {
                        (Some(cell), found) if self.create || found.is_none() => {
                            Some(SaltState::Reading(slot + 1, ask::read_cell(*cell)))
                        }
                        _ if !self.create => None,
                        (_, Some(_)) => self.write(),
                        (_, None) => {
                            self.found = match self.wanted {
                                Some(salt) => Some(salt),
                                None => Some(RootSalt(attempt!(cx.random()))),
                            };
                            self.write()
                        }
                    }
                }
                SaltState::Writing(answer) => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    self.write()
                }
            };
            match next {
                Some(state) => self.state = state,
                None => return Step::Done(Ok(self.found)),
            }
        }
    }
}

/// Gives the key file of a user as this device has it, sealed; none if it has none.
/// [`LocalError::Degraded`] if there is one and it is damaged. If one of the two cells is lost or
/// behind, it is written anew from the other.
pub(crate) struct LoadKeyFile {
    user: UserId,
    /// What the cells held, as far as it is whole.
    found: Vec<Option<SealedKeyFile>>,
    is_damaged: bool,
    state: LoadState,
}

enum LoadState {
    Salting(ReadSalt),
    Listing(Answer),
    Reading(RootSalt, Answer),
    Mending(Answer),
}

impl LoadKeyFile {
    /// Of `user`.
    pub(crate) const fn new(user: UserId) -> Self {
        let state = LoadState::Salting(ReadSalt::new(false));
        Self { user, found: Vec::new(), is_damaged: false, state }
    }

    /// The newer of those that are whole.
    fn best(&self) -> Option<&SealedKeyFile> {
        self.found.iter().flatten().max_by_key(|file| file.generation())
    }

    fn finish(&self) -> Result<Option<SealedKeyFile>, Error> {
        match self.best() {
            None if self.is_damaged => Err(damaged(self.user)),
            best => Ok(best.cloned()),
        }
    }

    /// The cell that is not like the best, to be written anew.
    fn mend(&self, salt: RootSalt) -> Option<LoadState> {
        let best = self.best()?;
        let slot = self.found.iter().position(|file| file.as_ref() != Some(best))?;
        let cell = *salt.cells(self.user).get(slot)?;
        Some(LoadState::Mending(ask::write_cell(cell, salt.seal(best))))
    }
}

fn damaged(user: UserId) -> Error {
    LocalError::Degraded { reason: format!("the key file of user {user}, or what finds it, is damaged") }
        .into()
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
                LoadState::Salting(read) => match drive!(read, cx, reply) {
                    Some(salt) => LoadState::Reading(salt, ask::read_cell(salt.cells(self.user)[0])),
                    None => LoadState::Listing(ask::list_cells()),
                },
                // Without its salt, a root that holds anything is damaged.
                LoadState::Listing(answer) => {
                    let cells = attempt!(ask::cells(drive!(answer, cx, reply)));
                    return Step::Done(if cells.is_empty() { Ok(None) } else { Err(damaged(self.user)) });
                }
                LoadState::Reading(salt, answer) => {
                    let salt = *salt;
                    let given = drive!(answer, cx, reply);
                    let is_there = !matches!(given, Ok(StoreOutcome::Cell(None)));
                    let bytes = attempt!(ask::cell(given));
                    let file = bytes.and_then(|bytes| salt.open(self.user, &bytes));
                    self.is_damaged |= is_there && file.is_none();
                    self.found.push(file);
                    match salt.cells(self.user).get(self.found.len()) {
                        Some(cell) => LoadState::Reading(salt, ask::read_cell(*cell)),
                        None => match self.mend(salt) {
                            Some(state) => state,
                            None => return Step::Done(self.finish()),
                        },
                    }
                }
                LoadState::Mending(answer) => {
                    // What is whole serves, whether or not there are two of it again.
                    let _ = drive!(answer, cx, reply);
                    return Step::Done(self.finish());
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
