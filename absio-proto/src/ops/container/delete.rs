//! Gives up one's own access, and with the last access the container (S-042 to S-048).
//!
//! ```text
//!  Start ──▶ (Fetching) ──▶ Sending a revision without the own row, or a tombstone ──▶ done
//!               ▲                 │ conflict: somebody changed it meanwhile
//!               └─────────────────┘
//! ```

use super::fetch::{Fetch, own_row};
use super::revise::check_accepted;
use crate::crypto::chain::Pin;
use crate::crypto::manifest::{AccessSlots, Author, ManifestBody, ManifestView};
use crate::crypto::tombstone::Tombstone;
use crate::effect::Reply;
use crate::error::{Error, Misuse, RemoteCode};
use crate::model::{ContainerId, Portion};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::{Head, Session};
use crate::wire::{RemoveContainer, Route};
use crate::{attempt, drive};

/// How often a delete starts over when others change the container at the same time.
const ATTEMPTS: u32 = 5;

/// Removes the caller's access to a container; others keep theirs. If nobody else has access, the
/// container and its data are deleted for good. Needs no right. One round trip, one more if the
/// container was not fetched before.
pub struct Delete {
    container: ContainerId,
    attempts: u32,
    state: State,
}

enum State {
    Start,
    Fetching(Box<Fetch>),
    Sending { exchange: Exchange, revision: u64, pin: Pin },
    Done,
}

impl Delete {
    /// Of `container`.
    pub fn new(container: ContainerId) -> Self {
        Self { container, attempts: 0, state: State::Start }
    }

    fn fetch(&self) -> State {
        State::Fetching(Box::new(Fetch::new(self.container, Portion::Metadata)))
    }

    fn remove(&self, head: &Head, cx: &Cx<'_>) -> Result<State, Error> {
        let user = cx.session.signer()?;
        own_row(head, user.id())?;
        let base = head.view.body();
        let next = base.next_revision()?;
        let (removal, revision, pin) = if head.view.access().count() == 1 {
            let tombstone = Tombstone::sign(&head.view, cx.now.utc.max(base.modified_at), user.keys());
            let pin = Pin { revision: tombstone.revision, hash: tombstone.previous, tombstone: true };
            (RemoveContainer::Tombstone(tombstone.encode()), tombstone.revision, pin)
        } else {
            let view = without_own_row(head, next, cx)?;
            let (revision, hash) = (view.body().revision, view.body().hash());
            (RemoveContainer::Leave(view.encode()), revision, Pin { revision, hash, tombstone: false })
        };
        let exchange = Exchange::bundle(Route::DeleteContainer(self.container), removal.encode());
        Ok(State::Sending { exchange, revision, pin })
    }
}

/// The revision that lacks exactly the signer's row, all else equal (F5).
fn without_own_row(head: &Head, revision: u64, cx: &Cx<'_>) -> Result<ManifestView, Error> {
    let user = cx.session.signed_in()?;
    let base = head.view.body();
    let own = own_row(head, user.id())?.hash();
    let slots = head.view.access().slots().iter().filter(|slot| slot.hash() != own).cloned();
    let access = AccessSlots::sorted(slots.collect())?;
    let body = ManifestBody {
        revision,
        previous: base.hash(),
        author: Author::of(user.keys()),
        modified_at: cx.now.utc.max(base.modified_at),
        access_count: access.count(),
        access_root: access.root(),
        ..base.clone()
    };
    Ok(ManifestView::new(body.sign(user.keys()), access)?)
}

impl Operation for Delete {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => match cx.session.head(self.container).cloned() {
                    Some(head) => attempt!(self.remove(&head, cx)),
                    None => {
                        attempt!(cx.session.signed_in());
                        self.fetch()
                    }
                },
                State::Fetching(fetch) => {
                    let head = drive!(fetch, cx, reply).head;
                    attempt!(self.remove(&head, cx))
                }
                State::Sending { exchange, revision, pin } => match exchange.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(body)) => {
                        attempt!(check_accepted(&body, self.container, *revision));
                        cx.session.set_pin(self.container, *pin);
                        cx.session.drop_head(self.container);
                        self.state = State::Done;
                        return Step::Done(Ok(()));
                    }
                    Step::Done(Err(error))
                        if error.is_remote(&RemoteCode::Conflict) && self.attempts < ATTEMPTS =>
                    {
                        self.attempts += 1;
                        self.fetch()
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
