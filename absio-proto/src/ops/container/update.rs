//! Changes a container: content, header, type, access, each alone or together (S-070 to S-083).
//!
//! ```text
//!  Start ──▶ (Fetching) ──▶ Revising ──▶ Changed
//!               ▲              │ conflict, and nothing changed here was changed there
//!               └──────────────┘
//! ```

use super::content::ContentInput;
use super::create::encrypted_container;
use super::destination::Destination;
use super::draft::present_grants;
use super::fetch::Fetch;
use super::get::Retained;
use super::grants::{self, Grants};
use super::revise::{Change, Revise, Revision};
use super::warning::{Changed, Warning};
use crate::crypto::container::encode_header;
use crate::crypto::segment::Padding;
use crate::effect::Reply;
use crate::error::{Error, InputError, LocalError, Misuse, RemoteCode};
use crate::model::{AccessChange, AccessList, ContainerId, Permissions, Portion, UserId};
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::NewContent;
use crate::session::{Head, Session};
use crate::{attempt, drive};
use serde_json::Value;
use std::sync::Arc;

/// How often an update is built anew on top of what others changed at the same time.
const ATTEMPTS: u32 = 5;

/// Updates a container. At least one part must be given; what is not given stays (AMB-05b). New
/// content or a new header re-keys the container for everybody. One round trip, one more if the
/// container was not fetched before, one more for all new recipients together.
pub struct Update {
    container: ContainerId,
    content: Change<ContentInput>,
    header: Change<Value>,
    container_type: Change<String>,
    access: AccessChange,
    padding: Padding,
    strict: bool,
    journal: Option<Arc<Vec<u8>>>,
    force: bool,
    attempts: u32,
    /// Whether the manifest was fetched by this operation.
    is_fresh: bool,
    /// Whether readers' cards are fetched again.
    refresh: bool,
    destination: Destination,
    retained: Option<(Retained, NewContent)>,
    warnings: Vec<Warning>,
    /// What this update was built on, if it was already.
    base: Option<Head>,
    state: State,
}

enum State {
    Start,
    Fetching(Box<Fetch>),
    Revising(Box<Revise>),
    Done,
}

impl Update {
    /// Of `container`.
    pub fn new(container: ContainerId) -> Self {
        Self {
            container,
            content: Change::Keep,
            header: Change::Keep,
            container_type: Change::Keep,
            access: AccessChange::Keep,
            padding: Padding::None,
            strict: false,
            journal: None,
            force: false,
            attempts: 0,
            is_fresh: false,
            refresh: false,
            destination: Destination::Broker,
            retained: None,
            warnings: Vec::new(),
            base: None,
            state: State::Start,
        }
    }

    /// Replaces header and content by what a caller encrypted; a part that is missing is removed.
    pub(super) fn replacing(container: ContainerId, header: Option<Value>, content: Option<Vec<u8>>) -> Self {
        let content = content.map_or(Change::Clear, |content| Change::Set(content.into()));
        Self { content, header: header.map_or(Change::Clear, Change::Set), ..Self::new(container) }
    }

    /// Replaces the content.
    pub fn content(mut self, content: impl Into<ContentInput>) -> Self {
        self.content = Change::Set(content.into());
        self
    }

    /// Replaces the header; `null` removes it (S-081).
    pub fn header(mut self, header: Value) -> Self {
        self.header = if header.is_null() { Change::Clear } else { Change::Set(header) };
        self
    }

    /// Replaces the header by a value of the caller's own type (X-24).
    ///
    /// # Errors
    /// [`InputError::InvalidHeader`] if it cannot be written as JSON.
    pub fn header_of<T: serde::Serialize>(self, value: &T) -> Result<Self, InputError> {
        Ok(self.header(crate::crypto::container::header_of(value)?))
    }

    /// Replaces the type; an empty one removes it.
    pub fn container_type(mut self, container_type: impl Into<String>) -> Self {
        let text = container_type.into();
        self.container_type = if text.is_empty() { Change::Clear } else { Change::Set(text) };
        self
    }

