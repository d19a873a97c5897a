//! Gets a container from the local store, or from the broker, or from whichever has it.
//!
//! ```text
//!                hit ──▶ Delivering ──────────────────────────────────────▶ Got
//!  Recalling ────┤
//!    ▲           │  miss, stale or to be refreshed       ┌─ kept, or a warning ─▶ Got
//!    │           ├─▶ Fetching (broker) ──▶ Keeping ──────┤
//!    │           │          ├─ refused ──▶ Settling (drop, or mark what is kept) ─▶ the refusal
//!    │           │          │ nobody has it
//!    │           └──────────┴─▶ Checking (is nothing lost here?) ──▶ not found, or degraded
//!    └── Repairing, once ◀── a record does not verify, or is missing
//! ```

use super::record_of;
use crate::crypto::container::Container;
use crate::effect::{BlobId, Reply};
use crate::error::{Error, LocalError, Misuse, RemoteCode};
use crate::model::{ContainerId, Portion, Timestamp};
use crate::ofs::container::{ContainerRecord, Kept, KeptSection};
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::deliver::{ContentAt, Deliver, Sections};
use crate::ops::container::{self, ContentOutput, ContentRanges, Warning, metadata};
use crate::ops::ofs::{Change, Check, Keep, NewContent, Recall, Repair, Transact, ask};
use crate::provider::login::is_unreachable;
use crate::provider::{Options, Standard};
use crate::session::Session;
use crate::{attempt, drive};

/// What is to be got, and how.
#[derive(Clone, Copy, Debug)]
pub struct Get {
    /// Which.
    pub container: ContainerId,
    /// Which sections.
    pub portion: Portion,
    /// Whether what is kept may answer.
    pub options: Options,
    pub(crate) output: ContentOutput,
    pub(crate) decrypt: bool,
}

impl Get {
    /// `portion` of `container`, into memory.
    #[must_use]
    pub const fn new(container: ContainerId, portion: Portion) -> Self {
        let (options, output) = (Options::new(), ContentOutput::Memory);
        Self { container, portion, options, output, decrypt: true }
    }

    /// With these options.
    #[must_use]
    pub const fn with(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// The content goes through [`Effect::Content`](crate::effect::Effect::Content), for any size.
    #[must_use]
    pub const fn into_sink(self) -> Self {
        self.into_sink_that_has(0)
    }

    /// As [`into_sink`](Self::into_sink), where the sink can be read and may have the first `have` bytes of
    /// an earlier attempt: they are compared, and what is whole is not fetched again.
    #[must_use]
    pub const fn into_sink_that_has(self, have: u64) -> Self {
        Self { output: ContentOutput::Streamed { have }, ..self }
    }

    /// No content is fetched, but it is opened for reading at any place: [`Got::ranges`].
    #[must_use]
    pub const fn into_ranges(self) -> Self {
        Self { output: ContentOutput::Ranges, ..self }
    }

    /// The content is verified and kept, and not given out: for bringing a device up to date.
    #[must_use]
    pub const fn only_keeping(self) -> Self {
        Self { output: ContentOutput::Discarded, ..self }
    }

    /// Header and content stay encrypted (S-191); contents up to 4 MiB.
    #[must_use]
    pub const fn encrypted(self) -> Self {
        Self { decrypt: false, ..self }
    }
}

/// A container that was got.
#[derive(Debug)]
pub struct Got {
    /// The container.
    pub container: Container,
    /// Whether it came from the local store, without asking the server.
    pub from_cache: bool,
    /// When the server last confirmed it; none if it never did.
    pub fresh_at: Option<Timestamp>,
    /// Usually empty.
    pub warnings: Vec<Warning>,
    /// The content, open for reading, of a get [`into_ranges`](Get::into_ranges).
    pub ranges: Option<ContentRanges>,
}

/// The operation of [`Get`] under a standard provider.
pub(crate) struct Getting {
    place: Standard,
    get: Get,
    record: Option<ContainerRecord>,
    /// Chunks of a long content are kept here on the way.
    blob: Option<BlobId>,
    got: Option<Got>,
    failure: Option<Error>,
    is_repaired: bool,
    /// Whether what is kept may answer if the broker cannot be reached.
    is_spare: bool,
    state: State,
}

enum State {
    Start,
    Recalling(Recall),
    Repairing(Box<Repair>),
    Checking(Check),
    Delivering(Box<Deliver>),
    Fetching(Box<container::Get>),
    Keeping(Box<Keep>),
    Discarding(ask::Answer),
    Settling(Box<Transact>),
    Done,
}

impl Getting {
    pub(crate) fn new(place: Standard, get: Get) -> Self {
        Self {
            place,
            get,
            record: None,
            blob: None,
            got: None,
            failure: None,
            is_repaired: false,
            is_spare: false,
            state: State::Start,
        }
    }

