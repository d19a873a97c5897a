//! How far a stream is that goes by once: what readers and writers of either colour check.
//!
//! ```text
//!   at a byte ──begin──▶ on the way ──end──▶ at a later byte
//!                            │
//!                            └─ failed, or nobody waited for it: nothing may follow
//! ```

use absio_proto::effect::ContentError;

/// How far a reader is, which gives a number of bytes that was told before.
pub struct ReaderPlace {
    length: u64,
    place: Place,
}

/// How far a writer is.
#[derive(Default)]
pub struct WriterPlace {
    place: Place,
}

#[derive(Default)]
struct Place {
    position: u64,
    is_on_the_way: bool,
}

impl Place {
    fn begin(&mut self, offset: u64, cut_off: &str, once: &str) -> Result<(), ContentError> {
        if self.is_on_the_way {
            return Err(failed(cut_off));
        }
        if offset != self.position {
            return Err(failed(once));
        }
        self.is_on_the_way = true;
        Ok(())
    }

    fn end(&mut self, length: usize) {
        self.position = self.position.saturating_add(length as u64);
        self.is_on_the_way = false;
    }
}

fn failed(reason: impl Into<String>) -> ContentError {
    ContentError { reason: reason.into() }
}

impl ReaderPlace {
    /// Before the first of `length` bytes.
    #[must_use]
    pub const fn new(length: u64) -> Self {
        Self { length, place: Place { position: 0, is_on_the_way: false } }
    }

    /// Bytes that were told.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// `length` bytes at `offset` are about to be read; whether they are the last, so that nothing may be
    /// left behind them. Until [`end`](Self::end), every other read is refused.
    ///
    /// # Errors
    /// [`ContentError`] if they are not the next ones, are more than was told, or an earlier read was begun
    /// and did not end.
    pub fn begin(&mut self, offset: u64, length: usize) -> Result<bool, ContentError> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| failed("it ends before"))?;
        self.place.begin(
            offset,
            "an earlier read was cut off, and a reader does not go back",
            "a reader is read once, from the first byte to the last",
        )?;
        Ok(end == self.length)
    }

    /// `length` bytes were read.
    pub fn end(&mut self, length: usize) {
        self.place.end(length);
    }

    /// The reader ended too early.
    #[must_use]
    pub fn shorter(&self) -> ContentError {
        failed(format!("it ended before the {} bytes that were told", self.length))
    }

    /// The reader goes on behind its end.
    #[must_use]
    pub fn longer(&self) -> ContentError {
        failed(format!("it has more than the {} bytes that were told", self.length))
    }
}

impl WriterPlace {
    /// Bytes written, to the end of the last write that ended.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.place.position
    }

    /// Bytes are about to be written at `offset`. Until [`end`](Self::end), every other write is refused.
    ///
    /// # Errors
    /// [`ContentError`] if they are not the next ones, or an earlier write was begun and did not end.
    pub fn begin(&mut self, offset: u64) -> Result<(), ContentError> {
        self.place.begin(
            offset,
            "an earlier write was cut off, and a writer does not go back",
            "a writer is written once, from the first byte to the last",
        )
    }

    /// `length` bytes were written.
    pub fn end(&mut self, length: usize) {
        self.place.end(length);
    }
}
