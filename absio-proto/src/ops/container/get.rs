//! Gets a container: metadata, header, content, as far as the caller's rights go (S-049 to S-059).
//!
//! ```text
//!  Fetching ──▶ Opening (job: header, inline content) ──▶ Container
//!                  └──▶ Downloading (content in parts) ──▶ Container
//! ```

use super::content::ContentOutput;
use super::download::Download;
use super::fetch::{Fetch, Fetched, own_row};
use super::summary::metadata;
use crate::crypto::ContainerKeys;
use crate::crypto::container::{Container, ContainerData, decode_header, open_section};
use crate::crypto::manifest::{AccessEntry, ManifestBody, Section};
use crate::effect::{ContentError, ContentOp, ContentOutcome, Reply};
use crate::error::{CryptoError, Error, InputError, Misuse, RemoteCode, RemoteError};
use crate::model::{ContainerId, Metadata, Permissions, Portion};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::Session;
use crate::wire::{Availability, ContainerAnswer};
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Gets a container. What the caller has no right to is left out, without an error; what fails to
/// verify is an error, and nothing of it is given out. One round trip for contents up to 4 MiB.
pub struct Get {
    portion: Portion,
    output: ContentOutput,
    decrypt: bool,
    found: Option<Found>,
    state: State,
}

/// The verified parts so far.
struct Found {
    metadata: Metadata,
    header: Option<serde_json::Value>,
    keys: Option<ContainerKeys>,
    data: Option<Vec<u8>>,
}

/// Header JSON and inline content.
type Opened = Result<(Option<Zeroizing<Vec<u8>>>, Option<Zeroizing<Vec<u8>>>), Error>;

enum State {
    Fetching(Box<Fetch>),
    Opening(Leaf<Opened>, Option<Download>),
    Downloading(Download),
    Writing(Leaf<Result<ContentOutcome, ContentError>>),
    Done,
}

impl Get {
    /// All of `portion` of a container, into memory (at most 256 MiB of content).
    pub fn new(container: ContainerId, portion: Portion) -> Self {
        Self {
            portion,
            output: ContentOutput::Memory,
            decrypt: true,
            found: None,
            state: State::Fetching(Box::new(Fetch::new(container, portion))),
        }
    }

    /// Puts the content through [`Effect::Content`](crate::effect::Effect::Content) instead of into
    /// the container: for contents of any size.
    pub fn into_sink(mut self) -> Self {
        self.output = ContentOutput::Streamed;
        self
    }

    /// Leaves header and content encrypted (S-191): the container comes with its data and, if
    /// permitted, its keys. Only for contents that come inline, up to 4 MiB.
    pub fn encrypted(mut self) -> Self {
        self.decrypt = false;
        self
    }

    fn fetched(&mut self, fetched: Fetched, cx: &Cx<'_>) -> Result<State, Error> {
        let Fetched { head, keys, mut answer } = fetched;
        let user = cx.session.signed_in()?.id();
        let own = own_row(&head, user)?;
        if own.is_expired(cx.now.utc) {
            return Err(expired(head.view.body().container));
        }
        let body = head.view.body();
        let metadata = metadata(&head, user);
        check_presence(body, own, self.portion, &answer)?;
        let header = answer.header_segment.take();
        let content = answer.content_segment.take();
        let mut found = Found { metadata, header: None, keys: None, data: None };
        let Some(keys) = keys else {
            // Without the right to decrypt (S-127).
            return Ok(self.keep_encrypted(found, header, content));
        };
        if !self.decrypt {
            check_inline(&answer)?;
            found.keys = Some(keys);
            return Ok(self.keep_encrypted(found, header, content));
        }
        let download = match answer.content {
            Availability::Parts => {
                let output = self.output_for(&body.content);
                let secret = keys.content_secret().duplicate();
                Some(Download::new(body.content_context(), body.content.digest, secret, output)?)
            }
            _ => None,
        };
        let opening = open_sections(body, &keys, header, content);
        found.keys = Some(keys);
        self.found = Some(found);
        Ok(State::Opening(opening, download))
    }

