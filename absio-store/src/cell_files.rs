//! Cells as plain files that are written over, the same for every durable engine.
//!
//! ```text
//! cells/NAME    length 4 (big-endian) ‖ bytes ‖ what is left of longer ones
//! first write:  create, take the room, write, fsync file, fsync directory
//! each later:   take the room if it grows, write, fdatasync
//! ```
//!
//! The length lies in the file so that a shorter value needs no second step. A crash in the middle of
//! a write leaves old bytes in some blocks and new ones in others: only the owner of the cell, who
//! authenticates it, sees that. What is seen here is a length that the file cannot have.

use crate::directory::{Directory, found};
use crate::failure::{Poison, failed, io_error};
use crate::{fault, file_name, room};
use absio_proto::effect::{CellId, StoreError, StoreErrorKind};
use absio_proto::limits::STORE_CELL;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes of the length.
const PREFIX: usize = 4;
/// Cells that share a lock. A reader must not meet a writer in the middle.
const STRIPES: usize = 16;

/// The cell files of one root.
pub(crate) struct CellFiles {
    directory: Directory,
    stripes: [RwLock<()>; STRIPES],
    poison: Arc<Poison>,
}

fn torn() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is torn: its length is none that it can have")
}

impl CellFiles {
    /// The cells below `root`.
    pub(crate) fn open(root: &Directory, poison: Arc<Poison>) -> Result<Self, StoreError> {
        let failed = failed("opening the cell directory");
        let directory = root.child_or_create("cells").map_err(&failed)?;
        // The names of cells that a crash left before this flush; written over, they are not flushed again.
        directory.sync().map_err(failed)?;
        Ok(Self { directory, stripes: std::array::from_fn(|_| RwLock::default()), poison })
    }

    /// What the cell holds.
    pub(crate) fn read(&self, id: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        let _shared = self.stripe(id).read().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let Some(file) = found(self.directory.read(&file_name::of(&id.0)))? else { return Ok(None) };
            fault::place("read cell")?;
            let available = file.metadata()?.len();
            let mut prefix = [0; PREFIX];
            if available < PREFIX as u64 {
                return Err(torn());
            }
            file.read_exact_at(&mut prefix, 0)?;
            let length = u32::from_be_bytes(prefix);
            let size = usize::try_from(length).ok().filter(|size| (1..=STORE_CELL).contains(size));
            let size = size.filter(|_| u64::from(length) <= available - PREFIX as u64).ok_or_else(torn)?;
            let mut bytes = vec![0; size];
            file.read_exact_at(&mut bytes, PREFIX as u64)?;
            Ok(Some(bytes))
        };
        read().map_err(failed("reading a cell"))
    }

    /// Replaces what the cell holds; no bytes remove it.
    pub(crate) fn write(&self, id: CellId, bytes: &[u8]) -> Result<(), StoreError> {
        let name = file_name::of(&id.0);
        let _alone = self.stripe(id).write().unwrap_or_else(PoisonError::into_inner);
        if bytes.is_empty() {
            return self.remove(&name);
        }
        let length = u32::try_from(bytes.len())
            .map_err(|_| StoreError::new(StoreErrorKind::Invalid, "the cell is too long"))?;
        let whole = [&length.to_be_bytes()[..], bytes].concat();
        let opened = found(self.directory.edit(&name)).map_err(failed("opening a cell for writing"))?;
        match opened {
            Some(file) => self.replace(&file, &whole),
            None => self.create(&name, &whole),
        }
    }

    /// The only flush of a write to an existing cell is in here.
    fn replace(&self, file: &File, whole: &[u8]) -> Result<(), StoreError> {
        take_room(file, whole).map_err(failed("making room for a cell"))?;
        // No longer "full": bytes of it may have changed.
        fault::write_all_at("write cell", file, whole, 0).map_err(|error| {
            StoreError::new(StoreErrorKind::Io, format!("writing a cell, which may be torn now: {error}"))
        })?;
        self.poison.flushed("a cell", fault::place("sync cell").and_then(|()| file.sync_data()))
    }

    fn create(&self, name: &str, whole: &[u8]) -> Result<(), StoreError> {
        let file = self.directory.create(name).map_err(failed("making a cell"))?;
        let fill = || {
            take_room(&file, whole)?;
            fault::write_all_at("write cell", &file, whole, 0)
        };
        if let Err(error) = fill() {
            if self.directory.remove(name).is_err() {
                // A torn cell under a name that no flush has reached: only opening again mends that.
                self.poison.set();
            }
            return Err(io_error("writing a cell", &error));
        }
        self.poison.flushed("a cell", fault::place("sync cell").and_then(|()| file.sync_all()))?;
        self.poison.flushed("a cell's name", self.directory.sync())
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        if self.directory.remove(name).map_err(failed("removing a cell"))? {
            self.poison.flushed("a cell's removal", self.directory.sync())?;
        }
        Ok(())
    }

    /// All ids, ascending.
    pub(crate) fn list(&self) -> Result<Vec<CellId>, StoreError> {
        let names = self.directory.names().map_err(failed("listing cells"))?;
        // Names come in order, and names sort as ids do.
        Ok(names.iter().filter_map(|name| file_name::parse(name).map(CellId)).collect())
    }

    fn stripe(&self, id: CellId) -> &RwLock<()> {
        &self.stripes[usize::from(id.0[19]) % STRIPES]
    }
}

/// A full disk shows here, where the cell still is what it was.
fn take_room(file: &File, whole: &[u8]) -> io::Result<()> {
    let present = file.metadata()?.len();
    if whole.len() as u64 <= present {
        return Ok(());
    }
    fault::place("grow cell")?;
    room::extend(file, present, whole.len() as u64)
}
