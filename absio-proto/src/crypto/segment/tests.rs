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

fn chunks(segment: &[u8]) -> Vec<Vec<u8>> {
    segment[HEADER_LENGTH..].chunks(4096 + 32).map(<[u8]>::to_vec).collect()
}

fn assembled(segment: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&segment[..HEADER_LENGTH], &chunks.concat()].concat()
}

/// What an attack makes of the chunks opens in no way: neither against the digest nor by MAC alone.
fn refused(alter: impl Fn(&mut Vec<Vec<u8>>)) {
    let (segment, digest) = sealed(4096 * 4 + 1000);
    let mut altered = chunks(&segment);
    alter(&mut altered);
    let altered = assembled(&segment, &altered);
    assert_ne!(altered, segment, "the attack changed something");
    assert!(open(&altered, &digest).is_err());
    assert!(open_by_mac_alone(&altered).is_err());
    assert!(open(&segment, &digest).is_ok());
}

/// Security case 22.
#[test]
fn ms_chunk_swap() {
    refused(|chunks| chunks.swap(0, 1));
    refused(|chunks| chunks.swap(2, 3));
    // Negative control: what refuses is the index, since equal chunks at one index are the same.
    let text = vec![7; 8192];
    let (segment, _) = seal_segment(parameters(), &Secret::new(SECRET), &text).unwrap();
    let parts = chunks(&segment);
    assert_ne!(parts[0], parts[1], "equal plaintext does not give equal chunks");
}

/// Security case 22.
#[test]
fn ms_chunk_dup() {
    refused(|chunks| chunks.insert(1, chunks[1].clone()));
    refused(|chunks| chunks[2] = chunks[1].clone());
}

/// Security case 22.
#[test]
fn ms_chunk_drop() {
    for index in 0..5 {
        refused(|chunks| drop(chunks.remove(index)));
    }
}

/// Security case 22.
#[test]
fn ms_chunk_append() {
    refused(|chunks| chunks.push(chunks[4].clone()));
    refused(|chunks| chunks.push(vec![0; 32]));
    // A genuine segment that begins alike and goes on.
    let (longer, _) = sealed(4096 * 6);
    refused(|parts| parts[4] = chunks(&longer)[4].clone());
    // Taken over whole, it is a genuine segment of the same keys: the signed digest refuses it.
    let (_, digest) = sealed(4096 * 4 + 1000);
    assert!(open_by_mac_alone(&longer).is_ok());
    assert!(open(&longer, &digest).is_err());
}

/// 8192 bytes are sealed to 8,392 and 10,000 to 10,200: of each, every proper beginning.
const TRUNCATIONS: u32 = 8_392 + 10_200;

/// Security case 23: cut at every offset, with lengths that give a boundary at a chunk.
#[test]
fn ms_truncate_every_offset() {
    let (mut accepted, mut cuts) = (0, 0);
    for length in [8192, 10_000] {
        let (segment, digest) = sealed(length);
        for cut in 0..segment.len() {
            accepted += u32::from(open(&segment[..cut], &digest).is_ok());
            accepted += u32::from(open_by_mac_alone(&segment[..cut]).is_ok());
            cuts += 1;
        }
        assert!(open(&segment, &digest).is_ok() && open_by_mac_alone(&segment).is_ok(), "negative control");
    }
    assert_eq!((accepted, cuts), (0, TRUNCATIONS));
    // Negative control: an opener that reads chunk by chunk and asks nothing of the last one would take
    // a cut at the border of two chunks for the end.
    let (segment, digest) = sealed(10_000);
    let opener = opener(&segment, digest.length);
    let weakened = opener.open_part(0, range(&segment, &opener, 0, 2)).unwrap();
    assert_eq!(weakened.plaintext.bytes(), &plaintext(10_000)[..8192]);
}