    /// Changes the access list.
    pub fn access(mut self, access: AccessChange) -> Self {
        self.access = access;
        self
    }

    /// Hides the exact length of a new content of up to 4 MiB.
    pub fn padded(mut self) -> Self {
        self.padding = Padding::Padme;
        self
    }

    /// Records what is sent of a content over 4 MiB through
    /// [`ContentOp::Record`](crate::effect::ContentOp), and goes on from `journal`, what was recorded so
    /// far (empty at first): parts that the broker has are not sent again, by another process either. They
    /// are read and compared; a source that changed since is refused. A journal that is not of this content
    /// and this revision is begun anew.
    pub fn recording(mut self, journal: Vec<u8>) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Refuses permissions with which an upload would be rejected (S-135).
    pub fn strict_permissions(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Replaces the access list even if the caller cannot see it, which may remove everybody else
    /// (S-133).
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Goes to `destination`. To the local store alone, it is built on what the session knows.
    pub(crate) fn to(self, destination: Destination) -> Self {
        Self { destination, ..self }
    }

    /// Which container.
    pub(crate) const fn container(&self) -> ContainerId {
        self.container
    }

    /// After the end: what the local store keeps.
    pub(crate) fn take_retained(&mut self) -> Option<(Retained, NewContent)> {
        self.retained.take()
    }

    fn keeps_access(&self) -> bool {
        matches!(self.access, AccessChange::Keep | AccessChange::Replace(AccessList::Unspecified))
    }

    fn check(&self, cx: &Cx<'_>) -> Result<(), Error> {
        cx.session.signed_in()?;
        let kept = self.content.is_kept() && self.header.is_kept() && self.container_type.is_kept();
        if kept && self.keeps_access() {
            return Err(InputError::NothingToUpdate { container: self.container }.into());
        }
        match &self.content {
            Change::Set(content) => Ok(content.check()?),
            Change::Keep | Change::Clear => Ok(()),
        }
    }

    fn fetch(&self) -> State {
        State::Fetching(Box::new(Fetch::new(self.container, Portion::Metadata)))
    }

    fn revise(&mut self, head: Head, cx: &Cx<'_>) -> Result<State, Error> {
        let user = cx.session.signed_in()?.id();
        self.warnings.clear();
        self.base = Some(head.clone());
        let grants = self.grants(&head, user)?;
        let header = match &self.header {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(value) => Change::Set(encode_header(value)?.into()),
        };
        // Once an upload may have begun, the bytes do not tell all that was sealed: another begins anew (F1).
        let journal = self.journal.clone();
        self.journal = journal.as_ref().map(|_| Arc::default());
        Ok(State::Revising(Box::new(Revise::new(Revision {
            base: Some(head),
            grants,
            header,
            content: self.content.clone(),
            padding: self.padding,
            journal,
            container_type: self.container_type.clone(),
            refresh: self.refresh,
            destination: self.destination,
        }))))
    }

    /// The whole new list. What the caller cannot see they can neither keep nor re-key (F19, F20).
    fn grants(&mut self, head: &Head, user: UserId) -> Result<Option<Grants>, Error> {
        let own = head.view.entry(user).map(|own| own.permissions).unwrap_or(Permissions::empty());
        let sees_all = own.contains(Permissions::ACCESS_VIEW) && head.view.access().is_complete();
        let needs_view = InputError::MissingRight { right: "access.view", container: self.container };
        let rekeys = !self.content.is_kept() || !self.header.is_kept();
        if rekeys && !sees_all {
            return Err(needs_view.into());
        }
        let grants = grants::after_change(&self.access, &present_grants(head), user)?;
        let Some(grants) = grants else { return Ok(None) };
        if !sees_all {
            let replaces = matches!(self.access, AccessChange::Replace(_) | AccessChange::OnlyMe);
            if !(self.force && replaces) {
                return Err(needs_view.into());
            }
            self.warnings.push(Warning::ReplacedUnseenAccess);
        }
        if self.strict {
            grants::check_strictly(&grants)?;
        }
        if !grants.contains_key(&user) {
            self.warnings.push(Warning::CallerExcluded);
        }
        Ok(Some(grants))
    }

    /// Whether what others changed since `base` leaves alone what this update changes.
    fn can_rebase(&self, base: &Head, head: &Head, user: UserId) -> Result<bool, Error> {
        let (before, now) = (base.view.body(), head.view.body());
        Ok((self.header.is_kept() || before.header == now.header)
            && (self.content.is_kept() || before.content == now.content)
            && (self.container_type.is_kept() || before.type_commitment == now.type_commitment)
            && !self.contends_for_access(base, head, user)?)
    }

    /// Whether others changed access that this update is about, and not to what it wants.
    fn contends_for_access(&self, base: &Head, head: &Head, user: UserId) -> Result<bool, Error> {
        let (before, now) = (present_grants(base), present_grants(head));
        let Some(wanted) = grants::after_change(&self.access, &now, user)? else { return Ok(false) };
        let differs = |user: &UserId| before.get(user) != now.get(user) && wanted.get(user) != now.get(user);
        let users = grants::concerned(&self.access);
        let seen = [base, head].iter().all(|head| head.view.access().is_complete());
        Ok(match users {
            Some(users) => users.iter().any(differs),
            None if seen => before.keys().chain(now.keys()).any(differs),
            // What moved in a list that is not shown cannot be told.
            None => base.view.access().hashes() != head.view.access().hashes(),
        })
    }

    fn fetched(&mut self, head: Head, cx: &Cx<'_>) -> Result<State, Error> {
        self.is_fresh = true;
        if let Some(base) = self.base.take()
            && !self.can_rebase(&base, &head, cx.session.signed_in()?.id())?
        {
            return Err(InputError::ChangedMeanwhile {
                container: self.container,
                base: base.view.body().revision,
                present: head.view.body().revision,
            }
            .into());
        }
        self.revise(head, cx)
    }

    /// Whether `error` may be for what this device remembers and not for how things are: then the
    /// update is tried once more on a fresh manifest.
    fn is_outdated(&mut self, error: &Error) -> bool {
        match error {
            _ if !self.destination.reaches_broker() => false,
            Error::Remote(error) if error.code == RemoteCode::Conflict => {
                self.attempts += 1;
                self.attempts <= ATTEMPTS
            }
            // The right may have been given since the manifest was fetched.
            Error::Input(InputError::MissingRight { .. }) => !self.is_fresh,
            // A reader may have closed their account since their card was fetched (F22).
            Error::Remote(error) if error.code == RemoteCode::UserNotFound && !self.refresh => {
                let user = error.subject.as_ref().and_then(|subject| subject.parse().ok());
                let base = self.base.as_ref();
                self.refresh =
                    user.and_then(|user| base.map(|base| base.view.entry(user).is_some())) == Some(true);
                self.refresh
            }
            _ => false,
        }
    }
}

impl Operation for Update {
    type Output = Changed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Changed, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    attempt!(self.check(cx));
                    match cx.session.head(self.container).cloned() {
                        Some(head) => match self.revise(head, cx) {
                            Ok(state) => state,
                            Err(error) if self.is_outdated(&error) => self.fetch(),
                            Err(error) => return Step::Done(Err(error)),
                        },
                        None if !self.destination.reaches_broker() => {
                            let container = self.container;
                            return Step::Done(Err(LocalError::ContainerNotFound { container }.into()));
                        }
                        None => self.fetch(),
                    }
                }
                State::Fetching(fetch) => {
                    let head = drive!(fetch, cx, reply).head;
                    attempt!(self.fetched(head, cx))
                }
                State::Revising(revise) => match revise.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(revised)) => {
                        self.state = State::Done;
                        if self.destination != Destination::Broker {
                            self.retained = Some(revised.retain());
                        }
                        self.warnings.extend(revised.queued.map(|sequence| Warning::Queued { sequence }));
                        let container = attempt!(encrypted_container(revised, cx));
                        let warnings = core::mem::take(&mut self.warnings);
                        return Step::Done(Ok(Changed { container, warnings }));
                    }
                    Step::Done(Err(error)) if self.is_outdated(&error) => self.fetch(),
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
