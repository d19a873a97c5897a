//! Manifests, access entries, type openings, and the rules for revisions.

use crate::{seeds, world};
use absio_proto::crypto::manifest::{AccessEntry, Manifest, ManifestView, TypeOpening};
use absio_proto::crypto::rules::{check_creation, check_transition};

/// Input: two views, the first behind its length (u16); and the same bytes as every smaller part.
/// Each thing has one encoding; the rules decide on any two views.
///
/// # Panics
/// If that does not hold.
pub fn decode(data: &[u8]) {
    if let Ok(view) = ManifestView::decode(data) {
        assert_eq!(view.encode(), data, "a view has two encodings");
        let redacted = view.redacted(&[view.body().created_by]);
        assert_eq!(redacted.access().root(), view.access().root(), "redaction changed the root");
        let _ = check_creation(&view);
    }
    if let Ok(manifest) = Manifest::decode(data) {
        assert_eq!(manifest.encode(), data, "a manifest has two encodings");
    }
    if let Ok(entry) = AccessEntry::decode(data) {
        assert_eq!(entry.encode(), data, "an access entry has two encodings");
    }
    if let Ok(opening) = TypeOpening::decode(data) {
        assert_eq!(opening.encode(), data, "a type opening has two encodings");
    }
    if let [high, low, rest @ ..] = data {
        let (first, second) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes([*high, *low]))));
        if let (Ok(first), Ok(second)) = (ManifestView::decode(first), ManifestView::decode(second)) {
            let _ = check_transition(&first, &second);
        }
    }
}

/// Two revisions whole and redacted, their parts, what the vectors hold, and each pair of views.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::from_vectors(&["manifest", "access", "type"]);
    for view in world::revisions() {
        seeds.extend([view.encode(), view.redacted(&[view.body().created_by]).encode()]);
        seeds.push(view.manifest().encode());
        seeds.extend(view.access().entries().map(AccessEntry::encode));
    }
    seeds.push(TypeOpening::new("a type", [1; 32]).expect("the text is short").encode());
    let views: Vec<_> = seeds.iter().filter(|seed| ManifestView::decode(seed).is_ok()).cloned().collect();
    for first in &views {
        seeds.extend(
            views.iter().map(|second| [&(first.len() as u16).to_be_bytes(), &first[..], second].concat()),
        );
    }
    seeds
}
