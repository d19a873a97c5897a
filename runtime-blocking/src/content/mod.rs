//! Where content comes from and goes to.

mod file;
mod journal;
mod memory;
mod reader;

pub use file::{FileSink, FileSource};
pub use journal::RecordedSource;
pub use memory::{MemorySink, MemorySource};
pub use reader::{ReaderSource, WriterSink};
