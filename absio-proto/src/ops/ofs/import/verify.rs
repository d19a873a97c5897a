//! Everything that can be known to be wrong with an export, before anything of it is used.

use super::merge::{decode, open};
use crate::crypto::SealedKeyFile;
use crate::effect::BlobId;
use crate::error::{CryptoError, Error};
use crate::model::UserId;
use crate::ofs::export::{Item, Items, malformed};
use crate::ofs::keys::{Kind, StoreKeys};
use crate::ofs::state::{State as Totals, Sum};
use crate::ops::ofs::transact::blobs_of;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Takes the blocks of an export in the order in which they come.
pub(super) struct Verifier {
    user: UserId,
    keys: Arc<StoreKeys>,
    items: Items,
    key_file: Option<SealedKeyFile>,
    totals: Totals,
    brought: BTreeSet<BlobId>,
    named: BTreeSet<BlobId>,
    count: u64,
    sum: Sum,
}

/// What a verified export says of itself.
pub(super) struct Verified {
    pub(super) key_file: SealedKeyFile,
    pub(super) totals: Totals,
}

impl Verifier {
    pub(super) fn new(user: UserId, keys: Arc<StoreKeys>) -> Self {
        Self {
            user,
            keys,
            items: Items::new(),
            key_file: None,
            totals: Totals::default(),
            brought: BTreeSet::new(),
            named: BTreeSet::new(),
            count: 0,
            sum: Sum::default(),
        }
    }

    /// The bytes of the next block.
    pub(super) fn take(&mut self, block: &[u8]) -> Result<(), Error> {
        self.items.feed(block);
        while let Some(item) = self.items.next()? {
            self.item(item)?;
        }
        Ok(())
    }

    fn item(&mut self, item: Item) -> Result<(), Error> {
        match item {
            Item::KeyFile(salt, cell) => {
                let file = salt.open(self.user, &cell);
                self.key_file = Some(file.ok_or(malformed("it is of another user, or damaged"))?);
            }
            Item::State(value) if value.is_empty() => {}
            Item::State(value) => {
                let name = self.keys.name(Kind::State, &[]);
                self.totals = Totals::decode(&open(&self.keys, &name, &value)?)?;
            }
            Item::Blob(blob) => {
                if !self.keys.owns(&blob) || !self.brought.insert(blob) {
                    return Err(malformed("a blob is another user's, or comes twice").into());
                }
            }
            Item::Part(_) | Item::EndOfBlob => {}
            Item::Record(name, value) => {
                let kind = self.keys.kind_of(&name).ok_or(malformed("a record is another user's"))?;
                let data = open(&self.keys, &name, &value)?;
                decode(&self.keys, kind, &name, &data)?;
                self.named.extend(blobs_of(kind, &data)?);
                self.count += 1;
                self.sum = self.sum.plus(self.keys.element(&name, &value).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// All blocks came, and the MAC over them holds.
    pub(super) fn finish(self, counts: [u64; 2]) -> Result<Verified, CryptoError> {
        self.items.end()?;
        let key_file = self.key_file.ok_or(malformed("it has no key file"))?;
        if counts != [self.brought.len() as u64, self.count]
            || (self.count, self.sum) != (self.totals.count, self.totals.sum)
        {
            return Err(malformed("its records are not the ones that were written"));
        }
        if !self.named.is_subset(&self.brought) {
            return Err(malformed("a content is missing"));
        }
        Ok(Verified { key_file, totals: self.totals })
    }
}
