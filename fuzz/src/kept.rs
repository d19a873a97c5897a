//! What a device keeps: sealed records, anchors and the other cells, the journal of an upload, exports.

use crate::{seeds, world};
use absio_proto::crypto::segment::{SegmentContext, SegmentKind, SegmentParameters, SegmentSealer};
use absio_proto::crypto::{SealedKeyFile, Secret};
use absio_proto::ofs::{
    Kind, RootSalt, SALT_CELLS, State, StoreKeys, Sum, recoded, recoded_change, recoded_export,
};
use absio_proto::ops::container::read_journal;
use std::sync::LazyLock;

fn keys() -> StoreKeys {
    StoreKeys::derive(world::ring(1).user_id(), &Secret::new([4; 32]))
}

fn state() -> Vec<u8> {
    State { sequence: 9, count: 3, sum: Sum([5; 32]), blobs: 1, time: world::NOW, incomplete_since: None }
        .encode()
}

const KINDS: [Kind; 5] = [Kind::State, Kind::Container, Kind::Peer, Kind::Cursor, Kind::Outbox];

/// Input: which record u8, its bytes. What is read of a record is written as it was; a value that was
/// not sealed for a name does not open under it.
///
/// # Panics
/// If that does not hold.
pub fn record(data: &[u8]) {
    let [which, bytes @ ..] = data else { return };
    let kind = KINDS.get(usize::from(*which) % (KINDS.len() + 1));
    let again = kind.map_or_else(|| recoded_change(bytes), |kind| recoded(*kind, bytes));
    if let Ok(again) = again {
        assert_eq!(again, bytes, "a record ({kind:?}) has two encodings");
    }
    let keys = keys();
    let name = keys.name(Kind::Container, world::container().as_bytes());
    if keys.open_record(&name, bytes).is_some() {
        assert!(bytes == sealed_record(), "a record was forged");
    }
    let blob = keys.blob_id([1; 10]);
    for part in [0, 1] {
        assert!(keys.open_envelope(&blob, part, bytes).is_none(), "an envelope was forged");
    }
    let _ = keys.element(&name, bytes);
}

fn sealed_record() -> Vec<u8> {
    static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let keys = keys();
        let name = keys.name(Kind::Container, world::container().as_bytes());
        keys.seal_record(&name, 1, &state(), &mut world::Fixed(6)).expect("this randomness cannot fail")
    });
    SEALED.clone()
}

/// The records of the vectors and a state, each as every record; a sealed value.
pub fn record_seeds() -> Vec<Vec<u8>> {
    let mut plain = seeds::from_vectors(&["store"]);
    plain.push(state());
    plain.push(sealed_record());
    let all = 0..=KINDS.len() as u8;
    all.flat_map(|which| plain.iter().map(move |bytes| [&[which], &bytes[..]].concat())).collect()
}

/// Input: the bytes of a cell. An anchor, a salt or a key file comes out of the genuine cell alone, or
/// of one whose checksum holds; the salt and the key file are then written back as they were.
///
/// # Panics
/// If that does not hold.
pub fn cells(data: &[u8]) {
    let keys = keys();
    let genuine = anchors();
    for slot in [0, 1] {
        let cell = keys.anchor_cell(slot);
        if let Some(opened) = keys.open_anchor(&cell, data) {
            assert!(genuine[usize::from(slot)] == data, "an anchor was forged");
            assert!(State::decode(&opened).is_ok(), "the genuine anchor holds a state");
        }
    }
    if let Some(salt) = RootSalt::decode(data) {
        assert_eq!(salt.encode(), data, "a salt has two cells");
        assert!(!salt.cells(world::ring(1).user_id()).iter().any(|cell| SALT_CELLS.contains(cell)));
    }
    let salt = RootSalt([8; 32]);
    if let Some(file) = salt.open(world::ring(1).user_id(), data) {
        assert_eq!(file.user_id(), world::ring(1).user_id());
        assert_eq!(salt.seal(&file), data, "a key file has two cells");
    }
}

