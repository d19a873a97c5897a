//! The content that a command reads: a file, or stdin.

use crate::failure::Failure;
use crate::progress::watched;
use absio_blocking::{Client, FileSource, RecordedSource};
use absio_proto::Error;
use absio_proto::driver::blocking::Content;
use absio_proto::limits;
use absio_proto::ops::container::{Changed, ContentInput, Create, Update};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file is read part by part; what has no length of its own is gathered in memory.
pub(crate) enum Source {
    Memory(Vec<u8>),
    /// So many bytes.
    Streamed(u64, Stream),
}

/// A file that goes up in parts.
pub(crate) enum Stream {
    Plain(FileSource),
    /// With a journal, to be gone on with.
    Recorded(RecordedSource<FileSource>, PathBuf),
}

impl Source {
    /// The file at `path`, or stdin for `-`. With `resume`, what is sent is recorded in a file beside it,
    /// and what was recorded there before is not sent again.
    ///
    /// # Errors
    /// If it cannot be read, or is a stream of more than 256 MiB.
    pub(crate) fn open(path: &Path, resume: bool) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::file(path, &error);
        if path == Path::new("-") {
            return gather(io::stdin().lock(), path);
        }
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_file() && metadata.len() <= limits::INLINE_SEGMENT {
            // It goes in one request, and can wait in an outbox.
            gather(File::open(path).map_err(failed)?, path)
        } else if metadata.is_file() {
            let source = FileSource::open(path).map_err(failed)?;
            let length = source.length();
            Ok(Self::Streamed(length, if resume { record(source, path)? } else { Stream::Plain(source) }))
        } else if metadata.is_dir() {
            Err(failed(io::ErrorKind::IsADirectory.into()))
        } else {
            gather(File::open(path).map_err(failed)?, path)
        }
    }

    /// Creates a container of this content.
    ///
    /// # Errors
    /// The operation's.
    pub(crate) fn create(
        self,
        client: &Client,
        create: impl FnOnce(ContentInput) -> Create,
    ) -> Result<Changed, Failure> {
        match self {
            Self::Memory(bytes) => Ok(client.container().create(create(bytes.into()))?),
            Self::Streamed(length, stream) => {
                let create = create(ContentInput::Streamed { length });
                stream.send(client, |client, source| client.container().create_from(create, source))
            }
        }
    }

    /// Updates a container with this content.
    ///
    /// # Errors
    /// The operation's.
    pub(crate) fn update(self, client: &Client, update: Update) -> Result<Changed, Failure> {
        match self {
            Self::Memory(bytes) => Ok(client.container().update(update.content(bytes))?),
            Self::Streamed(length, stream) => {
                let update = update.content(ContentInput::Streamed { length });
                stream.send(client, |client, source| client.container().update_from(update, source))
            }
        }
    }
}

impl Stream {
    fn send<T>(
        self,
        client: &Client,
        send: impl FnOnce(&Client, &mut dyn Content) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let what = "uploading";
        match self {
            Self::Plain(mut source) => Ok(watched(client, what, |client| send(client, &mut source))?),
            Self::Recorded(mut source, journal) => {
                let sent = watched(client, what, |client| send(client, &mut source))?;
                source.finish().map_err(|error| Failure::file(&journal, &error))?;
                Ok(sent)
            }
        }
    }
}

/// Records the upload of the file at `path` in `.NAME.absio-upload` beside it.
fn record(source: FileSource, path: &Path) -> Result<Stream, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let journal = path.with_file_name(format!(".{name}.absio-upload"));
    match RecordedSource::open(source, &journal) {
        Ok(source) => Ok(Stream::Recorded(source, journal)),
        Err(error) => Err(Failure::file(&journal, &error)),
    }
}

fn gather(mut stream: impl Read, path: &Path) -> Result<Source, Failure> {
    let mut bytes = Vec::new();
    stream
        .by_ref()
        .take(limits::CONTENT_IN_MEMORY + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file(path, &error))?;
    if bytes.len() as u64 > limits::CONTENT_IN_MEMORY {
        let limit = limits::CONTENT_IN_MEMORY;
        return Err(Failure::new(
            "too_large",
            format!("{} gives more than {limit} bytes; put them into a file first", path.display()),
        ));
    }
    Ok(Source::Memory(bytes))
}
