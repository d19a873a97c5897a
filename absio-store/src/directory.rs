//! Files below an open directory. Nothing is reached by a path: each name is opened relative to the
//! directory that was verified before it, and no symbolic link is followed.

use crate::fault;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Directories: for the owner alone.
const DIRECTORY_MODE: Mode = Mode::RWXU;
/// Files: for the owner alone.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A missing file or directory as `None`.
pub(crate) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An open directory.
pub(crate) struct Directory(OwnedFd);

impl Directory {
    /// Opens `path`, which the caller chose and trusts up to its last component.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// The number of its owner, and its permission bits.
    pub(crate) fn owner_and_mode(&self) -> io::Result<(u32, u32)> {
        let found = rustix::fs::fstat(&self.0)?;
        Ok((found.st_uid, Mode::from_raw_mode(found.st_mode).bits() & 0o777))
    }

    /// The directory `name` in this one.
    pub(crate) fn child(&self, name: &str) -> io::Result<Self> {
        fault::place("open directory")?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// The directory `name` in this one, made (and made durable) if it is absent.
    pub(crate) fn child_or_create(&self, name: &str) -> io::Result<Self> {
        match self.child(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        self.make_child(name)?;
        self.sync()?;
        self.child(name)
    }

    /// Makes the directory `name` in this one, not yet durable; it may have been made meanwhile.
    pub(crate) fn make_child(&self, name: &str) -> io::Result<()> {
        fault::place("mkdir")?;
        match rustix::fs::mkdirat(&self.0, name, DIRECTORY_MODE) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => Ok(made?),
        }
    }

    /// A new file `name`; an error if anything has that name.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        fault::place("create")?;
        self.file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    /// The existing file `name`, for reading.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        fault::place("open")?;
        self.file(name, OFlags::RDONLY)
    }

    /// The existing file `name`, for reading and writing.
    pub(crate) fn edit(&self, name: &str) -> io::Result<File> {
        fault::place("open")?;
        self.file(name, OFlags::RDWR)
    }

    /// The file `name` for reading and writing, made if it is absent.
    pub(crate) fn edit_or_create(&self, name: &str) -> io::Result<File> {
        match self.edit(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let file = self.create(name)?;
        self.sync()?;
        Ok(file)
    }

    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        // NONBLOCK: opening a planted FIFO must not wait for ever. It means nothing to plain files.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, FILE_MODE)?);
        if file.metadata()?.is_file() {
            return Ok(file);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "something other than a plain file is in its place"))
    }

    /// Whether anything has that name.
    pub(crate) fn holds(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves the file or directory `name` to `target` as `target_name`.
    pub(crate) fn rename(&self, name: &str, target: &Self, target_name: &str) -> io::Result<()> {
        fault::place("rename")?;
        Ok(rustix::fs::renameat(&self.0, name, &target.0, target_name)?)
    }

    /// Removes the file `name`; tells whether it was there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<bool> {
        fault::place("unlink")?;
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in this directory, in order. Names that are not UTF-8 are none of ours.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        fault::place("list directory")?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes the names in this directory durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        fault::place("sync directory")?;
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Bytes that a user without privileges may still write to this file system.
    #[cfg(feature = "sled")]
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        fault::place("free space")?;
        let found = rustix::fs::fstatvfs(&self.0)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}
