//! Makes the next revision of a container and sends it: what create and update share.
//!
//! ```text
//!  Start ──▶ Learning (cards of recipients) ──▶ (Reading a journal, job) ──▶ (Uploading a large content)
//!    ▲          ──▶ Sealing (job) ──▶ (Queueing) ──▶ Sending ──▶ (Settling) ──▶ Revised
//!    ├── once: a recipient changed keys ───────────────┘
//!    └── once: Looking (was all that a journal names accepted already?) ──▶ Revised
//! ```
//!
//! With the outbox, the change is in it before it is sent. It is taken out when the broker accepted or
//! refused it, and stays there when nobody answered: then it is revised here, and queued.
//!
//! One round trip; one more for all recipients whose cards are not known yet, two more if those known
//! are outdated.

use super::content::{ContentInput, Piece};
use super::destination::Destination;
use super::draft::{ContentDraft, Draft, HeaderDraft, Randomness, Sealed, TypeDraft, next_epoch};
use super::fetch::{Fetch, Fetched, open_keys};
use super::get::Retained;
use super::grants::Grants;
use super::journal::{self, Begun, Journal};
use super::upload::Upload;
use crate::crypto::chain::Pin;
use crate::crypto::manifest::TypeOpening;
use crate::crypto::segment::{Padding, SegmentDigest, SegmentHeader, SegmentSealer, segment_length};
use crate::crypto::{CardChain, ContainerKeys, container_id};
use crate::effect::{BlobId, Reply, TransportError};
use crate::error::{CryptoError, Error, LocalError, Misuse, RemoteCode};
use crate::limits;
use crate::model::{ContainerId, Portion, UserId};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::ops::ofs::{NewContent, Transact};
use crate::ops::outbox::{Enqueue, Enqueued, Unsent, dequeue, is_undecided};
use crate::ops::user::PublicKeys;
use crate::session::{Head, Session};
use crate::wire::{self, ContainerChanged, Route};
use crate::{attempt, drive};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What becomes of a section.
#[derive(Clone, Debug, Default)]
pub(super) enum Change<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Change<T> {
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// What a revision is to do.
#[derive(Clone)]
pub(super) struct Revision {
    /// The revision before; none to create a container.
    pub(super) base: Option<Head>,
    /// The whole new list; none keeps every row.
    pub(super) grants: Option<Grants>,
    /// JSON text.
    pub(super) header: Change<Zeroizing<Vec<u8>>>,
    pub(super) content: Change<ContentInput>,
    pub(super) padding: Padding,
    /// The journal of the upload so far, if one is kept.
    pub(super) journal: Option<Arc<Vec<u8>>>,
    pub(super) container_type: Change<String>,
    /// Asks for the cards of all recipients, known or not.
    pub(super) refresh: bool,
    pub(super) destination: Destination,
}

/// A revision that the broker accepted.
pub(super) struct Revised {
    pub(super) head: Head,
    pub(super) keys: Option<ContainerKeys>,
    /// The sealed segments, as far as they went inline with this change.
    pub(super) header: Option<Vec<u8>>,
    pub(super) content: Option<Vec<u8>>,
    /// The chunks of a content that went ahead in parts, if they are kept.
    pub(super) streamed: Option<(SegmentHeader, BlobId)>,
    /// Its number in the outbox, if it waits there.
    pub(super) queued: Option<u64>,
}

impl Revised {
    /// What the local store keeps of it.
    pub(super) fn retain(&self) -> (Retained, NewContent) {
        let content = match (&self.content, self.streamed) {
            (Some(segment), _) => NewContent::Segment(segment.clone()),
            (None, Some((header, blob))) => NewContent::Streamed { header, blob },
            (None, None) => NewContent::Inherit,
        };
        let keys = self.keys.as_ref().map(|keys| Arc::new(keys.duplicate()));
        let (revision, header) = (self.head.view.body().revision, self.header.clone());
        (Retained { revision, keys, header, content: None }, content)
    }
}

pub(super) struct Revise {
    revision: Option<Revision>,
    destination: Destination,
    streamed: Option<(SegmentHeader, BlobId)>,
    draft: Option<Draft>,
    revised: Option<Box<Revised>>,
    /// Its number in the outbox, while it is there.
    queued: Option<u64>,
    failure: Option<Error>,
    /// Whether it was looked whether the revision was accepted already.
    has_looked: bool,
    state: State,
}

enum State {
    Start,
    Learning(PublicKeys),
    /// What an earlier attempt recorded.
    Reading(Leaf<Option<Begun>>, Vec<CardChain>),
    /// Whether the content with this digest is the container's already.
    Looking(Box<Fetch>, SegmentDigest),
    Uploading(Box<Upload>),
    Sealing(Leaf<Result<Sealed, Error>>),
    Queueing(Box<Enqueue>, Route, Vec<u8>),
    Sending(Exchange),
    /// It is accepted, or refused: it leaves the outbox.
    Settling(Transact),
    Done,
}

impl Revise {
    pub(super) fn new(revision: Revision) -> Self {
        let destination = revision.destination;
        Self {
            revision: Some(revision),
            destination,
            streamed: None,
            draft: None,
            revised: None,
            queued: None,
            failure: None,
            has_looked: false,
            state: State::Start,
        }
    }