/// Every single-bit flip, with both MACs.
#[test]
fn ms_segment_bitflip_all() {
    let mut flips = 0;
    for mac_index in [MacIndex::HmacSha256, MacIndex::HmacSha384] {
        let secret = Secret::new(SECRET);
        let parameters = SegmentParameters { mac_index, ..parameters() };
        let (segment, digest) = seal_segment(parameters, &secret, &plaintext(300)).unwrap();
        for bit in 0..segment.len() * 8 {
            let mut altered = segment.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&altered, &digest).is_err(), "bit {bit}");
            assert!(open_by_mac_alone(&altered).is_err(), "bit {bit}");
            flips += 1;
        }
        assert!(open(&segment, &digest).is_ok(), "negative control");
    }
    assert_eq!(flips, ((104 + 300 + 32) + (104 + 300 + 48)) * 8);
}

/// Security case 24: another kind, container or epoch under the same secret.
#[test]
fn ms_mix_header_content() {
    let secret = Secret::new(SECRET);
    let header = SegmentContext { kind: SegmentKind::Header, ..context() };
    let container = SegmentContext { container: ContainerId::from_bytes([0xc1; 16]), ..context() };
    let epoch = SegmentContext { epoch: 8, ..context() };
    for other in [header, container, epoch] {
        let foreign = SegmentParameters { context: other, ..parameters() };
        let (mut segment, digest) = seal_segment(foreign, &secret, &plaintext(100)).unwrap();
        assert!(open_segment(&segment, &other, &digest, &secret).is_ok());
        assert_eq!(open(&segment, &digest), Err(CryptoError::Decrypt));
        // Relabelled to what the reader expects, the commitment no longer fits.
        let relabelled =
            SegmentHeader { parameters: parameters(), ..SegmentHeader::split(&segment).unwrap().0 };
        segment[..HEADER_LENGTH].copy_from_slice(&relabelled.encode());
        assert_eq!(open_by_mac_alone(&segment), Err(CryptoError::Decrypt));
    }
}

/// Security case 25 at this level: a genuine segment of another sealing is not the signed one.
#[test]
fn ms_mix_epochs_in_segments() {
    let (_, signed) = sealed(100);
    let other = SegmentParameters { salt: [0x5b; 32], ..parameters() };
    let (stale, digest) = seal_segment(other, &Secret::new(SECRET), &plaintext(100)).unwrap();
    assert!(open(&stale, &digest).is_ok() && open_by_mac_alone(&stale).is_ok());
    assert_eq!(open(&stale, &signed), Err(CryptoError::Decrypt));
}

/// Security case 26: a reader who knows the keys rewrites a chunk and its tag. The MAC accepts it;
/// the signed root does not.
#[test]
fn mp_insider_rewrite() {
    let (segment, digest) = sealed(10_000);
    let mut text = plaintext(10_000);
    text[5000] ^= 1;
    let (forged, _) = seal_segment(parameters(), &Secret::new(SECRET), &text).unwrap();
    let mut altered = chunks(&segment);
    altered[1] = chunks(&forged)[1].clone();
    let altered = assembled(&segment, &altered);
    assert_eq!(open_by_mac_alone(&altered).unwrap(), text, "negative control: the MAC alone accepts");
    assert_eq!(open(&altered, &digest), Err(CryptoError::Decrypt));
}

/// Security case 29 in the clear header: another suite, cipher or MAC is named, never guessed.
#[test]
fn ms_suite_downgrade_in_segments() {
    let (segment, digest) = sealed(100);
    let altered = |position: usize, byte: u8| {
        let mut altered = segment.clone();
        altered[position] = byte;
        open(&altered, &digest).unwrap_err()
    };
    assert_eq!(altered(5, 2), CryptoError::Unknown { what: "suite", value: 2 });
    assert_eq!(altered(4, 1), CryptoError::Unknown { what: "suite", value: 0x0101 });
    assert_eq!(altered(32, 1), CryptoError::Unknown { what: "cipher index", value: 1 });
    assert_eq!(altered(33, 2), CryptoError::Unknown { what: "MAC index", value: 2 });
    assert_eq!(altered(33, 1), CryptoError::Decrypt, "a known MAC, but not this segment's");
    assert_eq!(altered(34, 3), CryptoError::Unknown { what: "padding", value: 3 });
    for reserved in 35..40 {
        assert!(matches!(altered(reserved, 1), CryptoError::Malformed { .. }));
    }
    assert!(open(&segment, &digest).is_ok(), "negative control");
}

