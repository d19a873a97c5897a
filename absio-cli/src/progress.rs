//! Progress, shown only when stderr is a terminal.

use absio_blocking::Client;
use absio_proto::driver::blocking::Content;
use absio_proto::effect::{ContentError, Progress, ProgressUnit};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Content this small is done before a bar could be read.
const WORTH_SHOWING: u64 = 1 << 20;
const TICK: Duration = Duration::from_millis(120);

const OF_BYTES: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const OF_CONTAINERS: &str = "{msg} [{bar:30}] {pos}/{len} containers";

/// Does `work` beside a spinner that says `what`.
pub(crate) fn waiting<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let bar = spinner(what);
    let result = work();
    bar.finish_and_clear();
    result
}

/// Does `work` with a client that moves a bar which says `what`.
pub(crate) fn watched<T>(client: &Client, what: &'static str, work: impl FnOnce(&Client) -> T) -> T {
    let bar = spinner(what);
    let moved = bar.clone();
    let result = work(&client.watching(move |progress| show(&moved, progress)));
    bar.finish_and_clear();
    result
}

fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(ProgressStyle::default_spinner())
        .with_message(what);
    bar.enable_steady_tick(TICK);
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    let template = match progress.unit {
        ProgressUnit::Containers => OF_CONTAINERS,
        _ if progress.total < WORTH_SHOWING => return,
        _ => OF_BYTES,
    };
    // The same bar may count the bytes of a container between two containers.
    if bar.length() != Some(progress.total) {
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_length(progress.total);
    }
    bar.set_position(progress.done);
}

/// A file that is not a container's content: it moves a bar as it is read or written.
pub(crate) struct Counted<C> {
    content: C,
    bar: ProgressBar,
    length: Option<u64>,
    done: u64,
}

impl<C> Counted<C> {
    /// `content` of `length` bytes, or of a length still unknown, with a bar that says `what`.
    pub(crate) fn new(content: C, what: &'static str, length: Option<u64>) -> Self {
        Self { content, bar: spinner(what), length, done: 0 }
    }

    fn moved(&mut self, bytes: usize) {
        self.done += bytes as u64;
        let (unit, total) = (ProgressUnit::BytesSent, self.length.unwrap_or(self.done));
        show(&self.bar, Progress { unit, done: self.done, total });
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
        self.moved(bytes.len());
        Ok(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        let length = bytes.len();
        self.content.write_at(offset, bytes)?;
        self.moved(length);
        Ok(())
    }
}
