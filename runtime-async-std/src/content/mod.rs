//! Where content comes from and goes to: that of `absio-store` on threads of its own, and streams.

mod file;
mod off_thread;
mod recorded;
mod stream;

pub use file::{FileSink, FileSource};
pub use recorded::RecordedSource;
pub use stream::{ReaderSource, WriterSink};
