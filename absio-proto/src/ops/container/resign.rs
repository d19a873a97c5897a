//! Signs a container's newest revision anew, after the key that signed it was revoked
//! (`docs/protocol.md` §13.3).
//!
//! ```text
//!  Start ──▶ (Fetching) ──▶ Sending a revision that changes nothing ──▶ done
//!               ▲  └ the key stands ─▶ done     │ conflict: somebody changed it meanwhile
//!               └───────────────────────────────┘
//! ```

use super::fetch::{Fetch, own_row};
use super::revise::{check_accepted, remember};
use crate::crypto::manifest::{Author, ManifestBody, ManifestView};
use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse, RemoteCode};
use crate::model::{ContainerId, Permissions, Portion};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::{Head, Session};
use crate::wire::{ChangeContainer, Route};
use crate::{attempt, drive};

/// How often it starts over when others change the container at the same time.
const ATTEMPTS: u32 = 5;

/// Signs the newest revision of a container anew, if the caller signed it with a key that does not
/// count for it any more: readers who have not seen it before refuse it until then. Gives whether that
/// was necessary. Needs `access.modify`. Nothing is re-keyed: a stolen derivation key still opens
/// what it opened; new content puts an end to that.
///
/// The revision must be one that this session has seen before the key was revoked, or the error is
/// [`CryptoError::KeyNotValid`](crate::error::CryptoError::KeyNotValid): whoever stole the key may
/// have made it since. One round trip, one more if the container was not fetched before.
pub struct Resign {
    container: ContainerId,
    unseen: bool,
    attempts: u32,
    state: State,
}

enum State {
    Start,
    Fetching(Box<Fetch>),
    Sending(Exchange, Box<Head>),
    Done,
}

impl Resign {
    /// Of `container`.
    pub fn new(container: ContainerId) -> Self {
        Self { container, unseen: false, attempts: 0, state: State::Start }
    }

    /// Takes a revision as the caller's own that this session has not seen before, on the word of the
    /// server and of whoever had the revoked key. It is the way out when a revocation was interrupted;
    /// look at the container afterwards.
    pub fn trusting_unseen(mut self) -> Self {
        self.unseen = true;
        self
    }

    fn fetch(&self) -> State {
        let fetch = Fetch::new(self.container, Portion::Metadata);
        State::Fetching(Box::new(if self.unseen { fetch.on_own_word() } else { fetch }))
    }

    /// Signs on top of `head`; none if its signature stands.
    fn sign(&self, head: &Head, cx: &Cx<'_>) -> Result<Option<State>, Error> {
        let user = cx.session.signer()?;
        let (base, ring) = (head.view.body(), user.keys());
        let author = &base.author;
        let stands = ring.chain().signing_key_valid_at(author.index, base.modified_at).is_ok();
        if author.user != user.id() || stands {
            return Ok(None);
        }
        if !own_row(head, user.id())?.permissions.contains(Permissions::ACCESS_MODIFY) {
            return Err(InputError::MissingRight { right: "access.modify", container: self.container }.into());
        }
        let body = ManifestBody {
            revision: base.revision + 1,
            previous: base.hash(),
            author: Author::of(ring),
            modified_at: cx.now.utc.max(base.modified_at),
            ..base.clone()
        };
        let view = ManifestView::new(body.sign(ring), head.view.access().clone())?;
        let change = ChangeContainer {
            view: view.encode(),
            blobs: Vec::new(),
            header: None,
            content: None,
            content_upload: None,
            type_opening: None,
        };
        let exchange = Exchange::bundle(Route::UpdateContainer(self.container), change.encode());
        Ok(Some(State::Sending(exchange, Box::new(Head { view, ..head.clone() }))))
    }
}

impl Operation for Resign {
    type Output = bool;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<bool, Error>> {
        loop {
            let head = match &mut self.state {
                State::Start => {
                    attempt!(cx.session.signed_in());
                    match cx.session.head(self.container).cloned() {
                        Some(head) => head,
                        None => {
                            self.state = self.fetch();
                            continue;
                        }
                    }
                }
                State::Fetching(fetch) => drive!(fetch, cx, reply).head,
                State::Sending(exchange, head) => match exchange.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(body)) => {
                        let revision = head.view.body().revision;
                        attempt!(check_accepted(&body, self.container, revision));
                        remember(cx.session, head);
                        self.state = State::Done;
                        return Step::Done(Ok(true));
                    }
                    Step::Done(Err(error))
                        if error.is_remote(&RemoteCode::Conflict) && self.attempts < ATTEMPTS =>
                    {
                        self.attempts += 1;
                        self.state = self.fetch();
                        continue;
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
            self.state = match attempt!(self.sign(&head, cx)) {
                Some(state) => state,
                None => {
                    self.state = State::Done;
                    return Step::Done(Ok(false));
                }
            };
        }
    }
}
