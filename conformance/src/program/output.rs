//! What is printed, line by line: a reader who has gone away ends the program, and is no fault of it.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Prints a line.
pub(crate) fn tell(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Whether there is nobody to print for any more, as after `| head`.
pub(crate) fn has_no_reader(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