fn anchors() -> &'static [Vec<u8>; 2] {
    static ANCHORS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
        let keys = keys();
        [0, 1].map(|slot| {
            let (cell, mut entropy) = (keys.anchor_cell(slot), world::Fixed(7 + u64::from(slot)));
            keys.seal_anchor(&cell, 9, &state(), &mut entropy).expect("this randomness cannot fail")
        })
    });
    &ANCHORS
}

/// Both anchors, a salt, a key file, and what the vectors have of cells.
pub fn cell_seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::from_vectors(&["store"]);
    seeds.extend(anchors().clone());
    seeds.push(RootSalt([8; 32]).encode());
    let file = crate::identity::key_file_seeds().swap_remove(0);
    let file = SealedKeyFile::from_bytes(file).expect("the file was just made");
    seeds.push(RootSalt([8; 32]).seal(&file));
    seeds
}

/// Input: the bytes of a journal. Whatever stands there, it tells the keys and a beginning of the parts
/// that were recorded, or nothing.
///
/// # Panics
/// If that does not hold.
pub fn journal(data: &[u8]) {
    if let Some((secret, roots)) = read_journal(&keys(), data) {
        assert_eq!(secret, CONTENT_SECRET, "a journal tells another secret");
        assert!(roots.len() <= PARTS, "a journal tells parts that were not recorded");
        assert!(roots.iter().zip(1..).all(|(root, part)| *root == [part; 48]), "a root was forged");
    }
}

const CONTENT_SECRET: [u8; 32] = [3; 32];
/// Parts that the genuine journal records.
const PARTS: usize = 3;

/// A journal of three parts, whole and cut.
pub fn journal_seeds() -> Vec<Vec<u8>> {
    let (keys, name, mut entropy) = (keys(), [2; 16], world::Fixed(11));
    let context = SegmentContext { kind: SegmentKind::Content, container: world::container(), epoch: 1 };
    let sealer = SegmentSealer::new(SegmentParameters::new(context, [9; 32]), &Secret::new(CONTENT_SECRET))
        .expect("the parameters are those of the suite");
    let header = sealer.header().encode();
    let length = (PARTS as u64) * absio_proto::limits::PART;
    let first = [&[6; 32][..], &CONTENT_SECRET, header.as_ref(), &[7; 16], &length.to_be_bytes()].concat();
    let mut journal = [&b"UPJ1"[..], &name].concat();
    let mut seeds = Vec::new();
    for number in 0..=PARTS as u64 {
        let root = [number as u8; 48];
        let data = if number == 0 { &first[..] } else { &root };
        let entry = keys.seal_journal(&name, number, data, &mut entropy);
        journal.extend(entry.expect("this randomness cannot fail"));
        seeds.push(journal.clone());
    }
    seeds.push(journal[..journal.len() - 7].to_vec());
    seeds
}

/// Input: the size of a block u8, the joined blocks of an export. What is read of an export is written
/// as it was, and does not depend on where its blocks end.
///
/// # Panics
/// If that does not hold.
pub fn export(data: &[u8]) {
    let [step, bytes @ ..] = data else { return };
    let (whole, cut) = (recoded_export(bytes, bytes.len()), recoded_export(bytes, usize::from(*step)));
    assert_eq!(whole, cut, "the blocks of an export make a difference");
    if let Ok(again) = whole {
        assert_eq!(again, bytes, "an export has two encodings");
    }
}

/// An export with one thing of each kind, and its beginnings.
pub fn export_seeds() -> Vec<Vec<u8>> {
    let prefixed = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let pieces = [
        [&[1][..], &[1; 32], &prefixed(b"cell")].concat(),
        [&[2][..], &prefixed(b"state")].concat(),
        [&[3][..], &[7; 20], &prefixed(b"some"), &prefixed(b"more"), &prefixed(b"")].concat(),
        [&[4][..], &[9; 40], &prefixed(b"value")].concat(),
    ];
    (1..=pieces.len()).map(|count| [&[5][..], &pieces[..count].concat()].concat()).collect()
}