    /// Everybody whose row may need a new blob or who must exist (S-038).
    fn recipients(&self, cx: &Cx<'_>) -> Result<BTreeSet<UserId>, Error> {
        let own = cx.session.signer()?.id();
        let revision = self.revision.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        let rekeys = !revision.header.is_kept() || !revision.content.is_kept();
        let present =
            |user: &UserId| revision.base.as_ref().is_some_and(|head| head.view.entry(*user).is_some());
        let mut users: BTreeSet<UserId> = match (&revision.grants, &revision.base) {
            (Some(grants), _) => grants
                .values()
                .filter(|grant| rekeys || !present(&grant.user_id) || self.needs_blob(grant.user_id))
                .map(|grant| grant.user_id)
                .collect(),
            (None, Some(head)) if rekeys => head.view.access().entries().map(|entry| entry.user).collect(),
            (None, _) => BTreeSet::new(),
        };
        users.remove(&own);
        Ok(users)
    }

    /// Whether an existing row has no blob, so that a changed grant may order one.
    fn needs_blob(&self, user: UserId) -> bool {
        let base = self.revision.as_ref().and_then(|revision| revision.base.as_ref());
        base.and_then(|head| head.view.entry(user)).is_some_and(|entry| entry.wrapped.is_none())
    }

    /// Reads the journal of an earlier attempt, if there is one, and drafts.
    fn learned(&mut self, chains: Vec<CardChain>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let revision = self.revision.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        match (&revision.journal, &revision.content) {
            // What goes nowhere is compared with no record.
            (Some(bytes), Change::Set(_)) if self.destination.reaches_broker() && !bytes.is_empty() => {
                let (keys, bytes) = (journal::keys(cx.session.signer()?)?, bytes.clone());
                let read = move || Begun::read(&keys, &bytes);
                Ok(State::Reading(Leaf::compute("read a journal", read), chains))
            }
            _ => self.draft(chains, None, cx),
        }
    }

    /// Draws everything random and puts the draft together; on what was `begun`, if it is of use.
    fn draft(
        &mut self,
        chains: Vec<CardChain>,
        begun: Option<Begun>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let revision = self.revision.clone().ok_or(Misuse::ResumedAfterDone)?;
        let signer = cx.session.signer()?.clone();
        let number = match &revision.base {
            Some(head) => head.view.body().next_revision()?,
            None => 1,
        };
        let begun = begun.filter(|begun| is_of(begun, &revision.content));
        if let Some(state) = begun.as_ref().and_then(|begun| self.look(begun)) {
            return Ok(state);
        }
        let begun = begun.filter(|begun| goes_on(&revision, begun, signer.id()));
        let mut keys = self.keys(&revision, cx)?;
        if let Some(begun) = &begun {
            keys = keys.map(|keys| keys.with_content_secret(begun.secret.duplicate()));
        }
        let (container, id_salt) = match &revision.base {
            Some(head) => (head.view.body().container, head.view.body().id_salt),
            None => {
                let salt = begun.as_ref().map_or_else(|| cx.random(), |begun| Ok(begun.id_salt))?;
                (container_id(signer.id(), &salt), salt)
            }
        };
        let rows = match (&revision.grants, &revision.base) {
            (Some(grants), _) => grants.len(),
            (None, base) => base.as_ref().map_or(0, |head| head.view.access().slots().len()),
        };
        let mut cards: BTreeMap<UserId, CardChain> =
            chains.into_iter().map(|chain| (chain.user_id(), chain)).collect();
        cards.insert(signer.id(), signer.keys().chain().clone());
        let container_type = match revision.container_type {
            Change::Keep => TypeDraft::Keep,
            Change::Clear => TypeDraft::Clear,
            Change::Set(text) => TypeDraft::Set(TypeOpening::new(text, cx.random()?)?),
        };
        let header = match revision.header {
            Change::Keep => HeaderDraft::Keep,
            Change::Clear => HeaderDraft::Clear,
            Change::Set(json) => HeaderDraft::Seal(json),
        };
        let mut draft = Draft {
            signer,
            now: cx.now.utc,
            container,
            id_salt,
            base: revision.base,
            revision: number,
            grants: revision.grants,
            header,
            content: ContentDraft::Keep,
            container_type,
            keys,
            cards,
            randomness: Randomness::draw(cx, rows)?,
        };
        match revision.content {
            Change::Keep => {}
            Change::Clear => draft.content = ContentDraft::Clear,
            Change::Set(content) => {
                let records = revision.journal.is_some();
                return self.place_content(draft, content, revision.padding, records, begun, cx);
            }
        }
        Ok(seal(draft))
    }