/// Security case 30: a wrong key is an error from the commitment, before anything is decrypted.
#[test]
fn ms_wrong_key() {
    let (segment, digest) = sealed(100);
    let header = SegmentHeader::split(&segment).unwrap().0;
    let opener = |secret| SegmentOpener::new(header, &context(), 100, &Secret::new(secret)).map(|_| ());
    assert_eq!(opener([0x5f; 32]), Err(CryptoError::Decrypt));
    assert_eq!(opener(SECRET), Ok(()));
    let wrong = open_segment(&segment, &context(), &digest, &Secret::new([0x5f; 32]));
    assert_eq!(wrong, Err(CryptoError::Decrypt));
}

fn opener(segment: &[u8], length: u64) -> SegmentOpener {
    let header = SegmentHeader::split(segment).unwrap().0;
    SegmentOpener::new(header, &context(), length, &Secret::new(SECRET)).unwrap()
}

fn range<'a>(segment: &'a [u8], opener: &SegmentOpener, first: u64, count: u64) -> &'a [u8] {
    let (offset, length) = opener.layout().sealed_range(first, count).unwrap();
    &segment[offset as usize..][..length as usize]
}

#[test]
fn every_range_opens_with_its_proof() {
    let (segment, digest) = sealed(4096 * 5 + 10);
    let opener = opener(&segment, digest.length);
    let text = plaintext(4096 * 5 + 10);
    for first in 0..6 {
        for count in 1..=6 - first {
            let proof = prove_range(&segment, first, count).unwrap();
            assert_eq!(RangeProof::decode(&proof.encode()), Ok(proof.clone()));
            let sealed = range(&segment, &opener, first, count);
            let end = text.len().min(4096 * (first + count) as usize);
            let opened = opener.open_range(first, sealed, &proof, &digest).unwrap();
            assert_eq!(opened, text[4096 * first as usize..end]);
        }
    }
    assert!(prove_range(&segment, 5, 2).is_err() && prove_range(&segment, 0, 0).is_err());
    assert!(prove_range(&segment, u64::MAX, 2).is_err());
    assert!(RangeProof::decode(&[255]).is_err() && RangeProof::decode(&[0, 0]).is_err());
}

/// Security case 31: an insider's chunk in a range. The MAC accepts it, the signed tree does not.
#[test]
fn ms_range_forge() {
    let (segment, digest) = sealed(4096 * 3);
    let mut text = plaintext(4096 * 3);
    text[4096] ^= 1;
    let (forged, _) = seal_segment(parameters(), &Secret::new(SECRET), &text).unwrap();
    let opener = opener(&segment, digest.length);
    let proof = prove_range(&segment, 1, 1).unwrap();
    let chunk = range(&forged, &opener, 1, 1);
    assert!(opener.open_part(1, chunk).is_ok(), "negative control: the MAC alone accepts");
    assert_eq!(opener.open_range(1, chunk, &proof, &digest), Err(CryptoError::Decrypt));
    let forged_proof = prove_range(&forged, 1, 1).unwrap();
    assert_eq!(opener.open_range(1, chunk, &forged_proof, &digest), Err(CryptoError::Decrypt));
    // The end of a segment cannot be moved: another length is another digest.
    let shorter = SegmentDigest { length: 4096, ..digest };
    let short_opener = SegmentOpener::new(*opener.header(), &context(), 4096, &Secret::new(SECRET)).unwrap();
    let first = range(&segment, &opener, 0, 1);
    assert!(short_opener.open_range(0, first, &proof, &shorter).is_err());
}

