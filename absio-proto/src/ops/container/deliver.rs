//! From verified parts to the container that the caller gets, wherever the parts came from.
//!
//! ```text
//!  Opening (job: header, short content) ──┬─▶ Container
//!                                         ├─▶ Downloading (content in parts) ──▶ Container
//!                                         └─▶ Preparing (to read from it in parts) ──▶ Container
//! ```

use super::content::ContentOutput;
use super::download::Download;
use super::open_content::Opening;
use super::ranges::ContentRanges;
use crate::crypto::ContainerKeys;
use crate::crypto::container::{Container, ContainerData, decode_header, open_section};
use crate::crypto::manifest::ManifestBody;
use crate::crypto::segment::SegmentHeader;
use crate::effect::{BlobId, ContentError, ContentOp, ContentOutcome, Reply};
use crate::error::{Error, InputError, Misuse};
use crate::model::Metadata;
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where the content is.
pub(crate) enum ContentAt {
    /// There is none, or the caller may not have it, or did not ask.
    Nowhere,
    /// Here: the whole segment.
    Segment(Vec<u8>),
    /// At the broker, to be fetched in parts; kept in this blob on the way, if one is given.
    Broker {
        /// The blob.
        keep: Option<BlobId>,
    },
    /// In a blob of the local store.
    Blob {
        /// The clear header.
        header: SegmentHeader,
        /// The blob with the chunks.
        blob: BlobId,
    },
}

/// A container whose manifest is verified and whose sections are not opened yet.
pub(crate) struct Sections {
    pub(crate) body: ManifestBody,
    pub(crate) metadata: Metadata,
    /// None without the right to decrypt (S-127).
    pub(crate) keys: Option<Arc<ContainerKeys>>,
    pub(crate) header: Option<Vec<u8>>,
    pub(crate) content: ContentAt,
}

/// Opens and hands over. What fails to verify is an error, and nothing of it is given out.
pub(crate) struct Deliver {
    output: ContentOutput,
    found: Option<Found>,
    /// Whether chunks go to a blob on the way.
    streams: bool,
    kept: Option<(SegmentHeader, BlobId)>,
    ranges: Option<ContentRanges>,
    state: State,
}

/// The verified parts so far.
struct Found {
    metadata: Metadata,
    header: Option<serde_json::Value>,
    keys: Option<ContainerKeys>,
    data: Option<Vec<u8>>,
}

/// Header JSON and short content.
type Opened = Result<(Option<Zeroizing<Vec<u8>>>, Option<Zeroizing<Vec<u8>>>), Error>;

enum State {
    Opening(Option<Leaf<Opened>>, Option<Transfer>),
    Downloading(Box<Download>),
    Preparing(Box<Opening>),
    Writing(Leaf<Result<ContentOutcome, ContentError>>),
    Done,
}

/// What is to be done for a content that is not here.
enum Transfer {
    Download(Box<Download>),
    Prepare(Box<Opening>),
}

impl Deliver {
    /// Hands `sections` over to `output`; still encrypted unless `decrypt` (S-191).
    ///
    /// # Errors
    /// [`InputError::Unsupported`] for a long content that is to stay encrypted,
    /// [`InputError::TooLarge`] for one that is to be gathered and is over 256 MiB.
    pub(crate) fn new(sections: Sections, output: ContentOutput, decrypt: bool) -> Result<Self, Error> {
        let Sections { body, metadata, keys, header, content } = sections;
        let mut found = Found { metadata, header: None, keys: None, data: None };
        let streams = matches!(content, ContentAt::Broker { keep: Some(_) });
        let new =
            |found, state| Ok(Self { output, found: Some(found), streams, kept: None, ranges: None, state });
        let Some(keys) = keys.filter(|_| decrypt) else {
            let segment = match content {
                ContentAt::Segment(segment) => Some(segment),
                ContentAt::Nowhere => None,
                ContentAt::Broker { .. } | ContentAt::Blob { .. } if !decrypt => {
                    let what = "fetching a content over 4 MiB still encrypted";
                    return Err(InputError::Unsupported { what }.into());
                }
                ContentAt::Broker { .. } | ContentAt::Blob { .. } => None,
            };
            found.data = encrypted_data(header, segment);
            return new(found, State::Opening(None, None));
        };
        let (context, signed) = (body.content_context(), body.content.digest);
        let opening = || Opening::of_broker(context, signed, keys.content_secret().duplicate());
        // A padded content is gathered, since only its end tells how much of it is data.
        let output_here = if body.content.state.is_padded() { ContentOutput::Memory } else { output };
        let transfer = |opening, keep| {
            if output_here == ContentOutput::Ranges {
                return Ok::<_, Error>(Transfer::Prepare(Box::new(opening)));
            }
            let download = Download::new(opening, signed.length, output_here)?;
            Ok(Transfer::Download(Box::new(match keep {
                Some(blob) => download.keeping(blob),
                None => download,
            })))
        };
        let (segment, transfer) = match content {
            ContentAt::Nowhere => (None, None),
            ContentAt::Segment(segment) => (Some(segment), None),
            ContentAt::Broker { keep } => (None, Some(transfer(opening(), keep)?)),
            ContentAt::Blob { header, blob } => {
                (None, Some(transfer(opening().of_blob(header, blob), None)?))
            }
        };
        found.keys = Some(keys.duplicate());
        let opening = open_sections(body, keys, header, segment);
        new(found, State::Opening(Some(opening), transfer))
    }

