//! Fetches a container and verifies who made it what it is.
//!
//! ```text
//!  Start ──▶ Getting ──▶ (Paging the history) ──▶ (Learning missing cards) ──▶ Verified
//!    ▲                                                      │
//!    └── another operation saw a newer revision meanwhile ──┘
//! ```
//!
//! Nothing of an answer is used before its manifest is verified: cards against ids, revisions from
//! the pin (or from the creator) to the newest, the caller's blob against its hash in the manifest.
//! One round trip, one more for each page of a long history.

use crate::crypto::chain::{ChainWalk, Pin, VerifiedHead};
use crate::crypto::manifest::{AccessEntry, ManifestView, TypeOpening, no_type};
use crate::crypto::tombstone::Tombstone;
use crate::crypto::{ContainerKeys, key_blob};
use crate::effect::Reply;
use crate::error::{CryptoError, Error, InputError, Misuse, RemoteCode, RemoteError};
use crate::limits;
use crate::model::{ContainerId, Permissions, Portion, UserId};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::ops::user::PublicKeys;
use crate::session::{CardsKnown, Head, Session};
use crate::wire::{ContainerAnswer, ManifestPage, Route};
use crate::{attempt, drive};
use std::collections::BTreeSet;

/// A verified container with what else the answer brought.
pub(super) struct Fetched {
    pub(super) head: Head,
    /// The container's keys, if the caller may decrypt.
    pub(super) keys: Option<ContainerKeys>,
    /// The answer, without the parts that went into `head`.
    pub(super) answer: ContainerAnswer,
}

/// Fetches `portion` of a container.
pub(super) struct Fetch {
    container: ContainerId,
    portion: Portion,
    /// The pinned revision when the request was made; 0 for none.
    asked_at: u64,
    /// The cards known when the last request was made.
    asked_with: CardsKnown,
    answer: Option<ContainerAnswer>,
    views: Vec<ManifestView>,
    /// Whether the newest revision is taken as it is if only a revoked key of the caller's signed it.
    on_own_word: bool,
    state: State,
}

enum State {
    Start,
    Getting(Exchange),
    Paging(Exchange),
    Learning(PublicKeys),
}

impl Fetch {
    pub(super) fn new(container: ContainerId, portion: Portion) -> Self {
        let state = State::Start;
        let asked_with = CardsKnown::default();
        let (answer, views, on_own_word) = (None, Vec::new(), false);
        Self { container, portion, asked_at: 0, asked_with, answer, views, on_own_word, state }
    }

    /// Takes the newest revision as it is if only a revoked key of the caller's signed it.
    pub(super) fn on_own_word(mut self) -> Self {
        self.on_own_word = true;
        self
    }

    fn take_answer(&mut self, body: &[u8], cx: &mut Cx<'_>) -> Result<Option<State>, Error> {
        let reader = cx.session.signed_in()?.id();
        let mut answer = ContainerAnswer::decode(body, reader)?;
        cx.session.learn_served(core::mem::take(&mut answer.cards), self.asked_with)?;
        self.views = decode_views(core::mem::take(&mut answer.views))?;
        let newest =
            self.views.last().ok_or_else(|| Error::Protocol("a container without a manifest".into()))?;
        let complete = answer.complete;
        let end = newest.body().revision;
        self.answer = Some(answer);
        if complete {
            return Ok(None);
        }
        self.views.clear();
        let pinned = cx.session.pin(self.container).map(|pin| pin.revision);
        Ok(Some(State::Paging(self.page(first_page(pinned, end), cx.session))))
    }

    fn page(&mut self, from: u64, session: &Session) -> Exchange {
        self.asked_with = session.cards_known();
        Exchange::new(Route::Manifests { container: self.container, from, limit: limits::REVISIONS_PAGE })
    }

    fn take_page(&mut self, body: &[u8], cx: &mut Cx<'_>) -> Result<Option<State>, Error> {
        let page = ManifestPage::decode(body)?;
        cx.session.learn_served(page.cards, self.asked_with)?;
        let before = self.views.len();
        self.views.extend(decode_views(page.views)?);
        let next = self.views.last().map(|view| view.body().revision.saturating_add(1));
        if !page.more {
            if cx.session.pin(self.container).is_none() && !begin_at_creator(&mut self.views) {
                return Err(CryptoError::HistoryTooLong { container: self.container }.into());
            }
            return Ok(None);
        }
        match next.filter(|_| self.views.len() > before) {
            Some(next) if self.views.len() as u64 <= limits::REVISIONS_WALKED => {
                Ok(Some(State::Paging(self.page(next, cx.session))))
            }
            _ => Err(CryptoError::HistoryTooLong { container: self.container }.into()),
        }
    }