/// Security case 31: a right chunk at a wrong place, and a damaged or foreign path.
#[test]
fn ms_range_wrong_path() {
    let (segment, digest) = sealed(4096 * 5);
    let opener = opener(&segment, digest.length);
    let proof = prove_range(&segment, 1, 2).unwrap();
    let sealed = range(&segment, &opener, 1, 2);
    assert!(opener.open_range(1, sealed, &proof, &digest).is_ok());
    assert!(opener.open_range(2, sealed, &proof, &digest).is_err());
    for index in 0..proof.0.len() {
        let mut altered = proof.clone();
        altered.0[index][0] ^= 1;
        assert!(opener.open_range(1, sealed, &altered, &digest).is_err());
    }
    let mut longer = proof.clone();
    longer.0.push([0; 48]);
    let mut shorter = proof;
    shorter.0.pop();
    let foreign = prove_range(&segment, 2, 2).unwrap();
    for proof in [longer, shorter, foreign, RangeProof::default()] {
        assert!(opener.open_range(1, sealed, &proof, &digest).is_err());
    }
}

/// Security case 32: one-shot opening gives nothing on a failure in the last chunk; a part that
/// fails is wiped where it was written; parts that pass are typed `Provisional`.
#[test]
fn ms_partial_release() {
    let (segment, digest) = sealed(4096 * 2 + 5);
    let mut altered = segment.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(open(&altered, &digest).is_err());
    let opener = opener(&segment, digest.length);
    let mut out = vec![0xaa; 4096 * 2 + 5];
    let mut leaves = vec![[0; 48]; 3];
    assert!(opener.open_part_into(0, &altered[HEADER_LENGTH..], &mut out, &mut leaves).is_err());
    assert!(out[..8192].iter().all(|byte| *byte == 0), "what was decrypted before is wiped");
    // Negative control: the same part unaltered is given out, and kept.
    assert!(opener.open_part_into(0, &segment[HEADER_LENGTH..], &mut out, &mut leaves).is_ok());
    assert_eq!(out, plaintext(4096 * 2 + 5));
    let part = opener.open_part(0, range(&segment, &opener, 0, 2)).unwrap();
    assert_eq!(format!("{:?}", part.plaintext), "Provisional(8192 bytes)");
    let mut tree = MerkleBuilder::new();
    tree.extend(&part.leaves);
    assert!(opener.check_digest(&tree, &digest).is_err(), "a part is not the whole");
}

/// Security case 33: what goes in takes the same room whatever it is.
#[test]
fn spec_no_compression() {
    let sizes = [vec![0; 5000], plaintext(5000)]
        .map(|text| seal_segment(parameters(), &Secret::new(SECRET), &text).unwrap().0.len());
    assert_eq!(sizes[0], sizes[1]);
    let shorter = seal_segment(parameters(), &Secret::new(SECRET), &[0; 4999]).unwrap().0.len();
    assert_eq!(shorter + 1, sizes[0], "negative control: only the length tells");
    assert_eq!(sizes[0] as u64, segment_length(5000, 12, MacIndex::HmacSha256).unwrap());
}

/// Security case 27 at this level, and F1: fresh salts give fresh keystreams, equal salts do not.
#[test]
fn mc_reencrypt_same_keys_differs_in_segments() {
    let secret = Secret::new(SECRET);
    let salted = |salt| {
        let parameters = SegmentParameters { salt, ..parameters() };
        seal_segment(parameters, &secret, &[0; 4000]).unwrap().0.split_off(HEADER_LENGTH)
    };
    let (one, two) = (salted([1; 32]), salted([2; 32]));
    let equal = one.iter().zip(&two).filter(|(one, two)| one == two).count();
    assert!(equal < 100, "{equal} of 4032 bytes are equal; chance gives about 16");
    assert_eq!(salted([1; 32]), one, "negative control");
}

/// Security case 34: padding travels in the clear header and is checked when opened.
#[test]
fn mc_padding_in_segments() {
    for padding in [Padding::Buckets, Padding::Padme] {
        let parameters = SegmentParameters { padding, ..parameters() };
        let secret = Secret::new(SECRET);
        let (segment, digest) = seal_segment(parameters, &secret, &padding.pad(b"data")).unwrap();
        assert_eq!(open(&segment, &digest).unwrap(), b"data");
        let mut nonzero = padding.pad(b"data").into_owned();
        nonzero[5] = 1;
        let (segment, digest) = seal_segment(parameters, &secret, &nonzero).unwrap();
        assert!(matches!(open(&segment, &digest), Err(CryptoError::Malformed { .. })));
    }
}
