//! Creates a container (S-025 to S-041).
//!
//! ```text
//!  Start ──▶ Revising (keys of recipients, seal, send) ──▶ Container
//! ```

use super::content::ContentInput;
use super::destination::Destination;
use super::get::Retained;
use super::grants;
use super::revise::{Change, Revise, Revised, Revision};
use super::summary::metadata;
use super::warning::{Changed, Warning};
use crate::crypto::container::{Container, ContainerData, encode_header};
use crate::crypto::segment::Padding;
use crate::effect::Reply;
use crate::error::Error;
use crate::model::AccessList;
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::NewContent;
use crate::session::Session;
use crate::{attempt, drive};
use serde_json::Value;
use std::sync::Arc;

/// Creates a container with content, and optionally header, type and access list. Gives it back
/// encrypted, with its id and keys. One round trip, and one more for all recipients whose keys are
/// not known yet; contents over 4 MiB go ahead in parts.
pub struct Create {
    content: Change<ContentInput>,
    header: Option<Value>,
    container_type: Option<String>,
    access: AccessList,
    padding: Padding,
    strict: bool,
    journal: Option<Arc<Vec<u8>>>,
    destination: Destination,
    warnings: Vec<Warning>,
    revise: Option<Box<Revise>>,
    retained: Option<(Retained, NewContent)>,
}

impl Create {
    /// With `content`, for the creator alone.
    pub fn new(content: impl Into<ContentInput>) -> Self {
        Self {
            content: Change::Set(content.into()),
            header: None,
            container_type: None,
            access: AccessList::Unspecified,
            padding: Padding::None,
            strict: false,
            journal: None,
            destination: Destination::Broker,
            warnings: Vec::new(),
            revise: None,
            retained: None,
        }
    }

    /// With what a caller encrypted: either part may be missing.
    pub(super) fn of(header: Option<Value>, content: Option<Vec<u8>>) -> Self {
        let content = content.map_or(Change::Keep, |content| Change::Set(content.into()));
        Self { header, content, ..Self::new(Vec::new()) }
    }

    /// With a header: any JSON value (S-027). `null` is a header, not the absence of one.
    pub fn header(mut self, header: Value) -> Self {
        self.header = Some(header);
        self
    }

    /// With a header made of a value of the caller's own type (X-24).
    ///
    /// # Errors
    /// [`InputError::InvalidHeader`](crate::InputError::InvalidHeader) if it cannot be written as JSON.
    pub fn header_of<T: serde::Serialize>(self, value: &T) -> Result<Self, crate::InputError> {
        Ok(self.header(crate::crypto::container::header_of(value)?))
    }

    /// With a clear type of at most 256 bytes, which the broker sees (S-029).
    pub fn container_type(mut self, container_type: impl Into<String>) -> Self {
        self.container_type = Some(container_type.into());
        self
    }

    /// For exactly the users of `access`; the creator must be among them to have access (AMB-05).
    pub fn access(mut self, access: AccessList) -> Self {
        self.access = access;
        self
    }

    /// Hides the exact length of a content of up to 4 MiB, at up to 12 % more bytes.
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

    /// Goes to `destination`.
    pub(crate) fn to(self, destination: Destination) -> Self {
        Self { destination, ..self }
    }

    /// After the end: what the local store keeps.
    pub(crate) fn take_retained(&mut self) -> Option<(Retained, NewContent)> {
        self.retained.take()
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<Revise, Error> {
        let user = cx.session.signed_in()?.id();
        let content = core::mem::take(&mut self.content);
        if let Change::Set(content) = &content {
            content.check()?;
        }
        let grants = grants::of_new(&self.access, user)?;
        if self.strict {
            grants::check_strictly(&grants)?;
        }
        if !grants.contains_key(&user) {
            self.warnings.push(Warning::CallerExcluded);
        }
        let header = match &self.header {
            Some(value) => Change::Set(encode_header(value)?.into()),
            None => Change::Keep,
        };
        Ok(Revise::new(Revision {
            base: None,
            grants: Some(grants),
            header,
            content,
            padding: self.padding,
            journal: self.journal.clone(),
            container_type: self.container_type.take().map_or(Change::Keep, Change::Set),
            refresh: false,
            destination: self.destination,
        }))
    }
}

/// The container as its writer has it after an accepted revision: encrypted.
pub(super) fn encrypted_container(revised: Revised, cx: &Cx<'_>) -> Result<Container, Error> {
    let user = cx.session.signed_in()?.id();
    let metadata = metadata(&revised.head, user);
    let body = revised.head.view.body();
    let complete = body.header.state.is_stored() == revised.header.is_some()
        && body.content.state.is_stored() == revised.content.is_some();
    let data = complete.then(|| ContainerData { header: revised.header, content: revised.content }.join());
    Ok(Container::fetched(metadata, None, None, revised.keys, data))
}

impl Operation for Create {
    type Output = Changed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Changed, Error>> {
        let revise = match &mut self.revise {
            Some(revise) => revise,
            None => {
                let revise = Box::new(attempt!(self.start(cx)));
                self.revise.insert(revise)
            }
        };
        let revised = drive!(revise, cx, reply);
        if self.destination != Destination::Broker {
            self.retained = Some(revised.retain());
        }
        self.warnings.extend(revised.queued.map(|sequence| Warning::Queued { sequence }));
        let container = attempt!(encrypted_container(revised, cx));
        Step::Done(Ok(Changed { container, warnings: core::mem::take(&mut self.warnings) }))
    }
}
