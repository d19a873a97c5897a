//! The small world that inputs are judged in: the same on every run.

use absio_proto::crypto::manifest::{
    AccessEntry, AccessSlots, Author, ManifestBody, ManifestView, Section, SectionState, Wrapped, no_type,
};
use absio_proto::crypto::segment::{
    SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, seal_segment,
};
use absio_proto::crypto::{ContainerKeys, KeyRing, Secret, container_id};
use absio_proto::model::{ContainerId, Permissions, Timestamp};
use absio_proto::{Entropy, EntropyError};
use std::sync::LazyLock;

/// When everything in this world happened.
pub const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Randomness that is the same on every run (splitmix64).
pub struct Fixed(pub u64);

impl Entropy for Fixed {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for piece in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            piece.copy_from_slice(&mixed.to_be_bytes()[..piece.len()]);
        }
        Ok(())
    }
}

/// The key ring of user number `user`.
pub fn ring(user: u64) -> KeyRing {
    static FIRST: LazyLock<[KeyRing; 2]> = LazyLock::new(|| [make_ring(1), make_ring(2)]);
    match user {
        1 | 2 => FIRST[user as usize - 1].duplicate(),
        other => make_ring(other),
    }
}

fn make_ring(user: u64) -> KeyRing {
    KeyRing::generate(&mut Fixed(user), NOW).expect("this randomness cannot fail")
}

/// The container.
pub fn container() -> ContainerId {
    ContainerId::from_bytes([7; 16])
}

/// Its keys.
pub fn keys() -> ContainerKeys {
    ContainerKeys::new(Secret::new([1; 32]), Secret::new([2; 32]))
}

/// What a reader expects of its content.
pub fn content_context() -> SegmentContext {
    SegmentContext { kind: SegmentKind::Content, container: container(), epoch: 3 }
}

/// The content: two whole chunks of the smallest size, and a bit.
pub fn plaintext() -> Vec<u8> {
    (0..9000).map(|position| (position % 251) as u8).collect()
}

/// The sealed content, and its digest as a manifest signs it.
pub fn sealed_content() -> (Vec<u8>, SegmentDigest) {
    static SEALED: LazyLock<(Vec<u8>, SegmentDigest)> = LazyLock::new(seal_content);
    SEALED.clone()
}

fn seal_content() -> (Vec<u8>, SegmentDigest) {
    let parameters =
        SegmentParameters { chunk_log2: 12, ..SegmentParameters::new(content_context(), [9; 32]) };
    seal_segment(parameters, keys().content_secret(), &plaintext()).expect("the content is short")
}

/// The first revision of a container that user 1 made and shares with user 2, and the second, in
/// which the content is another.
pub fn revisions() -> [ManifestView; 2] {
    let (creator, reader) = (ring(1), ring(2));
    let entry = |user: &KeyRing, permissions, content_epoch| AccessEntry {
        user: user.user_id(),
        permissions,
        expiration: None,
        created_by: creator.user_id(),
        created_at: NOW,
        modified: None,
        wrapped: Some(Wrapped {
            derivation_index: 1,
            blob_hash: [content_epoch as u8; 48],
            sealed_by: creator.user_id(),
            sealed_by_index: 1,
            header_epoch: 1,
            content_epoch,
        }),
        salt: [content_epoch as u8; 32],
    };
    let list = |content_epoch| {
        let own = entry(&creator, Permissions::all(), content_epoch);
        AccessSlots::of([own, entry(&reader, Permissions::from_bits_retain(11), content_epoch)])
            .expect("two users are two rows")
    };
    let section = |state, digest: SegmentDigest, epoch| Section {
        state,
        epoch,
        digest,
        changed_by: creator.user_id(),
        changed_at: NOW,
        changed_in: epoch,
    };
    let none = SegmentDigest { length: 0, digest: [0; 48] };
    let digest = sealed_content().1;
    let access = list(1);
    let first = ManifestBody {
        suite: 1,
        container: container_id(creator.user_id(), &[5; 32]),
        id_salt: [5; 32],
        revision: 1,
        previous: [0; 48],
        created_by: creator.user_id(),
        created_at: NOW,
        author: Author::of(&creator),
        modified_at: NOW,
        type_commitment: no_type(),
        header: section(SectionState::Absent, none, 1),
        content: section(SectionState::Present { padded: false }, digest, 1),
        access_count: access.count(),
        access_root: access.root(),
    };
    let changed = list(2);
    let second = ManifestBody {
        revision: 2,
        previous: first.hash(),
        content: section(
            SectionState::Present { padded: false },
            SegmentDigest { digest: [8; 48], ..digest },
            2,
        ),
        access_root: changed.root(),
        ..first.clone()
    };
    [(first, access), (second, changed)]
        .map(|(body, access)| ManifestView::new(body.sign(&creator), access).expect("the root is the list's"))
}