    fn keep_encrypted(
        &mut self,
        mut found: Found,
        header: Option<Vec<u8>>,
        content: Option<Vec<u8>>,
    ) -> State {
        found.data = encrypted_data(header, content);
        self.found = Some(found);
        State::Opening(Leaf::compute("nothing to open", || Ok((None, None))), None)
    }

    /// What was gathered in memory goes where the caller wants it: on to the sink, or into the
    /// container, which is the end.
    fn deliver(&mut self, content: Option<Zeroizing<Vec<u8>>>) -> Result<Option<Container>, Error> {
        match (self.output, content) {
            (ContentOutput::Streamed, Some(mut content)) => {
                let bytes = core::mem::take(&mut *content);
                self.state = State::Writing(Leaf::content(ContentOp::WriteAt { offset: 0, bytes }));
                Ok(None)
            }
            (_, content) => self.finish(content).map(Some),
        }
    }

    fn finish(&mut self, content: Option<Zeroizing<Vec<u8>>>) -> Result<Container, Error> {
        self.state = State::Done;
        let found = self.found.take().ok_or(Misuse::ResumedAfterDone)?;
        let content = content.map(|mut content| core::mem::take(&mut *content));
        Ok(Container::fetched(found.metadata, found.header, content, found.keys, found.data))
    }

    /// A padded content is gathered, since only its end tells how much of it is data.
    fn output_for(&self, section: &Section) -> ContentOutput {
        if section.state.is_padded() { ContentOutput::Memory } else { self.output }
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

fn check_inline(answer: &ContainerAnswer) -> Result<(), Error> {
    if answer.content == Availability::Parts {
        return Err(InputError::Unsupported { what: "fetching a content over 4 MiB still encrypted" }.into());
    }
    Ok(())
}

/// The container data of segments that stay as they are; none if there are none.
fn encrypted_data(header: Option<Vec<u8>>, content: Option<Vec<u8>>) -> Option<Vec<u8>> {
    (header.is_some() || content.is_some()).then(|| ContainerData { header, content }.join())
}

/// Opens what came inline against the verified manifest.
fn open_sections(
    body: &ManifestBody,
    keys: &ContainerKeys,
    header: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
) -> Leaf<Opened> {
    let (body, keys) = (body.clone(), keys.duplicate());
    Leaf::compute("open a container", move || {
        let open = |segment: Vec<u8>, section, context, secret| {
            let opened = open_section(&body, section, &context, Some(&segment), secret)?;
            Ok::<_, Error>(opened.map(Zeroizing::new))
        };
        let header =
            header.map(|segment| open(segment, &body.header, body.header_context(), keys.header_secret()));
        let content = content
            .map(|segment| open(segment, &body.content, body.content_context(), keys.content_secret()));
        Ok((header.transpose()?.flatten(), content.transpose()?.flatten()))
    })
}

impl Operation for Get {
    type Output = Container;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Container, Error>> {
        loop {
            match &mut self.state {
                State::Fetching(fetch) => {
                    let fetched = drive!(fetch, cx, reply);
                    self.state = attempt!(self.fetched(fetched, cx));
                }
                State::Opening(leaf, download) => {
                    let (header, content) = attempt!(drive!(leaf, cx, reply));
                    let download = download.take();
                    let found = attempt!(self.found.as_mut().ok_or(Misuse::ResumedAfterDone));
                    found.header = attempt!(header.map(|json| decode_header(&json)).transpose());
                    if let Some(download) = download {
                        self.state = State::Downloading(download);
                    } else if let Some(container) = attempt!(self.deliver(content)) {
                        return Step::Done(Ok(container));
                    }
                }
                State::Downloading(download) => {
                    let content = drive!(download, cx, reply);
                    if let Some(container) = attempt!(self.deliver(content)) {
                        return Step::Done(Ok(container));
                    }
                }
                State::Writing(leaf) => {
                    attempt!(drive!(leaf, cx, reply));
                    return Step::Done(self.finish(None));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            }
        }
    }
}
