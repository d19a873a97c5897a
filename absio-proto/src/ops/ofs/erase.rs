//! Removes everything of one user from the local store (S-226, AMB-12).
//!
//! ```text
//!  Records (the state last) ──▶ Blobs ──▶ Anchors ──▶ Key file ──▶ Looking ──┬─▶ others are here: done
//!                                                                            └─▶ Salts ──▶ Looking again
//!                                        done ◀── (Restoring, if somebody came meanwhile) ◀───┘
//! ```
//!
//! The key file goes last. Names, blobs and anchors are found by keys that only it holds: were it
//! gone first, a crash would leave what nobody can ever find and remove. As it is, until the very last
//! write the user can still sign in here, sees that things are missing (never "not found"), and can
//! delete again, which goes on where it stopped. After that write there is no key to anything.

use super::KeepKeyFile;
use super::ask::{self, Answer};
use crate::effect::{BlobId, CellId, Commit, Reply, StoreErrorKind, Write};
use crate::error::Error;
use crate::model::UserId;
use crate::ofs::key_file::{RootSalt, SALT_CELLS};
use crate::ofs::keys::{Kind, StoreKeys};
use crate::operation::{Cx, Operation, Step};
use crate::session::{Session, User};
use crate::{attempt, drive};
use std::sync::Arc;

/// Records removed with one commit.
const PAGE: usize = 256;
/// Names of blobs listed at once.
const BLOBS: usize = 10_000;

/// Erases the partition of a user whose key file is open, whoever is signed in: records, blobs, anchors and
/// key file, and the salt of the root if nobody else has a key file there. The partition is closed if
/// it is open, and no version of the key file counts as seen.
pub(crate) struct Erase {
    user: UserId,
    keys: Arc<StoreKeys>,
    /// The last comes first.
    kinds: Vec<Kind>,
    /// The anchor that was written last; it goes last too, since it knows of most.
    newest: u8,
    /// The bytes of the salt that is being removed.
    salt: Vec<u8>,
    state: State,
}

enum State {
    Start,
    Records(RemoveRecords),
    Blobs(RemoveBlobs),
    Anchor(u8, Answer),
    KeyFile(KeepKeyFile),
    Looking(Answer),
    ReadingSalt(usize, Answer),
    Salt(usize, Answer),
    LookingAgain(Answer),
    Restoring(usize, Answer),
}

impl Erase {
    /// Of `user`, who must have a key file.
    pub(crate) fn new(user: &User) -> Result<Self, Error> {
        let (open, _) = user.require_key_file()?;
        let keys = Arc::new(StoreKeys::derive(user.id(), open.store_secret()));
        // While the state stands, what is missing is known to be missing.
        let kinds = [Kind::State].into_iter().chain(Kind::COUNTED).collect();
        Ok(Self { user: user.id(), keys, kinds, newest: 1, salt: Vec::new(), state: State::Start })
    }

    fn next_kind(&mut self) -> State {
        match self.kinds.pop() {
            Some(kind) => {
                let (start, end) = self.keys.range(kind);
                State::Records(RemoveRecords::new(start, end))
            }
            None => State::Blobs(RemoveBlobs::of(Some(self.keys.clone()))),
        }
    }

    fn anchor(&self, slot: u8) -> State {
        State::Anchor(slot, remove_cell(self.keys.anchor_cell(slot)))
    }

    fn finish(&self, cx: &mut Cx<'_>) -> Step<Result<(), Error>> {
        cx.session.forget_key_file(self.user);
        if cx.session.local_user().is_some_and(|user| user.id() == self.user) {
            cx.session.leave();
        }
        Step::Done(Ok(()))
    }
}

/// The cells of key files and anchors of others: all but the salt's.
fn is_anybody_here(cells: &[CellId]) -> bool {
    cells.iter().any(|cell| !SALT_CELLS.contains(cell))
}

