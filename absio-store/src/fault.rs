//! Faults for the crate's own tests: named places where the next call may be made to fail as a
//! full or broken disk would. Outside tests a place is nothing.

#[cfg(not(test))]
#[inline(always)]
#[expect(clippy::unnecessary_wraps, reason = "the tests' twin can fail")]
pub(crate) fn place(_name: &'static str) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use armed::{DISK_FULL, IO_ERROR, arm, place};

#[cfg(test)]
mod armed {
    use std::cell::Cell;
    use std::io;

    /// `ENOSPC` of Linux and the BSDs.
    pub(crate) const DISK_FULL: i32 = 28;
    /// `EIO`.
    pub(crate) const IO_ERROR: i32 = 5;

    thread_local! {
        static FAULT: Cell<Option<(&'static str, i32)>> = const { Cell::new(None) };
    }

    /// Makes the next visit of the place `name` on this thread fail with `errno`, once.
    pub(crate) fn arm(name: &'static str, errno: i32) {
        FAULT.set(Some((name, errno)));
    }

    pub(crate) fn place(name: &'static str) -> io::Result<()> {
        match FAULT.get() {
            Some((armed, errno)) if armed == name => {
                FAULT.set(None);
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => Ok(()),
        }
    }
}
