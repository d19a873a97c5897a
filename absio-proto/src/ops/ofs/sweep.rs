//! Removes blobs that no record names: what a crash between a blob and its commit left behind.
//!
//! ```text
//!  Checking (is every record there?) ──▶ Scanning (what is named) ──▶ Listing ──▶ Deleting … ──▶ Listing … ──▶ how many went
//! ```

use super::ask::{self, Answer};
use super::transact::blobs_of;
use super::{Check, Scan};
use crate::effect::{BlobId, Reply};
use crate::error::{Error, LocalError};
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::BTreeSet;

/// Names of blobs read at once.
const BLOBS: usize = 1000;

/// Removes the orphans among the signed-in user's blobs; other users' are left alone. Gives how many
/// went. [`LocalError::Degraded`], and nothing is removed, if a record is damaged or missing: what it
/// named would be taken for an orphan, and may be all that is left. Not to be run beside operations that are writing blobs: theirs have no name yet.
pub struct Sweep {
    named: BTreeSet<BlobId>,
    orphans: Vec<BlobId>,
    after: Option<BlobId>,
    removed: u64,
    state: State,
}

enum State {
    Checking(Box<Check>),
    Scanning(Scan),
    Listing(Answer),
    Deleting(Answer),
}

impl Sweep {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            named: BTreeSet::new(),
            orphans: Vec::new(),
            after: None,
            removed: 0,
            state: State::Checking(Box::default()),
        }
    }

    /// Deletes the next orphan, or lists on, or is done.
    fn next(&mut self) -> Option<State> {
        match (self.orphans.pop(), self.after) {
            (Some(blob), _) => Some(State::Deleting(ask::delete_blob(blob))),
            (None, Some(after)) => Some(State::Listing(ask::list_blobs(Some(after), BLOBS))),
            (None, None) => None,
        }
    }
}

impl Default for Sweep {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Sweep {
    type Output = u64;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<u64, Error>> {
        loop {
            let next = match &mut self.state {
                State::Checking(check) => {
                    if drive!(check, cx, reply).incomplete_since.is_some() {
                        let reason = "something is lost, so nothing is swept".to_owned();
                        return Step::Done(Err(LocalError::Degraded { reason }.into()));
                    }
                    Some(State::Scanning(Scan::new(&Kind::COUNTED)))
                }
                State::Scanning(scan) => {
                    let Some(page) = drive!(scan, cx, reply) else {
                        self.state = State::Listing(ask::list_blobs(None, BLOBS));
                        continue;
                    };
                    let keys = attempt!(cx.session.local()).keys.clone();
                    for (name, value) in &page.entries {
                        let blobs = keys.open_record(name, value).map(|data| blobs_of(page.kind, &data));
                        let Some(Ok(blobs)) = blobs else {
                            // Its blobs would be taken for orphans.
                            let reason = "a record does not verify, so nothing is swept".to_owned();
                            return Step::Done(Err(LocalError::Degraded { reason }.into()));
                        };
                        self.named.extend(blobs);
                    }
                    continue;
                }
                State::Listing(answer) => {
                    let found = attempt!(ask::blobs(drive!(answer, cx, reply)));
                    self.after = found.last().copied().filter(|_| found.len() >= BLOBS);
                    let keys = &attempt!(cx.session.local()).keys;
                    let named = &self.named;
                    let is_orphan = |blob: &BlobId| {
                        keys.owns(blob) && crate::planted!(SweepTakesTooMuch, true, !named.contains(blob))
                    };
                    self.orphans = found.into_iter().filter(is_orphan).collect();
                    self.next()
                }
                State::Deleting(answer) => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    self.removed += 1;
                    self.next()
                }
            };
            match next {
                Some(state) => self.state = state,
                None => return Step::Done(Ok(self.removed)),
            }
        }
    }
}