    /// Small contents travel inside the change, large ones before it, in parts.
    fn place_content(
        &mut self,
        mut draft: Draft,
        content: ContentInput,
        padding: Padding,
        records: bool,
        begun: Option<Begun>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let parameters = draft.content_parameters(padding);
        let length = padding.padded_length(content.length());
        let segment = segment_length(length, parameters.chunk_log2, parameters.mac_index)?;
        if let (ContentInput::Bytes(bytes), true) = (&content, segment <= limits::INLINE_SEGMENT) {
            draft.content = ContentDraft::Seal(Piece::Shared(bytes.clone(), 0..bytes.len()), padding);
            return Ok(seal(draft));
        }
        let parameters = draft.content_parameters(Padding::None);
        let keys = draft.keys.as_ref().ok_or(CryptoError::Decrypt)?;
        let sealer = match begun.as_ref().and_then(Begun::sealer) {
            Some(sealer) => sealer,
            None => SegmentSealer::new(parameters, keys.content_secret())?,
        };
        let mut upload = Upload::new(draft.container, content, sealer, self.destination)?;
        if records && self.destination.reaches_broker() {
            let store_keys = journal::keys(&draft.signer)?;
            let journal = match &begun {
                Some(begun) => Journal::of(store_keys, begun),
                None => Journal::new(store_keys, draft.id_salt, keys, cx.entropy)?,
            };
            upload = upload.recording(journal, begun);
            // More is recorded from now on than these bytes tell: whatever begins once more begins anew (F1).
            if let Some(revision) = &mut self.revision {
                revision.journal = Some(Arc::default());
            }
        }
        self.draft = Some(draft);
        Ok(State::Uploading(Box::new(upload)))
    }

    /// Looks, once, whether an upload that was recorded to its last part is the container's content: the
    /// process may have ended before it heard of it.
    fn look(&mut self, begun: &Begun) -> Option<State> {
        let digest = begun.digest?;
        if core::mem::replace(&mut self.has_looked, true) {
            return None;
        }
        let container = begun.header.parameters.context.container;
        Some(State::Looking(Box::new(Fetch::new(container, Portion::Metadata)), digest))
    }

    /// The revision that was accepted already, or once more from the start.
    fn looked(
        &mut self,
        found: Result<Fetched, Error>,
        digest: SegmentDigest,
    ) -> Result<Option<Revised>, Error> {
        match found {
            Ok(Fetched { head, keys, .. }) if head.view.body().content.digest == digest => {
                self.state = State::Done;
                let nothing =
                    Revised { head, keys, header: None, content: None, streamed: None, queued: None };
                return Ok(Some(nothing));
            }
            Ok(_) | Err(Error::Remote(_)) => {}
            Err(error) => return Err(error),
        }
        self.state = State::Start;
        Ok(None)
    }

    /// The keys after this revision: a fresh secret for each section that changes, the old one for
    /// one that stays (F18); the old keys when neither changes.
    fn keys(&self, revision: &Revision, cx: &mut Cx<'_>) -> Result<Option<ContainerKeys>, Error> {
        let Some(head) = &revision.base else {
            return Ok(Some(ContainerKeys::generate(cx.entropy)?));
        };
        let (header, content) = (!revision.header.is_kept(), !revision.content.is_kept());
        if crate::planted!(KeysKeptAfterUpdate, true, !header && !content) {
            return open_keys(head, cx.session);
        }
        let body = head.view.body();
        let fresh = ContainerKeys::generate(cx.entropy)?;
        let replaces_header = header || !body.header.state.exists();
        let replaces_content = content || !body.content.state.exists();
        if replaces_header && replaces_content {
            return Ok(Some(fresh));
        }
        let Some(old) = open_keys(head, cx.session)? else { return Ok(None) };
        Ok(Some(if header {
            old.with_header_secret(fresh.header_secret().duplicate())
        } else {
            old.with_content_secret(fresh.content_secret().duplicate())
        }))
    }

