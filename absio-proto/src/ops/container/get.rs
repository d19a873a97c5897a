//! Gets a container: metadata, header, content, as far as the caller's rights go (S-049 to S-059).
//!
//! ```text
//!  Fetching ──▶ Delivering ──▶ Container
//! ```

use super::content::ContentOutput;
use super::deliver::{ContentAt, Deliver, Sections};
use super::fetch::{Fetch, Fetched, own_row};
use super::ranges::ContentRanges;
use super::summary::metadata;
use crate::crypto::ContainerKeys;
use crate::crypto::container::Container;
use crate::crypto::manifest::{AccessEntry, ManifestBody, Section};
use crate::effect::{BlobId, Reply};
use crate::error::{CryptoError, Error, RemoteCode, RemoteError};
use crate::model::{ContainerId, Permissions, Portion};
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::NewContent;
use crate::session::Session;
use crate::wire::{Availability, ContainerAnswer};
use crate::{attempt, drive};
use std::sync::Arc;

/// Gets a container. What the caller has no right to is left out, without an error; what fails to
/// verify is an error, and nothing of it is given out. One round trip for contents up to 4 MiB.
pub struct Get {
    portion: Portion,
    output: ContentOutput,
    decrypt: bool,
    /// What is to be kept of the answer, and where the chunks of a long content go.
    retained: Option<(Retained, BlobId)>,
    state: State,
}

/// What a local store keeps of a container that was got: keys, and segments as they came.
#[derive(Default)]
pub(crate) struct Retained {
    /// The revision they are of.
    pub(crate) revision: u64,
    pub(crate) keys: Option<Arc<ContainerKeys>>,
    pub(crate) header: Option<Vec<u8>>,
    pub(crate) content: Option<Vec<u8>>,
}

enum State {
    Fetching(Box<Fetch>),
    Delivering(Box<Deliver>),
}

impl Get {
    /// All of `portion` of a container, into memory (at most 256 MiB of content).
    pub fn new(container: ContainerId, portion: Portion) -> Self {
        Self {
            portion,
            output: ContentOutput::Memory,
            decrypt: true,
            retained: None,
            state: State::Fetching(Box::new(Fetch::new(container, portion))),
        }
    }

    /// Puts the content through [`Effect::Content`](crate::effect::Effect::Content) instead of into
    /// the container: for contents of any size.
    pub fn into_sink(mut self) -> Self {
        self.output = ContentOutput::Streamed { have: 0 };
        self
    }

    /// As [`into_sink`](Self::into_sink), where the sink can be read and `have` bytes may be in it of an
    /// earlier attempt: what is still what the manifest signs is not fetched again.
    pub fn into_sink_that_has(mut self, have: u64) -> Self {
        self.output = ContentOutput::Streamed { have };
        self
    }

    /// Fetches no content, but opens it for reading at any place: see
    /// [`take_ranges`](Self::take_ranges).
    pub fn into_ranges(mut self) -> Self {
        self.output = ContentOutput::Ranges;
        self
    }

    /// After the end of a get [`into_ranges`](Self::into_ranges): the content; none if there is none, or
    /// the caller may not have it.
    pub fn take_ranges(&mut self) -> Option<ContentRanges> {
        match &mut self.state {
            State::Delivering(deliver) => deliver.take_ranges(),
            State::Fetching(_) => None,
        }
    }

    /// Verifies the content and gives nothing of it out.
    pub(crate) fn discarding(mut self) -> Self {
        self.output = ContentOutput::Discarded;
        self
    }

    /// Leaves header and content encrypted (S-191): the container comes with its data and, if
    /// permitted, its keys. Only for contents that come inline, up to 4 MiB.
    pub fn encrypted(mut self) -> Self {
        self.decrypt = false;
        self
    }

    /// Retains what came for the local store; the chunks of a content that comes in parts go to `blob`
    /// on the way.
    pub(crate) fn retaining(mut self, blob: BlobId) -> Self {
        self.retained = Some((Retained::default(), blob));
        self
    }