    fn start(&self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        match self.place {
            Standard::Server => Ok(self.fetch(cx)?.1),
            Standard::Ofs => cx.session.local().map(|_| State::Recalling(Recall::new(self.get.container))),
            Standard::ServerCacheOfs if cx.session.caches() => {
                Ok(State::Recalling(Recall::new(self.get.container)))
            }
            // Nothing is kept for this user here.
            Standard::ServerCacheOfs => Ok(self.fetch(cx)?.1),
        }
    }

    fn fetch(&self, cx: &Cx<'_>) -> Result<(Option<BlobId>, State), Error> {
        cx.session.signed_in()?;
        let mut get = container::Get::new(self.get.container, self.get.portion);
        get = match self.get.output {
            ContentOutput::Memory => get,
            ContentOutput::Streamed { have } => get.into_sink_that_has(have),
            ContentOutput::Ranges => get.into_ranges(),
            ContentOutput::Discarded => get.discarding(),
        };
        if !self.get.decrypt {
            get = get.encrypted();
        }
        Ok((None, State::Fetching(Box::new(get))))
    }

    /// From the broker, keeping what comes.
    fn fetch_and_keep(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let random = cx.random()?;
        let blob = cx.session.local()?.keys.blob_id(random);
        let (_, state) = self.fetch(cx)?;
        let State::Fetching(get) = state else { return Ok(state) };
        self.blob = Some(blob);
        Ok(State::Fetching(Box::new(get.retaining(blob))))
    }

    fn recalled(&mut self, record: Option<ContainerRecord>, cx: &mut Cx<'_>) -> Result<State, Error> {
        self.record = record;
        let local = cx.session.local()?;
        let (user, now) = (local.user_id(), cx.session.effective_time(cx.now.utc));
        if self.record.as_ref().is_some_and(|record| record.is_leaving) {
            return Err(LocalError::DeletionQueued { container: self.get.container }.into());
        }
        let is_alone = self.place == Standard::Ofs || self.is_local();
        let found = self.record.as_ref().and_then(|record| Some((record, record.kept.as_ref()?)));
        let Some((record, kept)) = found else {
            return if is_alone { Ok(State::Checking(Check::new())) } else { self.fetch_and_keep(cx) };
        };
        let own = kept.head.view.entry(user);
        let is_expired =
            crate::planted!(ExpiryUncheckedHere, false, own.is_some_and(|own| own.is_expired(now)));
        if is_alone && is_expired {
            self.failure = Some(LocalError::AccessExpired { container: self.get.container }.into());
            return Ok(erase(self.get.container, cx.session));
        }
        let may_answer = is_alone || !is_expired && self.may_answer(record, cx)?;
        // After a loss, what was kept before it may be older than what was seen: the broker is asked
        // first.
        let since = local.state.incomplete_since.filter(|_| !is_alone);
        let is_trusted = since.is_none_or(|since| record.fresh_at > Some(since));
        if may_answer && is_trusted {
            return self.deliver(record, kept, user, cx).map(State::Delivering);
        }
        self.is_spare = may_answer;
        self.fetch_and_keep(cx)
    }

    /// Whether what was found is a container that nobody else has.
    fn is_local(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.is_local)
    }