impl Operation for Erase {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    let local = cx.session.local().ok().filter(|local| local.user_id() == self.user);
                    self.newest = local.map_or(1, |local| u8::from(local.state.sequence % 2 == 1));
                    self.next_kind()
                }
                State::Records(remove) => {
                    drive!(remove, cx, reply);
                    self.next_kind()
                }
                State::Blobs(remove) => {
                    drive!(remove, cx, reply);
                    self.anchor(1 - self.newest)
                }
                State::Anchor(slot, answer) => {
                    let slot = *slot;
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    if slot == self.newest {
                        State::KeyFile(KeepKeyFile::remove(self.user))
                    } else {
                        self.anchor(self.newest)
                    }
                }
                State::KeyFile(remove) => {
                    drive!(remove, cx, reply);
                    State::Looking(ask::list_cells())
                }
                State::Looking(answer) => {
                    let cells = attempt!(ask::cells(drive!(answer, cx, reply)));
                    if cells.is_empty() || is_anybody_here(&cells) {
                        return self.finish(cx);
                    }
                    State::ReadingSalt(0, ask::read_cell(SALT_CELLS[0]))
                }
                State::ReadingSalt(slot, answer) => {
                    let slot = *slot;
                    let bytes = attempt!(ask::cell(drive!(answer, cx, reply))).unwrap_or_default();
                    if RootSalt::decode(&bytes).is_some() {
                        self.salt = bytes;
                    }
                    match SALT_CELLS.get(slot + 1) {
                        Some(cell) => State::ReadingSalt(slot + 1, ask::read_cell(*cell)),
                        None => State::Salt(0, remove_cell(SALT_CELLS[0])),
                    }
                }
                State::Salt(slot, answer) => {
                    let slot = *slot;
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    match SALT_CELLS.get(slot + 1) {
                        Some(cell) => State::Salt(slot + 1, remove_cell(*cell)),
                        None => State::LookingAgain(ask::list_cells()),
                    }
                }
                State::LookingAgain(answer) => {
                    let cells = attempt!(ask::cells(drive!(answer, cx, reply)));
                    // Whoever wrote a key file meanwhile named it by this salt; whoever does so from now on
                    // finds the salt gone, and puts it back.
                    if !is_anybody_here(&cells) || cells.iter().any(|cell| SALT_CELLS.contains(cell)) {
                        return self.finish(cx);
                    }
                    State::Restoring(0, ask::write_cell(SALT_CELLS[0], self.salt.clone()))
                }
                State::Restoring(slot, answer) => {
                    let slot = *slot;
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    match SALT_CELLS.get(slot + 1) {
                        Some(cell) => State::Restoring(slot + 1, ask::write_cell(*cell, self.salt.clone())),
                        None => return self.finish(cx),
                    }
                }
            };
        }
    }
}

/// A question that removes a cell.
pub(super) fn remove_cell(cell: CellId) -> Answer {
    ask::write_cell(cell, Vec::new())
}

/// Removes all records of a range of names, page by page.
pub(super) struct RemoveRecords {
    start: Vec<u8>,
    end: Vec<u8>,
    limit: usize,
    state: Removing,
}

enum Removing {
    Start,
    Scanning(Answer),
    Committing(Answer, bool),
}

impl RemoveRecords {
    /// From `start`, to `end` exclusive.
    pub(super) const fn new(start: Vec<u8>, end: Vec<u8>) -> Self {
        Self { start, end, limit: PAGE, state: Removing::Start }
    }

    fn scan(&self) -> Removing {
        Removing::Scanning(ask::scan(self.start.clone(), self.end.clone(), self.limit))
    }
}

impl Operation for RemoveRecords {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                Removing::Start => self.scan(),
                Removing::Scanning(answer) => match ask::entries(drive!(answer, cx, reply)) {
                    // Together they are longer than an answer may be.
                    Err(Error::Store(error)) if error.kind == StoreErrorKind::Invalid && self.limit > 1 => {
                        self.limit /= 4;
                        self.scan()
                    }
                    Err(error) => return Step::Done(Err(error)),
                    Ok(entries) => {
                        let Some((last, _)) = entries.last() else { return Step::Done(Ok(())) };
                        self.start = [last.as_slice(), &[0]].concat();
                        let is_last = entries.len() < self.limit;
                        let writes = entries.into_iter().map(|(key, _)| Write::Delete { key }).collect();
                        let commit = Commit { preconditions: Vec::new(), writes };
                        Removing::Committing(ask::commit(commit), is_last)
                    }
                },
                Removing::Committing(answer, is_last) => {
                    let is_last = *is_last;
                    attempt!(ask::committed(drive!(answer, cx, reply)));
                    if is_last {
                        return Step::Done(Ok(()));
                    }
                    self.scan()
                }
            };
        }
    }
}

/// Removes the blobs of a partition, or all there are.
pub(super) struct RemoveBlobs {
    owner: Option<Arc<StoreKeys>>,
    found: Vec<BlobId>,
    after: Option<BlobId>,
    state: BlobState,
}

enum BlobState {
    Start,
    Asking(Answer),
    Deleting(Answer),
}

impl RemoveBlobs {
    /// Those of `owner`, or everybody's.
    pub(super) const fn of(owner: Option<Arc<StoreKeys>>) -> Self {
        Self { owner, found: Vec::new(), after: None, state: BlobState::Start }
    }

    fn next(&mut self) -> Option<BlobState> {
        match (self.found.pop(), self.after) {
            (Some(blob), _) => Some(BlobState::Deleting(ask::delete_blob(blob))),
            (None, Some(after)) => Some(BlobState::Asking(ask::list_blobs(Some(after), BLOBS))),
            (None, None) => None,
        }
    }
}

impl Operation for RemoveBlobs {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            let next = match &mut self.state {
                BlobState::Start => Some(BlobState::Asking(ask::list_blobs(None, BLOBS))),
                BlobState::Asking(answer) => {
                    let found = attempt!(ask::blobs(drive!(answer, cx, reply)));
                    self.after = found.last().copied().filter(|_| found.len() >= BLOBS);
                    let owned = |blob: &BlobId| self.owner.as_ref().is_none_or(|keys| keys.owns(blob));
                    self.found = found.into_iter().filter(owned).collect();
                    self.next()
                }
                BlobState::Deleting(answer) => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    self.next()
                }
            };
            match next {
                Some(state) => self.state = state,
                None => return Step::Done(Ok(())),
            }
        }
    }
}
