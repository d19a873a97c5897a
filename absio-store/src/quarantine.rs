//! Damaged indexes: moved out of the way whole, never deleted.
//!
//! ```text
//! index.* ─ mkdir quarantine/N ─▶ rename to quarantine/N/index.* ─▶ sync both ─▶ an empty index
//! ```
//!
//! Blobs and cells stay where they are: whoever holds the keys can rebuild records from them. A crash
//! before the rename leaves the index in place and an empty `quarantine/N`; after it, the next opening
//! begins with an empty index and says where the one before lies.

use crate::directory::found;
use crate::failure::failed;
use crate::root::Root;
use absio_proto::effect::{StoreError, StoreErrorKind};
use std::path::{Path, PathBuf};

const QUARANTINE: &str = "quarantine";
/// The index of each engine.
const INDEXES: [&str; 2] = ["index.redb", "index.sled"];

/// What opening a store does with an index that its engine cannot open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDamage {
    /// Answers [`StoreErrorKind::Corrupt`] and leaves everything as it is.
    #[default]
    Refuse,
    /// Moves the index whole to `quarantine/N/` below the root and begins an empty one. Blobs and
    /// cells stay. The store tells by its method `quarantined`.
    Quarantine,
}

/// Moves the index of the closed store at `root` to `quarantine/N/` below it and gives that place;
/// `None` if there is no index. The next opening begins with an empty one. For whoever reads records
/// that do not verify, which no engine can see.
///
/// # Errors
/// [`StoreErrorKind::Unavailable`] if the store is open or may not be used, or as moving fails;
/// [`StoreErrorKind::Invalid`] if it is no store, or one of a newer version.
pub fn quarantine_index(root: impl AsRef<Path>) -> Result<Option<PathBuf>, StoreError> {
    let root = Root::open_existing(root.as_ref())?;
    let engine = root.engine()?.map(|engine| format!("index.{engine}"));
    let Some(index) = INDEXES.into_iter().find(|index| Some(*index) == engine.as_deref()) else {
        let reason = format!("there is no store at {}", root.path.display());
        return Err(StoreError::new(StoreErrorKind::Invalid, reason));
    };
    match root.directory.holds(index).map_err(failed("looking for the index"))? {
        true => move_aside(&root, index).map(Some),
        false => Ok(None),
    }
}

/// Opens the index called `name` by `open`, or an empty one in place of a damaged one; then, or if that
/// was done before and no index was made since, also gives where the damaged one lies.
pub(crate) fn open_index<I>(
    root: &Root,
    name: &str,
    on_damage: OnDamage,
    open: impl Fn() -> Result<I, StoreError>,
) -> Result<(I, Option<PathBuf>), StoreError> {
    let earlier = match root.directory.holds(name).map_err(failed("looking for the index"))? {
        true => None,
        false => latest(root)?.filter(|place| place.join(name).symlink_metadata().is_ok()),
    };
    match open() {
        Err(error) if error.kind == StoreErrorKind::Corrupt && on_damage == OnDamage::Quarantine => {
            let place = move_aside(root, name)?;
            Ok((open()?, Some(place)))
        }
        opened => Ok((opened?, earlier)),
    }
}

fn move_aside(root: &Root, name: &str) -> Result<PathBuf, StoreError> {
    let failed = failed("moving the damaged index to the quarantine");
    let number = match latest_number(root)? {
        None => 1,
        Some(last) => last.checked_add(1).ok_or_else(|| {
            StoreError::new(StoreErrorKind::Invalid, "the quarantine has no numbers left".to_owned())
        })?,
    };
    let number = number.to_string();
    let outer = root.directory.child_or_create(QUARANTINE).map_err(&failed)?;
    let inner = outer.child_or_create(&number).map_err(&failed)?;
    root.directory.rename(name, &inner, name).map_err(&failed)?;
    inner.sync().map_err(&failed)?;
    root.directory.sync().map_err(&failed)?;
    Ok(root.path.join(QUARANTINE).join(number))
}

fn latest(root: &Root) -> Result<Option<PathBuf>, StoreError> {
    Ok(latest_number(root)?.map(|number| root.path.join(QUARANTINE).join(number.to_string())))
}

fn latest_number(root: &Root) -> Result<Option<u64>, StoreError> {
    let failed = failed("looking into the quarantine");
    let Some(directory) = found(root.directory.child(QUARANTINE)).map_err(&failed)? else { return Ok(None) };
    let names = directory.names().map_err(failed)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).max())
}