    /// Whether what is kept may answer instead of the broker.
    fn may_answer(&self, record: &ContainerRecord, cx: &Cx<'_>) -> Result<bool, Error> {
        let local = cx.session.local()?;
        let now = local.effective_time(cx.now.utc);
        let is_fresh = match (self.get.options.max_staleness, record.fresh_at) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(limit), Some(at)) => {
                let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                now <= at.plus_millis(limit)
            }
        };
        if record.is_unsent {
            // Nothing is newer than what waits to be sent.
            return Ok(record.has(self.get.portion, local.user_id()));
        }
        // Another call of this session may have seen a newer revision that could not be kept.
        let seen = cx.session.pin_of_anybody(self.get.container).map_or(0, |pin| pin.revision);
        let is_newest = crate::planted!(OlderThanSeen, true, seen <= record.pin.revision);
        let refresh = crate::planted!(RefreshIgnored, false, self.get.options.force_refresh);
        let has = record.has(self.get.portion, local.user_id());
        Ok(!refresh && is_fresh && is_newest && !record.is_reported && has)
    }

    /// What is kept, because the broker cannot be reached.
    fn deliver_spare(&self, cx: &Cx<'_>) -> Result<State, Error> {
        let record = self.record.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        let kept = record.kept.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        self.deliver(record, kept, cx.session.local()?.user_id(), cx).map(State::Delivering)
    }

    fn deliver(
        &self,
        record: &ContainerRecord,
        kept: &Kept,
        user: crate::model::UserId,
        cx: &Cx<'_>,
    ) -> Result<Box<Deliver>, Error> {
        let (portion, container) = (self.get.portion, self.get.container);
        if !record.has(portion, user) {
            let lacks_header = !record.has(Portion::Header, user) && portion.wants_header();
            let what = if lacks_header { "header" } else { "content" };
            return Err(LocalError::PartNotFound { container, what }.into());
        }
        cx.session.config()?;
        let content = match kept.content.as_ref().filter(|_| portion.wants_content()) {
            None => ContentAt::Nowhere,
            Some(KeptSection::Inline(segment)) => ContentAt::Segment(segment.clone()),
            Some(KeptSection::Blob { header, blob }) => ContentAt::Blob { header: *header, blob: *blob },
        };
        let sections = Sections {
            body: kept.head.view.body().clone(),
            metadata: metadata(&kept.head, user),
            keys: kept.keys.clone(),
            header: kept.header.clone().filter(|_| portion.wants_header()),
            content,
        };
        let deliver = Deliver::new(sections, self.get.output, self.get.decrypt)?;
        Ok(Box::new(if self.get.decrypt { deliver } else { deliver.with_keys(kept.keys.as_deref()) }))
    }

    /// The container is delivered from the local store.
    fn answered(&self, container: Container, ranges: Option<ContentRanges>) -> Got {
        let fresh_at = self.record.as_ref().and_then(|record| record.fresh_at);
        Got { container, from_cache: true, fresh_at, warnings: Vec::new(), ranges }
    }

    /// The container came from the broker: keep it.
    fn fetched(
        &mut self,
        container: Container,
        ranges: Option<ContentRanges>,
        retained: Option<(container::Retained, NewContent)>,
        cx: &Cx<'_>,
    ) -> State {
        let now = Some(cx.now.utc);
        let warnings = Vec::new();
        self.got = Some(Got { container, from_cache: false, fresh_at: now, warnings, ranges });
        let Some((retained, content)) = retained else { return State::Done };
        let Some(record) = record_of(cx.session, self.get.container, retained, now) else {
            return State::Done;
        };
        if matches!(content, NewContent::Streamed { .. }) {
            // Whoever keeps it takes care of the blob.
            self.blob = None;
        }
        State::Keeping(Box::new(Keep::new(record, content)))
    }

    /// What a refusal of the broker means for what is kept.
    fn refused(&mut self, error: Error, cx: &Cx<'_>) -> State {
        let is_unknown = error.is_remote(&RemoteCode::ContainerNotFound) && self.record.is_none();
        if is_unknown && self.place == Standard::ServerCacheOfs && cx.session.caches() {
            // It may have been one that nobody else had.
            self.failure = Some(error);
            return State::Checking(Check::new());
        }
        let code = match (&error, self.record.is_some()) {
            (Error::Remote(remote), true) => Some(&remote.code),
            _ => None,
        };
        let is_dead = cx.session.pin_of_anybody(self.get.container).is_some_and(|pin| pin.tombstone);
        let local = cx.session.local().ok().filter(|_| cx.session.caches());
        let state = match (code, local) {
            // Proven by a tombstone.
            (Some(RemoteCode::Deleted), Some(_)) if is_dead => erase(self.get.container, cx.session),
            (
                Some(RemoteCode::Deleted | RemoteCode::AccessExpired | RemoteCode::ContainerNotFound),
                Some(local),
            ) => {
                let now = local.effective_time(cx.now.utc);
                let kept = self.record.as_ref().and_then(|record| record.kept.as_ref());
                let own = kept.and_then(|kept| kept.head.view.entry(local.user_id()));
                match own.is_some_and(|own| own.is_expired(now)) {
                    true => erase(self.get.container, cx.session),
                    false => settle(self.get.container, |record| record.is_reported = true),
                }
            }
            _ => State::Done,
        };
        self.failure = Some(error);
        state
    }

    fn repair(&mut self) -> State {
        (self.is_repaired, self.failure) = (true, None);
        State::Repairing(Box::default())
    }

    fn finish(&mut self) -> Step<Result<Got, Error>> {
        self.state = State::Done;
        match self.failure.take() {
            Some(error) => Step::Done(Err(error)),
            None => Step::Done(self.got.take().ok_or_else(|| Misuse::ResumedAfterDone.into())),
        }
    }

    /// A blob that was begun and has no name goes; then the end.
    fn discard(&mut self) -> Option<State> {
        self.blob.take().map(|blob| State::Discarding(ask::delete_blob(blob)))
    }
}

/// What is kept of a container goes, but for the pin.
fn erase(container: ContainerId, session: &Session) -> State {
    let pin = session.pin_of_anybody(container).copied();
    settle(container, move |record| {
        (record.kept, record.envelope) = (None, None);
        if let Some(pin) = pin.filter(|pin| pin.tombstone || pin.revision > record.pin.revision) {
            record.pin = pin;
        }
    })
}