    /// Whether the revision was refused for a recipient whose cards are fetched again then: it was
    /// sealed for a key that is no longer in use (X-08).
    fn is_for_old_keys(&mut self, error: &Error, cx: &Cx<'_>) -> Result<bool, Error> {
        let Error::Remote(error) = error else { return Ok(false) };
        let subject = error.subject.as_ref().and_then(|subject| subject.parse().ok());
        let Some(user) = subject.filter(|_| error.code == RemoteCode::InvalidObject) else {
            return Ok(false);
        };
        let concerned = self.recipients(cx)?.contains(&user);
        let revision = self.revision.as_mut().ok_or(Misuse::ResumedAfterDone)?;
        Ok(concerned && !core::mem::replace(&mut revision.refresh, true))
    }

    fn send(&mut self, sealed: Sealed) -> State {
        let manifest = sealed.head.view.body();
        let is_new = manifest.revision == 1;
        let route = if is_new { Route::CreateContainer } else { Route::UpdateContainer(manifest.container) };
        let body = sealed.change.encode();
        // What was uploaded before does not wait at the broker.
        let may_wait = self.may_wait() && sealed.change.content_upload.is_none();
        let unsent = may_wait.then(|| Unsent::revision(&sealed.head, sealed.keys.as_ref(), body.clone()));
        let (header, content) = (sealed.change.header, sealed.change.content);
        let (head, keys, streamed) = (sealed.head, sealed.keys, self.streamed);
        self.revised = Some(Box::new(Revised { head, keys, header, content, streamed, queued: None }));
        match unsent {
            Some(unsent) => State::Queueing(Box::new(Enqueue::new(unsent)), route, body),
            None => State::Sending(Exchange::bundle(route, body)),
        }
    }

    const fn may_wait(&self) -> bool {
        matches!(self.destination, Destination::Outbox(_))
    }

    /// It is in the outbox. Behind others of the container it waits for a drain.
    fn enqueued(&mut self, enqueued: Enqueued, route: Route, body: Vec<u8>) -> Option<State> {
        self.queued = Some(enqueued.sequence);
        let exchange = Exchange::bundle(route, body).under(enqueued.idempotency_key);
        (!enqueued.waits).then_some(State::Sending(exchange))
    }

    /// What becomes of it after the broker's answer, or without one.
    fn answered(&mut self, answer: Result<Vec<u8>, Error>) -> Option<State> {
        let checked = answer.and_then(|answer| {
            let revised = self.revised.as_ref().ok_or(Misuse::ResumedAfterDone)?;
            let body = revised.head.view.body();
            check_accepted(&answer, body.container, body.revision)
        });
        match checked {
            Err(error) if self.queued.is_some() && is_undecided(&error) => return None,
            Err(Error::Transport(error)) if self.may_wait() => self.failure = Some(cannot_queue(error)),
            Err(error) => self.failure = Some(error),
            Ok(()) => {}
        }
        self.queued.take().map(|sequence| State::Settling(dequeue(sequence)))
    }

    /// Done, or once more from the start.
    fn finish(&mut self, cx: &mut Cx<'_>) -> Result<Option<Revised>, Error> {
        if let Some(failure) = self.failure.take() {
            if self.is_for_old_keys(&failure, cx)? {
                self.state = State::Start;
                return Ok(None);
            }
            return Err(failure);
        }
        self.state = State::Done;
        let session = &mut *cx.session;
        let mut revised = self.revised.take().ok_or(Misuse::ResumedAfterDone)?;
        revised.queued = self.queued;
        if self.queued.is_some() {
            // What waits is built on, and not pinned: the broker has not confirmed it.
            session.set_head(revised.head.view.body().container, revised.head.clone());
        } else {
            remember(session, &revised.head);
        }
        Ok(Some(*revised))
    }

