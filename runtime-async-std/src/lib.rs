//! Absio for asynchronous tasks, on any executor.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