/// Changes the record of a container, if there is one.
fn settle(container: ContainerId, change: impl Fn(&mut ContainerRecord) + Send + 'static) -> State {
    let id = container.as_bytes().to_vec();
    State::Settling(Box::new(Transact::new(vec![(Kind::Container, id)], move |found| {
        let Some(data) = &found[0] else { return Ok(vec![Change::Keep]) };
        let mut record = ContainerRecord::decode(data)?;
        change(&mut record);
        let changed = record.encode();
        Ok(vec![if changed == *data { Change::Keep } else { Change::Put(changed) }])
    })))
}

impl Operation for Getting {
    type Output = Got;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Got, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Recalling(recall) => match recall.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(record)) => attempt!(self.recalled(record, cx)),
                    // What is kept is put in order first; the broker may have it whole.
                    Step::Done(Err(Error::Local(_))) if !self.is_repaired => self.repair(),
                    // A cache that fails must not fail the read.
                    Step::Done(Err(Error::Local(_) | Error::Store(_)))
                        if self.place == Standard::ServerCacheOfs =>
                    {
                        attempt!(self.fetch_and_keep(cx))
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Repairing(repair) => match repair.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Err(_)) if self.place == Standard::ServerCacheOfs => {
                        attempt!(self.fetch_and_keep(cx))
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                    Step::Done(Ok(_)) => State::Recalling(Recall::new(self.get.container)),
                },
                State::Checking(check) => match checked(check, cx, &mut reply) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Err(Error::Local(_))) if !self.is_repaired => self.repair(),
                    // That the broker does not know it is certain, whatever fails here.
                    Step::Done(Ok(None) | Err(Error::Store(_))) if self.failure.is_some() => State::Done,
                    Step::Done(Ok(incomplete)) => {
                        return Step::Done(Err(not_found(self.get.container, incomplete)));
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Delivering(deliver) => match deliver.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(container)) => {
                        let ranges = deliver.take_ranges();
                        self.got = Some(self.answered(container, ranges));
                        return self.finish();
                    }
                    // What is kept is damaged: the broker has it whole.
                    Step::Done(Err(error)) => match error.cause() {
                        Error::Local(_) | Error::Store(_) | Error::Crypto(_)
                            if self.place == Standard::ServerCacheOfs && !self.is_local() =>
                        {
                            attempt!(self.fetch_and_keep(cx))
                        }
                        Error::Crypto(_) => {
                            let reason =
                                format!("what is kept of container {} does not verify", self.get.container);
                            return Step::Done(Err(LocalError::Degraded { reason }.into()));
                        }
                        _ => return Step::Done(Err(error)),
                    },
                },
                State::Fetching(get) => match get.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(result) => {
                        let retained = get.take_retained();
                        // Where nothing was written, there is nothing to take back.
                        self.blob = self.blob.filter(|_| get.has_streamed());
                        match result {
                            Ok(container) => {
                                let ranges = get.take_ranges();
                                self.fetched(container, ranges, retained, cx)
                            }
                            Err(error) if self.is_spare && is_unreachable(&error) => {
                                self.is_spare = false;
                                attempt!(self.deliver_spare(cx))
                            }
                            Err(error) => self.refused(error, cx),
                        }
                    }
                },
                State::Keeping(keep) => match keep.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(kept) => {
                        if let (Err(error), Some(got)) = (kept, &mut self.got) {
                            got.warnings.push(Warning::not_kept(&error));
                        }
                        State::Done
                    }
                },
                State::Settling(transact) => match transact.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    // The refusal is what the caller must know; the store is looked at the next time.
                    Step::Done(_) => State::Done,
                },
                State::Discarding(answer) => {
                    let _ = drive!(answer, cx, reply);
                    State::Done
                }
                State::Done => match self.discard() {
                    Some(state) => state,
                    None => return self.finish(),
                },
            };
        }
    }
}

/// Since when something is lost, by the check of this session or by this one.
pub(in crate::provider) fn checked(
    check: &mut Check,
    cx: &mut Cx<'_>,
    reply: &mut Option<Reply>,
) -> Step<Result<Option<Timestamp>, Error>> {
    let local = attempt!(cx.session.local());
    if local.is_checked && reply.is_none() {
        return Step::Done(Ok(local.state.incomplete_since));
    }
    Step::Done(Ok(drive!(check, cx, reply).incomplete_since))
}

pub(super) fn not_found(container: ContainerId, incomplete: Option<Timestamp>) -> Error {
    match incomplete {
        None => LocalError::ContainerNotFound { container }.into(),
        Some(since) => {
            let reason = format!(
                "container {container} is not here, and something was lost before {since}; it may have been"
            );
            LocalError::Degraded { reason }.into()
        }
    }
}