    /// Without a broker, only recipients that are known can be sealed for.
    fn learn(&self, cx: &Cx<'_>) -> Result<State, Error> {
        let recipients = self.recipients(cx)?;
        if !self.destination.reaches_broker()
            && let Some(user) = recipients.iter().find(|user| cx.session.chain(**user).is_none())
        {
            return Err(LocalError::KeysNotFound { user: *user }.into());
        }
        let keys = PublicKeys::new(recipients);
        let refresh = self.revision.as_ref().is_some_and(|revision| revision.refresh);
        Ok(State::Learning(if refresh { keys.refreshed() } else { keys }))
    }
}

/// Whether an earlier attempt was of a content like this one.
fn is_of(begun: &Begun, content: &Change<ContentInput>) -> bool {
    let length = match content {
        Change::Set(content) => Some(content.length()),
        Change::Keep | Change::Clear => None,
    };
    length == Some(begun.length) && begun.sealer().is_some()
}

/// Whether an earlier attempt was for the content that this revision makes.
fn goes_on(revision: &Revision, begun: &Begun, signer: UserId) -> bool {
    let context = begun.header.parameters.context;
    let expected = match &revision.base {
        Some(head) => (head.view.body().container, next_epoch(Some(&head.view.body().content))),
        None => (container_id(signer, &begun.id_salt), next_epoch(None)),
    };
    (context.container, context.epoch) == expected
}

fn cannot_queue(unreached: TransportError) -> Error {
    let reason = "a content over 4 MiB, or from a source, goes straight to the server";
    LocalError::CannotQueue { reason, unreached }.into()
}

fn seal(draft: Draft) -> State {
    State::Sealing(Leaf::compute("seal a revision", move || draft.seal()))
}

/// Remembers an accepted revision.
pub(super) fn remember(session: &mut Session, head: &Head) {
    let body = head.view.body();
    session.set_pin(body.container, Pin { revision: body.revision, hash: body.hash(), tombstone: false });
    session.set_head(body.container, head.clone());
}

/// The broker must have taken exactly this revision.
pub(crate) fn check_accepted(body: &[u8], container: ContainerId, revision: u64) -> Result<(), Error> {
    let changed: ContainerChanged = wire::from_json("the change's reply", body)?;
    if changed.container_id == container && changed.revision == revision {
        Ok(())
    } else {
        Err(Error::Protocol(format!("it answered the change of container {container} with another")))
    }
}

impl Operation for Revise {
    type Output = Revised;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Revised, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.learn(cx)),
                State::Learning(keys) => {
                    let chains = drive!(keys, cx, reply);
                    attempt!(self.learned(chains, cx))
                }
                State::Reading(leaf, chains) => {
                    let (begun, chains) = (drive!(leaf, cx, reply), core::mem::take(chains));
                    attempt!(self.draft(chains, begun, cx))
                }
                State::Looking(fetch, digest) => match fetch.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(found) => {
                        let digest = *digest;
                        match attempt!(self.looked(found, digest)) {
                            Some(revised) => return Step::Done(Ok(revised)),
                            None => continue,
                        }
                    }
                },
                State::Uploading(upload) => match upload.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    // The journal does not tell all that was sent: once more, under other keys.
                    Step::Done(Ok(None)) => State::Start,
                    Step::Done(Ok(Some(uploaded))) => {
                        let mut draft = attempt!(self.draft.take().ok_or(Misuse::ResumedAfterDone));
                        self.streamed = uploaded.kept;
                        draft.content = ContentDraft::Uploaded(uploaded.upload, uploaded.digest);
                        seal(draft)
                    }
                    Step::Done(Err(error)) => {
                        return Step::Done(Err(match error.cause() {
                            Error::Transport(unreached) if self.may_wait() => cannot_queue(unreached.clone()),
                            _ => error,
                        }));
                    }
                },
                State::Sealing(leaf) => {
                    let sealed = attempt!(drive!(leaf, cx, reply));
                    self.send(sealed)
                }
                State::Queueing(enqueue, route, body) => {
                    let enqueued = drive!(enqueue, cx, reply);
                    let (route, body) = (route.clone(), core::mem::take(body));
                    match self.enqueued(enqueued, route, body) {
                        Some(state) => state,
                        None => match attempt!(self.finish(cx)) {
                            Some(revised) => return Step::Done(Ok(revised)),
                            None => continue,
                        },
                    }
                }
                State::Sending(exchange) => {
                    if self.destination.reaches_broker() {
                        let answer = match exchange.resume(cx, reply.take()) {
                            Step::Effect(effect) => return Step::Effect(effect),
                            Step::Done(answer) => answer,
                        };
                        if let Some(state) = self.answered(answer) {
                            self.state = state;
                            continue;
                        }
                    }
                    match attempt!(self.finish(cx)) {
                        Some(revised) => return Step::Done(Ok(revised)),
                        None => continue,
                    }
                }
                State::Settling(transact) => match transact.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    // If it stays in the outbox, the next drain sends it again, to no effect.
                    Step::Done(_) => match attempt!(self.finish(cx)) {
                        Some(revised) => return Step::Done(Ok(revised)),
                        None => continue,
                    },
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
