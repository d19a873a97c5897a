//! The directory that a durable store lives in.
//!
//! ```text
//! ROOT/lock          held while the store is open: one process at a time
//! ROOT/format        "absio-store 1 redb\n": which engine wrote the index
//! ROOT/index.*       the engine's own file or directory
//! ROOT/blobs/xx/…    sealed blobs
//! ROOT/staging/…     blobs under way, removed when the store is opened
//! ROOT/cells/…       cells, written over in place
//! ```

use crate::directory::Directory;
use crate::failure::io_error;
use absio_proto::effect::{StoreError, StoreErrorKind};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const FORMAT: &str = "format";
const FORMAT_LONGEST: u64 = 64;

/// An open and locked root.
pub(crate) struct Root {
    pub(crate) directory: Directory,
    #[cfg_attr(not(feature = "sled"), expect(dead_code, reason = "only sled opens by path"))]
    pub(crate) path: PathBuf,
    /// Unlocked by the system when this is dropped, however the process ends.
    _lock: File,
}

impl Root {
    /// Opens `path`, made for the owner alone if it is absent, for the engine called `engine`.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if it is open elsewhere or may not be used,
    /// [`StoreErrorKind::Invalid`] if another engine wrote it.
    pub(crate) fn open(path: &Path, engine: &str) -> Result<Self, StoreError> {
        let shown = path.display();
        let failed = |error: io::Error| io_error(&format!("the store at {shown}"), &error);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let directory = Directory::open(&path).map_err(failed)?;
        let lock = directory.edit_or_create("lock").map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    format!("the store at {shown} is already open, here or in another process"),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let root = Self { directory, path, _lock: lock };
        root.claim(engine).map_err(failed)?.map_or(Ok(root), |found| {
            Err(StoreError::new(
                StoreErrorKind::Invalid,
                format!("the store at {shown} was written as {found:?}, this is {:?}", format_line(engine)),
            ))
        })
    }

    /// Writes the format file, or gives what it says if that is something else.
    fn claim(&self, engine: &str) -> io::Result<Option<String>> {
        match self.directory.read(FORMAT) {
            Ok(file) => {
                let mut found = String::new();
                file.take(FORMAT_LONGEST).read_to_string(&mut found)?;
                return Ok((found != format_line(engine)).then_some(found));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        const NEW: &str = "format.new";
        self.directory.remove(NEW)?;
        let mut file = self.directory.create(NEW)?;
        file.write_all(format_line(engine).as_bytes())?;
        file.sync_all()?;
        self.directory.rename(NEW, &self.directory, FORMAT)?;
        self.directory.sync()?;
        Ok(None)
    }
}

fn format_line(engine: &str) -> String {
    format!("absio-store 1 {engine}\n")
}