    /// Users whose cards are needed and were not sent along, or not all of them.
    fn missing(&self, session: &Session) -> BTreeSet<UserId> {
        let lacks = |user: UserId, card: u64, key: u32| {
            session
                .chain(user)
                .is_none_or(|chain| chain.sequence() < card || chain.signing_key(key).is_none())
        };
        let authors = self.views.iter().map(|view| view.body().author);
        let authors = authors.map(|author| (author.user, author.card_sequence, author.index));
        let own = session.user().map(crate::session::User::id);
        let wrapped = self.views.last().and_then(|view| view.entry(own?)?.wrapped);
        let sealer = wrapped.map(|wrapped| (wrapped.sealed_by, 1, wrapped.sealed_by_index));
        let needed = authors.chain(sealer).filter(|(user, card, key)| lacks(*user, *card, *key));
        needed.map(|(user, _, _)| user).collect()
    }

    /// Whether the answer is older than what another operation saw while it was on its way, and not
    /// older than what was known when it was asked for: then it is no rollback, but of no use. A server
    /// cannot keep this up: each time takes another revision that was verified here.
    fn is_overtaken(&self, session: &Session) -> bool {
        let newest = self.views.last().map_or(0, |view| view.body().revision);
        let pinned = session.pin(self.container).map_or(0, |pin| pin.revision);
        self.asked_at <= newest && newest < pinned
    }

    fn start_over(&mut self) -> State {
        self.answer = None;
        self.views.clear();
        State::Start
    }

    fn verify(&mut self, cx: &mut Cx<'_>) -> Result<Fetched, Error> {
        let mut answer = self.answer.take().ok_or(Misuse::MissingReply)?;
        let pin = cx.session.pin(self.container).copied();
        if let Some(pin) = pin.filter(|pin| pin.tombstone) {
            let shown = answer.tombstone.as_deref().map(Tombstone::decode).transpose()?;
            let same =
                shown.is_some_and(|shown| (shown.revision, shown.previous) == (pin.revision, pin.hash));
            return Err(if same { deleted(self.container) } else { self.rolled_back(pin) });
        }
        let views = core::mem::take(&mut self.views);
        let own = cx.session.signed_in()?.id();
        let pinned = crate::planted!(RollbackAccepted, None, pin);
        let mut walk = ChainWalk::new(self.container, pinned, cx.now.utc);
        for view in views {
            walk.push(view, &*cx.session)?;
        }
        let verified = if self.on_own_word { walk.finish_on_word_of(own)? } else { walk.finish()? };
        if let Some(bytes) = &answer.tombstone {
            let tombstone = Tombstone::decode(bytes)?;
            let dead = verified.check_tombstone(&tombstone, &*cx.session, cx.now.utc)?;
            cx.session.set_pin(self.container, dead);
            cx.session.drop_head(self.container);
            return Err(deleted(self.container));
        }
        let pin = verified.pin();
        let (head, keys) = open_head(verified, &mut answer, cx.session)?;
        cx.session.set_pin(self.container, pin);
        cx.session.set_head(self.container, head.clone());
        Ok(Fetched { head, keys, answer })
    }

    fn rolled_back(&self, pin: Pin) -> Error {
        let (container, seen) = (self.container, pin.revision);
        CryptoError::RollbackDetected { container, seen, offered: seen.saturating_sub(1) }.into()
    }
}

/// Where the pages of a history that ends at `end` begin: at the pin, since a run that begins after it
/// is refused; without one as far back as is walked.
fn first_page(pinned: Option<u64>, end: u64) -> u64 {
    pinned.unwrap_or_else(|| end.saturating_sub(limits::REVISIONS_WALKED - 1).max(1))
}

/// Lets a history that does not reach back to its beginning begin at the revision before the first one
/// by the creator, whose word replaces what was before (F7). Whether there is a beginning.
fn begin_at_creator(views: &mut Vec<ManifestView>) -> bool {
    if views.first().is_none_or(|view| view.body().revision == 1) {
        return true;
    }
    let by_creator = |view: &ManifestView| view.body().author.user == view.body().created_by;
    let Some(followed) = views.iter().skip(1).position(by_creator) else { return false };
    views.drain(..followed);
    true
}

fn decode_views(views: Vec<Vec<u8>>) -> Result<Vec<ManifestView>, CryptoError> {
    views.iter().map(|view| ManifestView::decode(view)).collect()
}

fn deleted(container: ContainerId) -> Error {
    Error::Remote(RemoteError {
        code: RemoteCode::Deleted,
        message: format!("container {container} was deleted by the last user who had access"),
        subject: Some(container.to_string()),
        retry_after_ms: None,
    })
}

