//! Fuzz targets: one function each, which takes any bytes and must neither panic nor break the
//! promise written above it. `fuzz_targets/` hands each to the coverage-guided engine; the tests
//! here run each over its seeds and small changes of them, on any toolchain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod blob;
pub mod broker;
pub mod events;
pub mod identity;
pub mod kept;
pub mod manifest;
pub mod proof;
pub mod replies;
pub mod seeds;
pub mod segment;
pub mod store;
pub mod wire;
pub mod world;

#[cfg(test)]
mod tests;

/// A target by its name.
pub struct Target {
    /// The name, which is that of the file in `fuzz_targets/`.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Changed inputs in the short form: fewer where each touches the disk.
    pub changes: usize,
}

/// Inputs that once broke a promise of the target `name`: the files of `regressions/NAME/`.
#[must_use]
pub fn regressions(name: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}

/// Changed inputs of most targets in the short form, spread over their seeds.
const CHANGES: usize = 5000;

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "segment_open", run: segment::open, seeds: segment::seeds, changes: CHANGES },
    Target { name: "segment_range", run: segment::range, seeds: segment::range_seeds, changes: CHANGES },
    Target { name: "key_blob", run: blob::open, seeds: blob::seeds, changes: CHANGES },
    Target { name: "sealed_message", run: blob::message, seeds: blob::message_seeds, changes: CHANGES },
    Target { name: "manifest", run: manifest::decode, seeds: manifest::seeds, changes: CHANGES },
    Target {
        name: "card_chain",
        run: identity::card_chain,
        seeds: identity::card_chain_seeds,
        changes: CHANGES,
    },
    Target { name: "key_file", run: identity::key_file, seeds: identity::key_file_seeds, changes: CHANGES },
    Target { name: "signed", run: proof::signed, seeds: proof::seeds, changes: CHANGES },
    Target { name: "bundle", run: wire::bundle, seeds: wire::bundle_seeds, changes: CHANGES },
    Target { name: "json", run: wire::json, seeds: wire::json_seeds, changes: CHANGES },
    Target { name: "origin", run: wire::origin, seeds: wire::origin_seeds, changes: CHANGES },
    Target { name: "route", run: wire::route, seeds: wire::route_seeds, changes: CHANGES },
    Target { name: "event_page", run: events::page, seeds: events::page_seeds, changes: CHANGES },
    Target { name: "ofs_record", run: kept::record, seeds: kept::record_seeds, changes: CHANGES },
    Target { name: "ofs_cells", run: kept::cells, seeds: kept::cell_seeds, changes: CHANGES },
    Target { name: "ofs_export", run: kept::export, seeds: kept::export_seeds, changes: CHANGES },
    Target { name: "upload_journal", run: kept::journal, seeds: kept::journal_seeds, changes: CHANGES },
    Target { name: "store_memory", run: store::memory, seeds: store::seeds, changes: CHANGES },
    Target { name: "store_redb", run: store::redb, seeds: store::seeds, changes: 25 },
    Target { name: "replies", run: replies::altered, seeds: replies::seeds, changes: CHANGES },
    Target { name: "broker", run: broker::request, seeds: broker::seeds, changes: CHANGES },
];
