//! Where content comes from and goes to: files, memory, streams.
//!
//! Everything here blocks and implements [`driver::blocking::Content`]; what never waits implements
//! [`driver::nonblocking::Content`] too. The runtimes hand it on: `absio-blocking` as it is,
//! `absio-async-std` on threads of its own.
//!
//! [`driver::blocking::Content`]: absio_proto::driver::blocking::Content
//! [`driver::nonblocking::Content`]: absio_proto::driver::nonblocking::Content

mod file;
mod journal;
mod memory;
mod place;
mod private_file;
mod reader;

pub use file::{FileSink, FileSource};
pub use journal::{JournalFile, RecordedSource};
pub use memory::{MemorySink, MemorySource};
pub use place::{ReaderPlace, WriterPlace};
pub use reader::{ReaderSource, WriterSink};

use absio_proto::effect::ContentError;
use std::io;
use std::path::Path;

/// A failure of the system at `path`.
fn failed(path: &Path, error: &io::Error) -> ContentError {
    ContentError { reason: format!("{}: {error}", path.display()) }
}