/// Checks type and blob against the verified manifest, and opens the blob.
fn open_head(
    verified: VerifiedHead,
    answer: &mut ContainerAnswer,
    session: &Session,
) -> Result<(Head, Option<ContainerKeys>), Error> {
    let view = verified.into_view();
    let opening = answer.type_opening.take().map(|bytes| TypeOpening::decode(&bytes)).transpose()?;
    if let Some(opening) = &opening {
        opening.check(view.body())?;
    }
    let head = Head { view, blob: answer.blob.take(), type_opening: opening };
    let own = head.view.entry(session.signed_in()?.id());
    let body = head.view.body();
    let withheld = |what| CryptoError::ManifestMismatch { container: body.container, what };
    // Left out, blob and type would look like a right that the caller does not have.
    if own.is_some_and(|own| own.wrapped.is_some()) && head.blob.is_none() {
        return Err(withheld("key blob").into());
    }
    let sees_type = own.is_some_and(|own| own.permissions.contains(Permissions::CONTAINER_TYPE_VIEW));
    if sees_type && head.type_opening.is_none() && body.type_commitment != no_type() {
        return Err(withheld("type").into());
    }
    let keys = open_keys(&head, session)?;
    Ok((head, keys))
}

/// The keys in the caller's blob; none if there is no blob.
pub(super) fn open_keys(head: &Head, session: &Session) -> Result<Option<ContainerKeys>, Error> {
    let user = session.signed_in()?;
    let body = head.view.body();
    let (Some(blob), Some(entry)) = (&head.blob, head.view.entry(user.id())) else { return Ok(None) };
    head.view.manifest().check_blob(entry, blob)?;
    let Some(wrapped) = entry.wrapped else { return Ok(None) };
    let ring = user.keys();
    // A row for a key that this device never had is for one that another device made since.
    let unknown = InputError::KeysChanged { user: user.id() };
    let recipient = ring.chain().derivation_key(wrapped.derivation_index).ok_or(unknown)?;
    let secret = ring.derivation_secret(wrapped.derivation_index).ok_or(CryptoError::Decrypt)?;
    let sender =
        session.chain(wrapped.sealed_by).and_then(|chain| chain.signing_key(wrapped.sealed_by_index));
    let sender = sender.ok_or(CryptoError::Decrypt)?;
    let context = body.blob_context(entry, sender.public, recipient.public).ok_or(CryptoError::Decrypt)?;
    Ok(Some(key_blob::open_blob(blob, &context, &secret)?))
}

/// The caller's own row, which must be shown to them.
pub(super) fn own_row(head: &Head, user: UserId) -> Result<&AccessEntry, Error> {
    let what = "access list";
    let container = head.view.body().container;
    head.view.entry(user).ok_or_else(|| CryptoError::ManifestMismatch { container, what }.into())
}

impl Operation for Fetch {
    type Output = Fetched;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Fetched, Error>> {
        loop {
            let next = match &mut self.state {
                State::Start => {
                    let (container, portion) = (self.container, self.portion);
                    let known = cx.session.pin(container).map(|pin| pin.revision);
                    self.asked_at = known.unwrap_or(0);
                    self.asked_with = cx.session.cards_known();
                    Some(State::Getting(Exchange::new(Route::GetContainer { container, portion, known })))
                }
                State::Getting(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    attempt!(self.take_answer(&body, cx))
                }
                State::Paging(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    attempt!(self.take_page(&body, cx))
                }
                State::Learning(keys) => {
                    drive!(keys, cx, reply);
                    if !self.is_overtaken(cx.session) {
                        return Step::Done(self.verify(cx));
                    }
                    Some(self.start_over())
                }
            };
            let missing = self.missing(cx.session);
            self.state = match next {
                Some(state) => state,
                None if self.is_overtaken(cx.session) => self.start_over(),
                None if missing.is_empty() => return Step::Done(self.verify(cx)),
                None => State::Learning(PublicKeys::new(missing).refreshed()),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_page;

    #[test]
    fn f7_pages_begin_at_the_pin_or_as_far_back_as_is_walked() {
        assert_eq!(first_page(None, 1), 1);
        assert_eq!(first_page(None, 9_999), 1);
        assert_eq!(first_page(None, 10_000), 1);
        // 10,000 revisions and no more: 2 to 10,001.
        assert_eq!(first_page(None, 10_001), 2);
        assert_eq!(first_page(None, u64::MAX), u64::MAX - 9_999);
        // The pinned revision is always among them, however far behind.
        assert_eq!(first_page(Some(3), 50_000), 3);
        assert_eq!(first_page(Some(49_990), 50_000), 49_990);
    }
}
