//! The seed's provider-level write: a container that the caller encrypted (S-192 to S-197).
//!
//! ```text
//!  Start ──▶ (Opening: job) ──▶ (Fetching) ──▶ Creating ─┬─▶ Changed
//!                                        └──▶ Updating ──┘
//! ```

use super::create::Create;
use super::destination::Destination;
use super::draft::present_grants;
use super::fetch::Fetch;
use super::get::Retained;
use super::grants;
use super::update::Update;
use super::warning::Changed;
use crate::crypto::ContainerKeys;
use crate::crypto::container::Container;
use crate::crypto::segment::Padding;
use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse};
use crate::model::{Access, AccessChange, AccessList, ContainerId, Metadata, Permissions, Portion};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::ofs::NewContent;
use crate::session::{Head, Session};
use crate::{attempt, drive};

/// Writes an encrypted container: creates it if it has no id, otherwise updates the one it names.
/// What is written is said by three flags, of which the first is set: an upload writes header,
/// content, type and access list, whatever the other two say (S-192); without it only the list or only
/// the type is written (S-193, S-194); with none nothing is sent (S-195).
///
/// An upload is opened here with the container's own keys and sealed anew under fresh ones: sealed
/// bytes name the container and the epoch they are for, and every upload re-keys. Round trips as
/// [`Create`] and [`Update`].
///
/// An upload, and an access list that the container was fetched with, are written only on top of the
/// revision that the container was fetched at; otherwise [`InputError::ChangedMeanwhile`]: what
/// somebody wrote or took away since is not undone. Of a container without metadata, made by hand with
/// an id, the data are written, and type and list only where they are given.
pub struct UpdateOrCreate {
    container: Option<Container>,
    access: AccessList,
    requires_upload: bool,
    access_changed: bool,
    type_changed: bool,
    destination: Destination,
    retained: Option<(Retained, NewContent)>,
    state: State,
}

enum State {
    Start,
    Opening(Leaf<Result<Container, Error>>),
    Fetching(Box<Fetch>),
    Creating(Box<Create>),
    Updating(Box<Update>),
    Done,
}

impl UpdateOrCreate {
    /// Of `container`, which must be encrypted.
    pub fn new(container: Container) -> Self {
        Self {
            container: Some(container),
            access: AccessList::Unspecified,
            requires_upload: true,
            access_changed: false,
            type_changed: false,
            destination: Destination::Broker,
            retained: None,
            state: State::Start,
        }
    }

    /// Whether header and content are uploaded, and with them type and access list; true unless set.
    pub fn requires_upload(mut self, requires_upload: bool) -> Self {
        self.requires_upload = requires_upload;
        self
    }

    /// Whether the access list is written; false unless set.
    pub fn access_changed(mut self, access_changed: bool) -> Self {
        self.access_changed = access_changed;
        self
    }

    /// Whether the type is written; false unless set.
    pub fn type_changed(mut self, type_changed: bool) -> Self {
        self.type_changed = type_changed;
        self
    }

    /// The access list to write, instead of the one that the container was fetched with.
    pub fn access(mut self, access: AccessList) -> Self {
        self.access = access;
        self
    }

    /// Goes to `destination`.
    pub(crate) fn to(self, destination: Destination) -> Self {
        Self { destination, ..self }
    }

    /// Which container, unless it is a new one.
    pub(crate) fn id(&self) -> Option<ContainerId> {
        self.container.as_ref().and_then(|container| container.id)
    }

    /// After the end: what the local store keeps.
    pub(crate) fn take_retained(&mut self) -> Option<(Retained, NewContent)> {
        self.retained.take()
    }

