//! Fuzz targets: one function each, which takes any bytes and must neither panic nor break the
//! promise written above it. `fuzz_targets/` hands each to the coverage-guided engine; the tests
//! here run each over its seeds and small changes of them, on any toolchain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod blob;
pub mod broker;
pub mod identity;
pub mod manifest;
pub mod proof;
pub mod replies;
pub mod seeds;
pub mod segment;
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
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "segment_open", run: segment::open, seeds: segment::seeds },
    Target { name: "segment_range", run: segment::range, seeds: segment::range_seeds },
    Target { name: "key_blob", run: blob::open, seeds: blob::seeds },
    Target { name: "sealed_message", run: blob::message, seeds: blob::message_seeds },
    Target { name: "manifest", run: manifest::decode, seeds: manifest::seeds },
    Target { name: "card_chain", run: identity::card_chain, seeds: identity::card_chain_seeds },
    Target { name: "key_file", run: identity::key_file, seeds: identity::key_file_seeds },
    Target { name: "signed", run: proof::signed, seeds: proof::seeds },
    Target { name: "bundle", run: wire::bundle, seeds: wire::bundle_seeds },
    Target { name: "json", run: wire::json, seeds: wire::json_seeds },
    Target { name: "origin", run: wire::origin, seeds: wire::origin_seeds },
    Target { name: "route", run: wire::route, seeds: wire::route_seeds },
    Target { name: "replies", run: replies::altered, seeds: replies::seeds },
    Target { name: "broker", run: broker::request, seeds: broker::seeds },
];
