//! Removes everything there is in the local store, whosever it is (AMB-12).
//!
//! ```text
//!  Listing the cells ──▶ Cells ──▶ Records ──▶ Blobs ──▶ done
//! ```
//!
//! The cells go first, and with them every key file: from then on nothing in the root opens without a
//! key file that is elsewhere. All of it is found without a key, so that a purge that was interrupted
//! is simply made again.

use super::ask::{self, Answer};
use super::erase::{RemoveBlobs, RemoveRecords, remove_cell};
use crate::effect::{CellId, Reply};
use crate::error::Error;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Beyond every name of a record: those have 40 bytes.
const END: [u8; 64] = [0xff; 64];

/// Empties the local store: key files, containers, keys and cursors of all users, and what of damaged
/// partitions nobody can open. Nobody need be signed in; whoever is signed in to the local store is
/// signed out of it. It cannot be undone, and what only this device had is lost.
pub struct PurgeRoot {
    cells: Vec<CellId>,
    state: State,
}

enum State {
    Start,
    Listing(Answer),
    Cell(Answer),
    Records(RemoveRecords),
    Blobs(RemoveBlobs),
}

impl PurgeRoot {
    /// The operation.
    #[must_use]
    pub const fn new() -> Self {
        Self { cells: Vec::new(), state: State::Start }
    }

    fn next_cell(&mut self) -> State {
        match self.cells.pop() {
            Some(cell) => State::Cell(remove_cell(cell)),
            None => State::Records(RemoveRecords::new(Vec::new(), END.to_vec())),
        }
    }
}

impl Default for PurgeRoot {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for PurgeRoot {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    attempt!(cx.session.config());
                    cx.session.leave();
                    cx.session.forget_key_files();
                    State::Listing(ask::list_cells())
                }
                State::Listing(answer) => {
                    self.cells = attempt!(ask::cells(drive!(answer, cx, reply)));
                    self.next_cell()
                }
                State::Cell(answer) => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    self.next_cell()
                }
                State::Records(remove) => {
                    drive!(remove, cx, reply);
                    State::Blobs(RemoveBlobs::of(None))
                }
                State::Blobs(remove) => {
                    drive!(remove, cx, reply);
                    return Step::Done(Ok(()));
                }
            };
        }
    }
}