    fn container(&mut self) -> Result<&mut Container, Misuse> {
        self.container.as_mut().ok_or(Misuse::ResumedAfterDone)
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<Option<State>, Error> {
        cx.session.signed_in()?;
        let (requires_upload, writes) = (self.requires_upload, self.access_changed || self.type_changed);
        let container = self.container()?;
        let is_plain = container.header.is_some() || container.content.is_some();
        if is_plain || requires_upload && !container.encrypted() {
            return Err(InputError::NotEncrypted.into());
        }
        if requires_upload {
            let mut container = self.container.take().ok_or(Misuse::ResumedAfterDone)?;
            return Ok(Some(State::Opening(Leaf::compute("open a container to upload it", move || {
                container.decrypt(None).map(|_| container)
            }))));
        }
        if !writes {
            return Ok(None);
        }
        match container.id {
            Some(id) => self.existing(id, cx).map(Some),
            None => Err(InputError::InvalidArgument {
                argument: "container",
                reason: "it has no id: to create it takes an upload".into(),
            }
            .into()),
        }
    }

    fn opened(&mut self, container: Container, cx: &Cx<'_>) -> Result<State, Error> {
        let id = container.id;
        self.container = Some(container);
        match id {
            Some(id) => self.existing(id, cx),
            None => self.create(),
        }
    }

    fn create(&mut self) -> Result<State, Error> {
        let access = core::mem::take(&mut self.access);
        let container = self.container()?;
        let mut create = Create::of(container.header.take(), container.content.take()).access(access);
        if let Some(text) = container.container_type.take() {
            create = create.container_type(text);
        }
        if container.content_padding != Padding::None {
            create = create.padded();
        }
        Ok(State::Creating(Box::new(create.to(self.destination))))
    }

    fn existing(&mut self, id: ContainerId, cx: &Cx<'_>) -> Result<State, Error> {
        match cx.session.head(id) {
            Some(head) if self.fetched_at() <= Some(head.view.body().revision) => self.update(head, cx),
            _ => Ok(State::Fetching(Box::new(Fetch::new(id, Portion::Metadata)))),
        }
    }

    /// What the container was fetched with; nothing if that was another container.
    fn metadata(&self) -> Option<&Metadata> {
        let container = self.container.as_ref()?;
        container.metadata.as_ref().filter(|metadata| Some(metadata.id) == container.id)
    }

    fn fetched_at(&self) -> Option<u64> {
        self.metadata().map(|metadata| metadata.revision)
    }

    /// Whether something is written that says how things were when the container was fetched.
    fn writes_what_was_fetched(&self) -> bool {
        self.requires_upload || self.access_changed && self.access == AccessList::Unspecified
    }

    fn update(&mut self, head: &Head, cx: &Cx<'_>) -> Result<State, Error> {
        let (id, user) = (head.view.body().container, cx.session.signed_in()?.id());
        let (fetched_at, present) = (self.fetched_at(), head.view.body().revision);
        if let Some(base) = fetched_at.filter(|base| *base != present && self.writes_what_was_fetched()) {
            return Err(InputError::ChangedMeanwhile { container: id, base, present }.into());
        }
        let access = self.access_to_write(head, cx)?;
        let (requires_upload, type_changed) = (self.requires_upload, self.type_changed);
        let container = self.container()?;
        let mut update = if requires_upload {
            Update::replacing(id, container.header.take(), container.content.take())
        } else {
            Update::new(id)
        };
        if let Some(access) = access {
            update = update.access(AccessChange::Replace(access));
        }
        let known = head.type_opening.as_ref().map(|opening| opening.text());
        let sees_type = head
            .view
            .entry(user)
            .is_some_and(|own| own.permissions.contains(Permissions::CONTAINER_TYPE_VIEW));
        // What the caller cannot see, or did not change, needs no right to keep.
        let differs = container.container_type.as_deref() != known;
        let says_type = container.container_type.is_some() || fetched_at.is_some() && sees_type;
        if type_changed || requires_upload && differs && says_type {
            update = update.container_type(container.container_type.clone().unwrap_or_default());
        }
        if container.content_padding != Padding::None {
            update = update.padded();
        }
        Ok(State::Updating(Box::new(update.to(self.destination))))
    }

    /// The list to write: the one given, or the one that the container was fetched with if that was
    /// whole.
    fn access_to_write(&mut self, head: &Head, cx: &Cx<'_>) -> Result<Option<AccessList>, Error> {
        if !(self.requires_upload || self.access_changed) {
            return Ok(None);
        }
        let user = cx.session.signed_in()?.id();
        let access = match core::mem::take(&mut self.access) {
            AccessList::Unspecified => {
                let whole = self.metadata().filter(|metadata| metadata.access_complete);
                whole.map_or(AccessList::Unspecified, |metadata| {
                    AccessList::of(metadata.access.values().map(Access::grant))
                })
            }
            given => given,
        };
        if self.access_changed {
            return match access {
                AccessList::Unspecified => Err(InputError::InvalidArgument {
                    argument: "access",
                    reason: "there is no whole list to write; give one".into(),
                }
                .into()),
                access => Ok(Some(access)),
            };
        }
        let differs =
            access != AccessList::Unspecified && grants::of_new(&access, user)? != present_grants(head);
        Ok(Some(access).filter(|_| differs))
    }

    /// Without an upload the caller's bytes and keys are still those of the container, if nothing came
    /// between the revision they were fetched at and this one.
    fn changed(&mut self, changed: Changed) -> Result<Changed, Error> {
        self.state = State::Done;
        let follows = self.fetched_at().and_then(|revision| revision.checked_add(1));
        let revision = changed.container.metadata.as_ref().map(|metadata| metadata.revision);
        if self.requires_upload || follows != revision {
            return Ok(changed);
        }
        let written = self.container.take().ok_or(Misuse::ResumedAfterDone)?;
        let metadata = changed.container.metadata.ok_or(Misuse::ResumedAfterDone)?;
        let keys = written.container_keys().map(ContainerKeys::duplicate);
        let container = Container::fetched(metadata, None, None, keys, written.into_data());
        Ok(Changed { container, warnings: changed.warnings })
    }
}

impl Operation for UpdateOrCreate {
    type Output = Changed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Changed, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => match attempt!(self.start(cx)) {
                    Some(state) => state,
                    None => {
                        self.state = State::Done;
                        let container = attempt!(self.container.take().ok_or(Misuse::ResumedAfterDone));
                        return Step::Done(Ok(Changed { container, warnings: Vec::new() }));
                    }
                },
                State::Opening(leaf) => {
                    let container = attempt!(drive!(leaf, cx, reply));
                    attempt!(self.opened(container, cx))
                }
                State::Fetching(fetch) => {
                    let head = drive!(fetch, cx, reply).head;
                    attempt!(self.update(&head, cx))
                }
                State::Creating(create) => {
                    let changed = drive!(create, cx, reply);
                    self.retained = create.take_retained();
                    return Step::Done(self.changed(changed));
                }
                State::Updating(update) => {
                    let changed = drive!(update, cx, reply);
                    self.retained = update.take_retained();
                    return Step::Done(self.changed(changed));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
