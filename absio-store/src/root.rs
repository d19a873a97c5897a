//! The directory that a durable store lives in.
//!
//! ```text
//! ROOT/lock            held while the store is open: one process at a time
//! ROOT/format          "absio-store 1 redb\n": which engine wrote the index
//! ROOT/index.*         the engine's own file or directory
//! ROOT/blobs/xx/…      sealed blobs
//! ROOT/staging/…       blobs under way, removed when the store is opened
//! ROOT/cells/…         cells, written over in place
//! ROOT/quarantine/N/…  damaged indexes, moved here whole and never touched again
//! ```
//!
//! The number in `format` grows with any change of what lies here, a new file format of an engine
//! included. So an index that its engine does not understand is damaged, not merely newer.
//!
//! # Who may have access
//! The root belongs to the user who runs the program, and nobody else may write into it. A directory
//! that was there before keeps its mode: whatever it lets others read, the files and directories
//! inside are for the owner alone. Being the superuser is no exception: what it wrote into somebody's
//! store, that somebody could not open again. The last component of the root's path is no symbolic
//! link; those before it, and who may replace them, are the caller's business.

use crate::directory::{Directory, found};
use crate::failure::io_error;
use crate::fault;
use absio_proto::effect::{StoreError, StoreErrorKind};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const FORMAT: &str = "format";
const FORMAT_LONGEST: u64 = 64;
/// The number of the layout above.
const VERSION: u32 = 1;
/// Bits of a mode that let somebody else than the owner write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// An open and locked root.
pub(crate) struct Root {
    pub(crate) directory: Directory,
    pub(crate) path: PathBuf,
    /// Unlocked by the system when this is dropped, however the process ends.
    _lock: File,
}

fn unavailable(reason: String) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, reason)
}

fn invalid(reason: String) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, reason)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |error| io_error(&format!("the store at {}", path.display()), &error)
}

impl Root {
    /// Opens `path`, made for the owner alone if it is absent, for the engine called `engine`.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if it is open elsewhere, belongs to somebody else, may be
    /// written to by others, is a symbolic link or may not be used;
    /// [`StoreErrorKind::Invalid`] if another engine or a newer version wrote it.
    pub(crate) fn open(path: &Path, engine: &str) -> Result<Self, StoreError> {
        let shown = path.display();
        make(path).map_err(failed(path))?;
        let root = Self::open_existing(path)?;
        match root.engine()? {
            None => root.claim(engine).map_err(failed(path))?,
            Some(found) if found == engine => {}
            Some(found) => {
                return Err(invalid(format!(
                    "the store at {shown} was written by the engine {found}, this is {engine}"
                )));
            }
        }
        Ok(root)
    }

    /// Opens `path`, which is there already, for any engine or none.
    pub(crate) fn open_existing(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display();
        // Without "/" or "/." at its end, which would name what a link points at.
        let plain: PathBuf = path.components().collect();
        if plain.symlink_metadata().map_err(failed(path))?.is_symlink() {
            return Err(unavailable(format!(
                "the store at {shown} is a symbolic link: name the directory itself"
            )));
        }
        let directory = Directory::open(&plain).map_err(failed(path))?;
        check_access(&directory, path)?;
        let absolute = plain.canonicalize().map_err(failed(path))?;
        let lock = directory.edit_or_create("lock").map_err(failed(path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory, path: absolute, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(unavailable(format!("the store at {shown} is already open, here or in another process")))
            }
            Err(TryLockError::Error(error)) => Err(failed(path)(error)),
        }
    }

    /// The engine that the format file names; none if there is no such file yet.
    pub(crate) fn engine(&self) -> Result<Option<String>, StoreError> {
        let shown = self.path.display();
        let Some(file) = found(self.directory.read(FORMAT)).map_err(failed(&self.path))? else {
            return Ok(None);
        };
        let mut line = Vec::new();
        file.take(FORMAT_LONGEST).read_to_end(&mut line).map_err(failed(&self.path))?;
        let line = String::from_utf8_lossy(&line);
        match parse(&line) {
            Some((VERSION, engine)) => Ok(Some(engine.to_owned())),
            Some((version, _)) if version > VERSION => Err(invalid(format!(
                "the store at {shown} has format {version}, this program knows formats up to {VERSION}: \
                 update the program"
            ))),
            _ => Err(invalid(format!("the store at {shown} has a format that no version wrote: {line:?}"))),
        }
    }

    fn claim(&self, engine: &str) -> io::Result<()> {
        const NEW: &str = "format.new";
        self.directory.remove(NEW)?;
        let file = self.directory.create(NEW)?;
        fault::write_all_at("write format", &file, format_line(engine).as_bytes(), 0)?;
        fault::place("sync format")?;
        file.sync_all()?;
        self.directory.rename(NEW, &self.directory, FORMAT)?;
        self.directory.sync()
    }
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fault::place("mkdir root")?;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// See [the module](self#who-may-have-access).
fn check_access(directory: &Directory, path: &Path) -> Result<(), StoreError> {
    let shown = path.display();
    let (owner, mode) = directory.owner_and_mode().map_err(failed(path))?;
    let user = rustix::process::geteuid().as_raw();
    if owner != user {
        return Err(unavailable(format!(
            "the store at {shown} belongs to user {owner}, but this program runs as user {user}: run it as \
             that user, or choose another directory"
        )));
    }
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Err(unavailable(format!(
            "others may write into the store at {shown} (mode {mode:03o}): choose another directory, or take \
             that away with `chmod go-w`"
        )));
    }
    Ok(())
}

fn format_line(engine: &str) -> String {
    format!("absio-store {VERSION} {engine}\n")
}

/// The number and the engine of a format line, whatever else a newer version puts behind them.
fn parse(line: &str) -> Option<(u32, &str)> {
    let (version, rest) = line.strip_prefix("absio-store ")?.split_once([' ', '\n'])?;
    let version: u32 = version.parse().ok()?;
    let engine = rest.strip_suffix('\n').unwrap_or_default();
    (version != VERSION || format_line(engine) == line).then_some((version, engine))
}
