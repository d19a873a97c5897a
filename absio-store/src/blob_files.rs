//! Blobs as plain files under random names, the same for every durable engine.
//!
//! ```text
//! write ─▶ staging/NAME ─▶ … ─▶ seal: fsync file, rename to blobs/NA/ME, fsync directory
//! ```
//!
//! `NAME` is the id's ([`file_name`](crate::file_name)): 2 characters of directory, 30 of file. A file below `blobs` is whole and durable; what is
//! left in `staging` belongs to nobody and is removed when the store is opened.

use crate::directory::{Directory, found};
use crate::failure::{Poison, failed, io_error};
use crate::fault;
use crate::file_name;
use absio_proto::effect::{BlobId, StoreError, StoreErrorKind};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Characters of a name that choose the directory.
const SHARD: usize = 2;
/// Blobs that share a lock: writes to blobs of different stripes run side by side.
const STRIPES: usize = 64;

/// The blob files of one root.
pub(crate) struct BlobFiles {
    sealed: Directory,
    staging: Directory,
    /// Blobs under way and their lengths. The staging directory was emptied when the store was
    /// opened, so this is all of it.
    unsealed: Mutex<BTreeMap<BlobId, u64>>,
    stripes: [Mutex<()>; STRIPES],
    making: Mutex<()>,
    poison: Arc<Poison>,
}

fn name_of(id: BlobId) -> String {
    file_name::of(&id.0)
}

impl BlobFiles {
    /// The blobs below `root`; removes what was left unsealed.
    pub(crate) fn open(root: &Directory, poison: Arc<Poison>) -> Result<Self, StoreError> {
        let open = |name| root.child_or_create(name).map_err(failed("opening the blob directories"));
        let (sealed, staging) = (open("blobs")?, open("staging")?);
        let clear = || {
            for name in staging.names()? {
                staging.remove(&name)?;
            }
            io::Result::Ok(())
        };
        clear().map_err(failed("clearing the staging directory"))?;
        // Directories that were made before a crash and not flushed.
        sealed.sync().map_err(failed("opening the blob directories"))?;
        Ok(Self {
            sealed,
            staging,
            unsealed: Mutex::default(),
            stripes: std::array::from_fn(|_| Mutex::default()),
            making: Mutex::default(),
            poison,
        })
    }

    /// Puts `bytes` at `offset` of an unsealed blob.
    pub(crate) fn write(&self, id: BlobId, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let name = name_of(id);
        let _stripe = self.lock(id);
        let known = self.unsealed().get(&id).copied();
        let file = match known {
            Some(_) => self.staging.edit(&name),
            None if self.is_sealed(&name)? => {
                return Err(StoreError::new(StoreErrorKind::Invalid, "the blob is sealed"));
            }
            None => self.staging.create(&name),
        };
        let file = file.map_err(failed("opening a blob for writing"))?;
        let length = known.unwrap_or(0);
        if let Err(error) = fault::write_all_at("write blob", &file, bytes, offset) {
            self.undo(&name, &file, known);
            return Err(io_error("writing a blob", &error));
        }
        let end = if bytes.is_empty() { length } else { offset.saturating_add(bytes.len() as u64) };
        self.unsealed().insert(id, length.max(end));
        Ok(())
    }

    /// Gives back the room that a failed write took. Failing here too leaves an unsealed file that is
    /// longer than known, which the next opening removes.
    fn undo(&self, name: &str, file: &File, known: Option<u64>) {
        let _ = match known {
            Some(length) => fault::place("truncate blob").and_then(|()| file.set_len(length)),
            None => self.staging.remove(name).map(|_| ()),
        };
    }

    /// Makes a blob whole and durable.
    pub(crate) fn seal(&self, id: BlobId) -> Result<(), StoreError> {
        let name = name_of(id);
        let _stripe = self.lock(id);
        if !self.unsealed().contains_key(&id) {
            return self.seal_again(&name);
        }
        let file = self.staging.edit(&name).map_err(failed("opening a blob for sealing"))?;
        self.poison.flushed("a blob", fault::place("sync blob").and_then(|()| file.sync_all()))?;
        let (shard, rest) = name.split_at(SHARD);
        let shard = self.shard_or_create(shard)?;
        self.staging.rename(&name, &shard, rest).map_err(failed("moving a blob into its place"))?;
        self.unsealed().remove(&id);
        self.poison.flushed("a blob's name", shard.sync())
    }

