//! The file under redb: takes the room it needs before it is written to, and remembers what failed.

use crate::{fault, room};
use redb::StorageBackend;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which kinds of access to the file failed.
#[derive(Default, Debug)]
pub(crate) struct Troubles {
    uncertain: AtomicBool,
    harmless: AtomicBool,
}

impl Troubles {
    /// A write or a flush failed: what the file holds is not known.
    pub(crate) fn file_is_uncertain(&self) -> bool {
        self.uncertain.load(Ordering::Acquire)
    }

    /// Whether a read or a growth failed since the last time this was asked.
    pub(crate) fn take_harmless(&self) -> bool {
        self.harmless.swap(false, Ordering::AcqRel)
    }

    fn note<T>(flag: &AtomicBool, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            flag.store(true, Ordering::Release);
        }
        result
    }
}

/// The index file, locked already by the root it lies in.
#[derive(Debug)]
pub(crate) struct IndexFile {
    file: File,
    troubles: Arc<Troubles>,
}

impl IndexFile {
    /// Another handle on `file`.
    pub(crate) fn new(file: &File, troubles: Arc<Troubles>) -> io::Result<Self> {
        Ok(Self { file: file.try_clone()?, troubles })
    }

    fn resize(&self, length: u64) -> io::Result<()> {
        let present = self.file.metadata()?.len();
        if length <= present {
            fault::place("shrink index")?;
            return self.file.set_len(length);
        }
        // A full disk shows here, where nothing of a transaction has been written yet.
        fault::place("grow index")?;
        room::extend(&self.file, present, length)
    }
}

impl StorageBackend for IndexFile {
    fn len(&self) -> io::Result<u64> {
        Troubles::note(&self.troubles.harmless, self.file.metadata().map(|metadata| metadata.len()))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let read = fault::place("read index").and_then(|()| self.file.read_exact_at(out, offset));
        Troubles::note(&self.troubles.harmless, read)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        Troubles::note(&self.troubles.harmless, self.resize(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = fault::place("sync index").and_then(|()| self.file.sync_data());
        Troubles::note(&self.troubles.uncertain, synced)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let written = fault::write_all_at("write index", &self.file, data, offset);
        Troubles::note(&self.troubles.uncertain, written)
    }
}
