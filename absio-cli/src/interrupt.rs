//! Being told to end while a file is half written: the half must not stay.

use crate::failure::Failure;
use crate::output::Output;
use absio_blocking::FileSink;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Begins the file at `path`. From then on SIGINT and SIGTERM remove what there is of it before they
/// end the process; once it is whole and renamed there is nothing to remove.
///
/// # Errors
/// If the file cannot be begun, or the signals cannot be watched.
pub(crate) fn begin_file(path: &Path, output: Output) -> Result<FileSink, Failure> {
    let unwatched = |error: io::Error| Failure::new("signals", format!("signals cannot be watched: {error}"));
    let half = Arc::new(Mutex::new(None));
    // Locked until the name is known, so that a signal in between waits for it.
    let mut name = half.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, signals) = signals().map_err(unwatched)?;
    let watched = Arc::clone(&half);
    thread::Builder::new()
        .name("interrupt".into())
        .spawn(move || watch(&runtime, signals, &watched, output))
        .map_err(unwatched)?;
    let sink = FileSink::create(path).map_err(|error| Failure::file(path, &error))?;
    *name = Some(sink.temporary_path().to_owned());
    drop(name);
    Ok(sink)
}

/// The signals, caught from now on.
fn signals() -> io::Result<(Runtime, [Signal; 2])> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let context = runtime.enter();
    let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    drop(context);
    Ok((runtime, signals))
}

fn watch(runtime: &Runtime, signals: [Signal; 2], half: &Mutex<Option<PathBuf>>, output: Output) {
    let [mut interrupt, mut terminate] = signals;
    runtime.block_on(async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    });
    if let Some(half) = half.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // It may be renamed already.
        let _ = fs::remove_file(half);
    }
    output.failure(&Failure::new("interrupted", "interrupted; nothing was written"));
    process::exit(1);
}
