//! Opening a sled directory that may have been left by a crash.

use super::sled_error;
use crate::directory::{Directory, found};
use crate::failure::io_error;
use crate::fault;
use crate::root::Root;
use absio_proto::effect::{StoreError, StoreErrorKind};
use sled::Db;
use std::fs::{File, TryLockError};
use std::io;
use std::panic::catch_unwind;
use std::time::Duration;

pub(super) const DIRECTORY: &str = "index.sled";
/// Bytes of index pages kept in memory.
const CACHE: u64 = 32 << 20;
/// Milliseconds to wait for an earlier handle at most.
const PATIENCE: u32 = 2000;

/// An open sled database with the handles that its owner needs beside it.
pub(crate) struct Opened {
    pub(crate) database: Db,
    pub(crate) directory: Directory,
    /// sled's own log file, for a real fsync.
    pub(crate) file: File,
}

pub(crate) fn open(root: &Root) -> Result<Opened, StoreError> {
    let failed = |error: io::Error| io_error("opening the index", &error);
    let directory = root.directory.child_or_create(DIRECTORY).map_err(failed)?;
    remove_unfinished_snapshots(&directory).map_err(failed)?;
    wait_for_the_handle_before(&directory).map_err(failed)?;
    let database = match open_database(root) {
        Err(error) if error.kind == StoreErrorKind::Corrupt => {
            set_snapshots_aside(&directory).map_err(failed)?;
            open_database(root)?
        }
        opened => opened?,
    };
    let file = directory.edit("db").map_err(failed)?;
    directory.sync().map_err(failed)?;
    Ok(Opened { database, directory, file })
}

/// sled's threads keep its file locked for a moment after its handle was dropped. This process holds the
/// lock of the root, so whoever still holds this one is about to let it go.
fn wait_for_the_handle_before(directory: &Directory) -> io::Result<()> {
    let Some(file) = found(directory.edit("db"))? else { return Ok(()) };
    for _ in 0..PATIENCE {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => break,
        }
    }
    // If it is still locked, sled says so itself.
    Ok(())
}

/// A snapshot that a crash interrupted keeps sled from opening.
fn remove_unfinished_snapshots(directory: &Directory) -> io::Result<()> {
    for name in directory.names()? {
        if name.starts_with("snap.") && name.ends_with(".generating") {
            directory.remove(&name)?;
        }
    }
    Ok(())
}

/// Without snapshots sled rebuilds its state from the log. They are kept for whoever looks into it.
fn set_snapshots_aside(directory: &Directory) -> io::Result<()> {
    for name in directory.names()? {
        if name.starts_with("snap.") {
            directory.rename(&name, directory, &format!("aside.{name}"))?;
        }
    }
    directory.sync()
}

fn open_database(root: &Root) -> Result<Db, StoreError> {
    fault::place("open index").map_err(|error| io_error("opening the index", &error))?;
    let path = root.path.join(DIRECTORY);
    let opened =
        catch_unwind(|| sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(None).open());
    match opened {
        Ok(opened) => opened.map_err(sled_error),
        Err(_) => Err(StoreError::new(StoreErrorKind::Corrupt, "the index is damaged: its engine gave up")),
    }
}