    /// A container fetched still encrypted keeps its keys (S-191).
    pub(crate) fn with_keys(mut self, keys: Option<&ContainerKeys>) -> Self {
        if let Some(found) = &mut self.found {
            found.keys = keys.map(ContainerKeys::duplicate);
        }
        self
    }

    /// Whether something may have been written to the blob for the content's chunks.
    pub(crate) const fn streams(&self) -> bool {
        self.streams
    }

    /// After the end: the content, open for reading, if that was asked for.
    pub(crate) fn take_ranges(&mut self) -> Option<ContentRanges> {
        self.ranges.take()
    }

    /// After the end: the blob that holds the content's chunks, if it was to be kept and could be.
    pub(crate) const fn kept(&self) -> Option<(SegmentHeader, BlobId)> {
        self.kept
    }

    /// What was gathered in memory goes where the caller wants it: on to the sink, or into the
    /// container, which is the end.
    fn deliver(&mut self, content: Option<Zeroizing<Vec<u8>>>) -> Result<Option<Container>, Error> {
        match (self.output, content) {
            (ContentOutput::Streamed { .. }, Some(mut content)) => {
                let bytes = core::mem::take(&mut *content);
                self.state = State::Writing(Leaf::content(ContentOp::WriteAt { offset: 0, bytes }));
                Ok(None)
            }
            (ContentOutput::Ranges, Some(content)) => {
                self.ranges = Some(ContentRanges::of_memory(content));
                self.finish(None).map(Some)
            }
            (ContentOutput::Discarded, _) => self.finish(None).map(Some),
            (_, content) => self.finish(content).map(Some),
        }
    }

    fn finish(&mut self, content: Option<Zeroizing<Vec<u8>>>) -> Result<Container, Error> {
        self.state = State::Done;
        let found = self.found.take().ok_or(Misuse::ResumedAfterDone)?;
        let content = content.map(|mut content| core::mem::take(&mut *content));
        Ok(Container::fetched(found.metadata, found.header, content, found.keys, found.data))
    }
}

/// The container data of segments that stay as they are; none if there are none.
fn encrypted_data(header: Option<Vec<u8>>, content: Option<Vec<u8>>) -> Option<Vec<u8>> {
    (header.is_some() || content.is_some()).then(|| ContainerData { header, content }.join())
}

/// Opens what is here against the verified manifest.
fn open_sections(
    body: ManifestBody,
    keys: Arc<ContainerKeys>,
    header: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
) -> Leaf<Opened> {
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

impl Operation for Deliver {
    type Output = Container;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Container, Error>> {
        loop {
            match &mut self.state {
                State::Opening(leaf, transfer) => {
                    let (header, content) = match leaf {
                        Some(leaf) => attempt!(drive!(leaf, cx, reply)),
                        None => (None, None),
                    };
                    let transfer = transfer.take();
                    let found = attempt!(self.found.as_mut().ok_or(Misuse::ResumedAfterDone));
                    found.header = attempt!(header.map(|json| decode_header(&json)).transpose());
                    match transfer {
                        Some(Transfer::Download(download)) => self.state = State::Downloading(download),
                        Some(Transfer::Prepare(opening)) => self.state = State::Preparing(opening),
                        None => {
                            if let Some(container) = attempt!(self.deliver(content)) {
                                return Step::Done(Ok(container));
                            }
                        }
                    }
                }
                State::Downloading(download) => {
                    let content = drive!(download, cx, reply);
                    self.kept = download.kept();
                    if let Some(container) = attempt!(self.deliver(content)) {
                        return Step::Done(Ok(container));
                    }
                }
                State::Preparing(opening) => {
                    let content = drive!(opening, cx, reply);
                    self.ranges = Some(ContentRanges::of_chunks(content));
                    return Step::Done(self.finish(None));
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
