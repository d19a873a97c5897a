//! Room on the disk, taken before it is written to.

use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io;

/// Makes `file` longer, from `present` bytes to `length`, with zeros that have their place on the disk
/// where the file system can do that. A failure leaves it as it was.
pub(crate) fn extend(file: &File, present: u64, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), present, length.saturating_sub(present)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(length),
        Err(error) => {
            file.set_len(present)?;
            Err(error.into())
        }
        Ok(()) => Ok(()),
    }
}
