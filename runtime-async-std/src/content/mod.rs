//! Where content comes from and goes to.

mod file;
mod memory;
mod off_thread;
mod on_disk;

pub use file::{FileSink, FileSource};
pub use memory::{MemorySink, MemorySource};
