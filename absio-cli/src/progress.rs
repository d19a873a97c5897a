//! Progress, shown only when stderr is a terminal.

use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Content this small is done before a bar could be read.
const WORTH_SHOWING: u64 = 1 << 20;
const TICK: Duration = Duration::from_millis(120);

/// Does `work` beside a spinner that says `what`.
pub(crate) fn waiting<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(ProgressStyle::default_spinner())
        .with_message(what);
    spinner.enable_steady_tick(TICK);
    let result = work();
    spinner.finish_and_clear();
    result
}

/// Content that moves a bar as it is read or written. The bar goes away with it.
pub(crate) struct Counted<C> {
    content: C,
    bar: ProgressBar,
}

impl<C> Counted<C> {
    /// `content` of `length` bytes, or of a length still unknown, with a bar that says `what`.
    pub(crate) fn new(content: C, what: &'static str, length: Option<u64>) -> Self {
        let shown = length.is_none_or(|length| length >= WORTH_SHOWING);
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = match length {
            Some(_) => "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{spinner} {msg} {bytes} {bytes_per_sec}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(length, target).with_style(style).with_message(what);
        bar.enable_steady_tick(TICK);
        Self { content, bar }
    }

    /// The content, with the bar taken away.
    pub(crate) fn into_inner(self) -> C {
        self.bar.finish_and_clear();
        self.content
    }
}

impl<C: Content> Content for Counted<C> {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        let bytes = self.content.read_at(offset, length)?;
        self.bar.inc(bytes.len() as u64);
        Ok(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        let length = bytes.len() as u64;
        self.content.write_at(offset, bytes)?;
        self.bar.inc(length);
        Ok(())
    }
}
