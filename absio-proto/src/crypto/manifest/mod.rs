//! `MAN1`: what a container is at one revision, signed (`docs/protocol.md`, section 11).
//!
//! ```text
//! AccessEntry ─ hash ─┐
//! AccessEntry ─ hash ─┼─ sorted ─▶ access root ─▶ ManifestBody ─ sign ─▶ Manifest
//! bare hash ──────────┘            (AccessList, ManifestView: what a reader is shown)
//! ```

mod body;
mod codec;
mod entry;
mod type_opening;
mod view;

pub use body::{Author, Manifest, ManifestBody, Section, SectionState};
pub use codec::MANIFEST_LENGTH;
pub use entry::{ACCESS_ENTRY_LENGTH, AccessEntry, Wrapped};
pub use type_opening::{TypeOpening, no_type};
pub use view::{AccessSlot, AccessSlots, ManifestView, VIEW_ENTRIES};
