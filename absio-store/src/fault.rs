//! Faults for the crate's own tests. Every write, flush, rename, removal and creation of the file
//! layer passes a *place*; a test can make places fail as a full or broken disk would, or as if the
//! process had died there. Outside tests a place is nothing.

#[cfg(test)]
pub(crate) use armed::{DISK_FULL, IO_ERROR, arm, die_at, disarm, fail_at, place, write_all_at};

#[cfg(not(test))]
pub(crate) use unarmed::{place, write_all_at};

#[cfg(not(test))]
mod unarmed {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    #[inline(always)]
    #[expect(clippy::unnecessary_wraps, reason = "the tests' twin can fail")]
    pub(crate) fn place(_name: &'static str) -> io::Result<()> {
        Ok(())
    }

    /// Writes `bytes` at `offset`: a place that may also fail in the middle.
    #[inline(always)]
    pub(crate) fn write_all_at(
        _name: &'static str,
        file: &File,
        bytes: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }
}

#[cfg(test)]
mod armed {
    use std::cell::Cell;
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    /// `ENOSPC` of Linux and the BSDs.
    pub(crate) const DISK_FULL: i32 = 28;
    /// `EIO`.
    pub(crate) const IO_ERROR: i32 = 5;

    #[derive(Clone, Copy)]
    enum Fault {
        None,
        /// The next visit of the place of that name fails.
        Named(&'static str, i32),
        /// After so many visits one fails, and all that follow if the process dies there.
        Counted {
            before: usize,
            errno: i32,
            dies: bool,
        },
        /// Every visit fails and does nothing.
        Dead,
    }

    thread_local! {
        static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
        static FAILED_PLACE: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Makes the next visit of the place `name` on this thread fail with `errno`, once.
    pub(crate) fn arm(name: &'static str, errno: i32) {
        FAULT.set(Fault::Named(name, errno));
    }

    /// Lets the `number`-th place that this thread visits from now on (1, 2…) fail with `errno`, once.
    pub(crate) fn fail_at(number: usize, errno: i32) {
        FAILED_PLACE.set(None);
        FAULT.set(Fault::Counted { before: number - 1, errno, dies: false });
    }

    /// Lets this thread's disk end at the `number`-th place from now on: that one and all later ones
    /// fail, and nothing more is written until [`disarm`].
    pub(crate) fn die_at(number: usize) {
        FAILED_PLACE.set(None);
        FAULT.set(Fault::Counted { before: number - 1, errno: IO_ERROR, dies: true });
    }

    /// Ends all faults; gives the place that a counted one met, if it came that far.
    pub(crate) fn disarm() -> Option<&'static str> {
        FAULT.set(Fault::None);
        FAILED_PLACE.take()
    }

    enum Visit {
        Goes,
        /// Fails now, perhaps half done.
        Fails(io::Error),
        /// Fails without having begun.
        Dead(io::Error),
    }

    fn visit(name: &'static str) -> Visit {
        match FAULT.get() {
            Fault::Named(armed, errno) if armed == name => {
                FAULT.set(Fault::None);
                Visit::Fails(io::Error::from_raw_os_error(errno))
            }
            Fault::Counted { before: 0, errno, dies } => {
                FAULT.set(if dies { Fault::Dead } else { Fault::None });
                FAILED_PLACE.set(Some(name));
                Visit::Fails(io::Error::from_raw_os_error(errno))
            }
            Fault::Counted { before, errno, dies } => {
                FAULT.set(Fault::Counted { before: before - 1, errno, dies });
                Visit::Goes
            }
            Fault::Dead => Visit::Dead(io::Error::from_raw_os_error(IO_ERROR)),
            Fault::None | Fault::Named(..) => Visit::Goes,
        }
    }

    pub(crate) fn place(name: &'static str) -> io::Result<()> {
        match visit(name) {
            Visit::Goes => Ok(()),
            Visit::Fails(error) | Visit::Dead(error) => Err(error),
        }
    }

    /// Writes `bytes` at `offset`; if it fails here, half of them.
    pub(crate) fn write_all_at(name: &'static str, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        match visit(name) {
            Visit::Goes => file.write_all_at(bytes, offset),
            Visit::Fails(error) => {
                file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
                Err(error)
            }
            Visit::Dead(error) => Err(error),
        }
    }
}
