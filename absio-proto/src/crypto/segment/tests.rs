use super::*;
use crate::crypto::algorithm::MacIndex;
use crate::crypto::merkle::MerkleBuilder;
use crate::crypto::secret::Secret;
use crate::error::CryptoError;
use crate::model::ContainerId;

const SECRET: [u8; 32] = [0x5e; 32];

fn context() -> SegmentContext {
    SegmentContext { kind: SegmentKind::Content, container: ContainerId::from_bytes([0xc0; 16]), epoch: 7 }
}

/// 4 KiB chunks, so that few bytes make many.
fn parameters() -> SegmentParameters {
    SegmentParameters { chunk_log2: 12, ..SegmentParameters::new(context(), [0x5a; 32]) }
}

fn plaintext(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn sealed(length: usize) -> (Vec<u8>, SegmentDigest) {
    seal_segment(parameters(), &Secret::new(SECRET), &plaintext(length)).unwrap()
}

fn open(segment: &[u8], digest: &SegmentDigest) -> Result<Vec<u8>, CryptoError> {
    open_segment(segment, &context(), digest, &Secret::new(SECRET))
}

/// The weakened opener of the negative controls: it knows the keys but no manifest.
fn open_by_mac_alone(segment: &[u8]) -> Result<Vec<u8>, CryptoError> {
    open_segment_unsigned(segment, &context(), &Secret::new(SECRET))
}

#[test]
fn what_was_sealed_opens_at_every_boundary() {
    for mac_index in [MacIndex::HmacSha256, MacIndex::HmacSha384] {
        for length in [0, 1, 15, 16, 4095, 4096, 4097, 8192, 20_000] {
            let parameters = SegmentParameters { mac_index, ..parameters() };
            let secret = Secret::new(SECRET);
            let (segment, digest) = seal_segment(parameters, &secret, &plaintext(length)).unwrap();
            assert_eq!(segment.len() as u64, segment_length(length as u64, 12, mac_index).unwrap());
            assert_eq!(open(&segment, &digest).unwrap(), plaintext(length), "{mac_index:?} {length}");
            assert_eq!(open_by_mac_alone(&segment).unwrap(), plaintext(length));
        }
    }
}

#[test]
fn parts_tasks_and_one_shot_give_the_same_bytes() {
    let length = 4096 * 7 + 100;
    let (segment, digest) = sealed(length);
    let text = plaintext(length);
    let sealer = SegmentSealer::new(parameters(), &Secret::new(SECRET)).unwrap();
    let opener =
        SegmentOpener::new(*sealer.header(), &context(), length as u64, &Secret::new(SECRET)).unwrap();
    let mut bytes = sealer.header().encode().to_vec();
    let mut tree = MerkleBuilder::new();
    let mut opened = Vec::new();
    for (first, range, last) in [(0, 0..8192, false), (2, 8192..20_480, false), (5, 20_480..length, true)] {
        let part = sealer.seal_part(first, &text[range], last).unwrap();
        let back = opener.open_part(first, &part.bytes).unwrap();
        assert_eq!(back.leaves, part.leaves);
        opened.extend_from_slice(back.plaintext.bytes());
        bytes.extend_from_slice(&part.bytes);
        tree.extend(&part.leaves);
    }
    assert_eq!((&bytes, &opened), (&segment, &text));
    assert_eq!(opener.check_digest(&tree, &digest), Ok(()));
    for ways in [1, 2, 3, 100] {
        let mut leaves = vec![[0; 48]; 8];
        let mut sealed = vec![0; segment.len() - HEADER_LENGTH];
        for task in sealer.split_part(0, &text, true, &mut sealed, &mut leaves, ways).unwrap() {
            task.run();
        }
        assert_eq!(sealed, segment[HEADER_LENGTH..], "{ways} ways");
        let mut out = vec![0; length];
        let mut again = vec![[0; 48]; 8];
        for task in opener.split_part(0, &sealed, &mut out, &mut again, ways).unwrap() {
            task.run().unwrap();
        }
        assert_eq!((out, again), (text.clone(), leaves));
    }
    let mut short = vec![0; 10];
    assert!(sealer.seal_part(0, &text[..100], false).is_err());
    assert!(sealer.seal_part_into(0, &text, true, &mut short, &mut []).is_err());
    assert!(opener.open_part_into(0, &segment[HEADER_LENGTH..], &mut short, &mut []).is_err());
}

#[test]
fn a_verifier_without_keys_finds_the_digest_from_any_pieces() {
    for length in [0, 1, 4095, 4096, 10_000] {
        let (segment, digest) = sealed(length);
        for piece in [1, 7, 104, 4128, 100_000] {
            let mut verifier = SegmentVerifier::new(length as u64);
            for bytes in segment.chunks(piece) {
                verifier.update(bytes).unwrap();
            }
            let (header, found) = verifier.finish().unwrap();
            assert_eq!((header.parameters, found), (parameters(), digest), "{length} in {piece}s");
        }
        let mut short = SegmentVerifier::new(length as u64);
        short.update(&segment[..segment.len() - 1]).unwrap();
        assert!(short.finish().is_err());
        let mut long = SegmentVerifier::new(length as u64);
        assert!(long.update(&[&segment[..], &[0]].concat()).is_err());
    }
}