    /// Whether something may have been written to the blob given to [`retaining`](Self::retaining).
    pub(crate) fn has_streamed(&self) -> bool {
        matches!(&self.state, State::Delivering(deliver) if deliver.streams())
    }

    /// After the end: keys, header and content as they came, if they were to be retained.
    pub(crate) fn take_retained(&mut self) -> Option<(Retained, NewContent)> {
        let (mut retained, _) = self.retained.take()?;
        let streamed = match &self.state {
            State::Delivering(deliver) => deliver.kept(),
            State::Fetching(_) => None,
        };
        let content = match (retained.content.take(), streamed) {
            (Some(segment), _) => NewContent::Segment(segment),
            (None, Some((header, blob))) => NewContent::Streamed { header, blob },
            (None, None) => NewContent::Inherit,
        };
        Some((retained, content))
    }

    fn fetched(&mut self, fetched: Fetched, cx: &Cx<'_>) -> Result<State, Error> {
        let Fetched { head, keys, mut answer } = fetched;
        let user = cx.session.signed_in()?.id();
        let own = own_row(&head, user)?;
        let body = head.view.body();
        let now = cx.session.effective_time(cx.now.utc);
        if crate::planted!(ExpiryUncheckedOfFetched, false, own.is_expired(now)) {
            return Err(expired(body.container));
        }
        let metadata = metadata(&head, user);
        check_presence(body, own, self.portion, &answer)?;
        let keys = keys.map(Arc::new);
        let (header, content) = (answer.header_segment.take(), answer.content_segment.take());
        let keep = self.retained.as_mut().map(|(retained, blob)| {
            let (keys, header, content) = (keys.clone(), header.clone(), content.clone());
            *retained = Retained { revision: body.revision, keys, header, content };
            *blob
        });
        let content = match (content, answer.content) {
            (Some(segment), _) => ContentAt::Segment(segment),
            (None, Availability::Parts) => ContentAt::Broker { keep },
            (None, _) => ContentAt::Nowhere,
        };
        let sections = Sections { body: body.clone(), metadata, keys: keys.clone(), header, content };
        let deliver = Deliver::new(sections, self.output, self.decrypt)?;
        let deliver = if self.decrypt { deliver } else { deliver.with_keys(keys.as_deref()) };
        Ok(State::Delivering(Box::new(deliver)))
    }
}

fn expired(container: ContainerId) -> Error {
    Error::Remote(RemoteError {
        code: RemoteCode::AccessExpired,
        message: format!("your access to container {container} has expired"),
        subject: Some(container.to_string()),
        retry_after_ms: None,
    })
}

/// What the answer brings must be what the manifest says exists, and all that was asked for and that
/// the caller's own row permits: a server hides no section (`docs/protocol.md` §14.6).
fn check_presence(
    body: &ManifestBody,
    own: &AccessEntry,
    portion: Portion,
    answer: &ContainerAnswer,
) -> Result<(), Error> {
    let downloads = own.permissions.contains(Permissions::CONTAINER_DOWNLOAD);
    let fits = |section: &Section, availability: Availability, wanted: bool| match availability {
        Availability::Omitted => !wanted,
        Availability::Denied => !downloads,
        Availability::Absent => !section.state.is_stored(),
        Availability::Inline | Availability::Parts => section.state.is_stored(),
    };
    let mismatch = |what| Err(CryptoError::ManifestMismatch { container: body.container, what }.into());
    let header = answer.header;
    if header == Availability::Parts || !fits(&body.header, header, portion.wants_header()) {
        return mismatch("header");
    }
    if fits(&body.content, answer.content, portion.wants_content()) { Ok(()) } else { mismatch("content") }
}

impl Operation for Get {
    type Output = Container;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Container, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Fetching(fetch) => {
                    let fetched = drive!(fetch, cx, reply);
                    attempt!(self.fetched(fetched, cx))
                }
                State::Delivering(deliver) => return deliver.resume(cx, reply),
            };
        }
    }
}
