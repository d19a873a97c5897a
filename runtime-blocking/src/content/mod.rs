//! Where content comes from and goes to.

mod file;
mod memory;

pub use file::{FileSink, FileSource};
pub use memory::{MemorySink, MemorySource};