    /// The directory of a sealed blob, its own name durable.
    fn shard_or_create(&self, name: &str) -> Result<Directory, StoreError> {
        // Held from making it to its flush, so that nobody seals into one that a crash takes away.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed("making a blob directory");
        if let Some(shard) = found(self.sealed.child(name)).map_err(&failed)? {
            return Ok(shard);
        }
        self.sealed.make_child(name).map_err(&failed)?;
        self.poison.flushed("a blob directory's name", self.sealed.sync())?;
        self.sealed.child(name).map_err(failed)
    }

    /// It was sealed before, perhaps by a process that ended before its last flush.
    fn seal_again(&self, name: &str) -> Result<(), StoreError> {
        if !self.is_sealed(name)? {
            return Err(StoreError::new(StoreErrorKind::Invalid, "there is no such blob to seal"));
        }
        let (shard, _) = name.split_at(SHARD);
        let shard = self.sealed.child(shard).map_err(failed("opening a blob directory"))?;
        self.poison.flushed("a blob's name", shard.sync())
    }

    /// Up to `length` bytes at `offset` of a sealed blob.
    pub(crate) fn read(&self, id: BlobId, offset: u64, length: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || {
            let name = name_of(id);
            let (shard, rest) = name.split_at(SHARD);
            let Some(shard) = found(self.sealed.child(shard))? else { return Ok(None) };
            let Some(file) = found(shard.read(rest))? else { return Ok(None) };
            let available = file.metadata()?.len().saturating_sub(offset).min(length);
            let size = usize::try_from(available).map_err(|_| io::ErrorKind::OutOfMemory)?;
            let mut bytes = vec![0; size];
            fault::place("read blob")?;
            file.read_exact_at(&mut bytes, offset)?;
            Ok(Some(bytes))
        };
        read().map_err(failed("reading a blob"))
    }

    /// Removes a blob, sealed or not.
    pub(crate) fn delete(&self, id: BlobId) -> Result<(), StoreError> {
        let name = name_of(id);
        let _stripe = self.lock(id);
        if self.unsealed().contains_key(&id) {
            self.staging.remove(&name).map_err(failed("removing a blob"))?;
            self.unsealed().remove(&id);
            return Ok(());
        }
        let (shard, rest) = name.split_at(SHARD);
        let Some(shard) = found(self.sealed.child(shard)).map_err(failed("removing a blob"))? else {
            return Ok(());
        };
        if shard.remove(rest).map_err(failed("removing a blob"))? {
            self.poison.flushed("a blob's removal", shard.sync())?;
        }
        Ok(())
    }

    /// Ids greater than `after`, ascending, at most `limit`.
    pub(crate) fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, StoreError> {
        let beyond = |id: &BlobId| after.is_none_or(|after| *id > after);
        let first_shard = after.map(|id| name_of(id)[..SHARD].to_owned()).unwrap_or_default();
        // Read before the sealed ones: a blob sealed meanwhile is then seen twice, not missed.
        let mut ids: Vec<BlobId> = self.unsealed().keys().copied().filter(beyond).collect();
        let gather = || {
            let mut sealed = Vec::new();
            for shard in self.sealed.names()?.into_iter().filter(|shard| *shard >= first_shard) {
                if sealed.len() >= limit {
                    break;
                }
                let Some(directory) = found(self.sealed.child(&shard))? else { continue };
                let names = directory.names()?.into_iter();
                sealed.extend(
                    names
                        .filter_map(|rest| file_name::parse(&format!("{shard}{rest}")).map(BlobId))
                        .filter(beyond),
                );
            }
            io::Result::Ok(sealed)
        };
        ids.extend(gather().map_err(failed("listing blobs"))?);
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(limit);
        Ok(ids)
    }

    fn is_sealed(&self, name: &str) -> Result<bool, StoreError> {
        let (shard, rest) = name.split_at(SHARD);
        let look = || found(self.sealed.child(shard))?.map_or(Ok(false), |shard| shard.holds(rest));
        look().map_err(failed("looking for a blob"))
    }

    fn lock(&self, id: BlobId) -> MutexGuard<'_, ()> {
        self.stripes[usize::from(id.0[19]) % STRIPES].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsealed(&self) -> MutexGuard<'_, BTreeMap<BlobId, u64>> {
        self.unsealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
