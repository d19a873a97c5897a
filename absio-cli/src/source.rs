//! The content that a command reads: a file, or stdin.

use crate::failure::Failure;
use crate::progress::Counted;
use absio_blocking::{Client, FileSource};
use absio_proto::Error;
use absio_proto::limits;
use absio_proto::ops::container::{Changed, ContentInput, Create, Update};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// A file is read part by part; what has no length of its own is gathered in memory.
pub(crate) enum Source {
    File(Counted<FileSource>, u64),
    Memory(Vec<u8>),
}

impl Source {
    /// The file at `path`, or stdin for `-`.
    ///
    /// # Errors
    /// If it cannot be read, or is a stream of more than 256 MiB.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
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
            Ok(Self::File(Counted::new(source, "uploading", Some(length)), length))
        } else if metadata.is_dir() {
            Err(failed(io::ErrorKind::IsADirectory.into()))
        } else {
            gather(File::open(path).map_err(failed)?, path)
        }
    }

    fn input(&mut self) -> ContentInput {
        match self {
            Self::File(_, length) => ContentInput::Streamed { length: *length },
            Self::Memory(bytes) => std::mem::take(bytes).into(),
        }
    }

    /// Creates a container of this content.
    ///
    /// # Errors
    /// The operation's.
    pub(crate) fn create(
        mut self,
        client: &Client,
        create: impl FnOnce(ContentInput) -> Create,
    ) -> Result<Changed, Error> {
        let create = create(self.input());
        match &mut self {
            Self::File(source, _) => client.container().create_from(create, source),
            Self::Memory(_) => client.container().create(create),
        }
    }

    /// Updates a container with this content.
    ///
    /// # Errors
    /// The operation's.
    pub(crate) fn update(mut self, client: &Client, update: Update) -> Result<Changed, Error> {
        let update = update.content(self.input());
        match &mut self {
            Self::File(source, _) => client.container().update_from(update, source),
            Self::Memory(_) => client.container().update(update),
        }
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
