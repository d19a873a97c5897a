//! Segments: whole, in ranges, and as a broker checks them without keys.

use crate::world;
use absio_proto::crypto::segment::{
    RangeProof, SegmentHeader, SegmentOpener, SegmentVerifier, open_segment, open_segment_unsigned,
    prove_range,
};

/// Nothing but the genuine segment opens, and a check without keys accepts the signed digest only
/// at the signed length.
///
/// # Panics
/// If that does not hold.
pub fn open(data: &[u8]) {
    let (genuine, signed) = world::sealed_content();
    let keys = world::keys();
    if let Ok(plaintext) = open_segment(data, &world::content_context(), &signed, keys.content_secret()) {
        assert!(data == genuine && plaintext == world::plaintext(), "a forged segment was opened");
    }
    if let Ok(plaintext) = open_segment_unsigned(data, &world::content_context(), keys.content_secret()) {
        assert!(data == genuine && plaintext == world::plaintext(), "a segment was forged without the keys");
    }
    let mut verifier = SegmentVerifier::new(signed.length);
    let step = usize::from(data.first().copied().unwrap_or(1)).max(1);
    if data.chunks(step).all(|piece| verifier.update(piece).is_ok())
        && let Ok((_, digest)) = verifier.finish()
    {
        // It cannot see the ciphertext, which the tags bind for those who hold the keys.
        assert!(digest != signed || data.len() == genuine.len(), "another length has the signed digest");
    }
    let _ = prove_range(data, 0, 1);
}

/// Input: first chunk u8, number of hashes u8, the hashes, sealed chunks. What a range read gives out
/// is what stands there.
///
/// # Panics
/// If that does not hold.
pub fn range(data: &[u8]) {
    let [first, rest @ ..] = data else { return };
    let count = rest.first().copied().unwrap_or(0);
    let (proof, sealed) = rest.split_at(rest.len().min(1 + 48 * usize::from(count)));
    let Ok(proof) = RangeProof::decode(proof) else { return };
    let (genuine, signed) = world::sealed_content();
    let (header, _) = SegmentHeader::split(&genuine).expect("the genuine segment has a header");
    let secret = world::keys();
    let opener =
        SegmentOpener::new(header, &world::content_context(), signed.length, secret.content_secret())
            .expect("the genuine segment opens");
    if let Ok(opened) = opener.open_range((*first).into(), sealed, &proof, &signed) {
        let start = usize::from(*first) << 12;
        let plaintext = world::plaintext();
        assert_eq!(plaintext.get(start..start + opened.len()), Some(&opened[..]), "a range was forged");
    }
}

/// The genuine segment.
pub fn seeds() -> Vec<Vec<u8>> {
    vec![world::sealed_content().0]
}

/// Genuine ranges.
pub fn range_seeds() -> Vec<Vec<u8>> {
    let (genuine, signed) = world::sealed_content();
    let (header, _) = SegmentHeader::split(&genuine).expect("the genuine segment has a header");
    let secret = world::keys();
    let opener =
        SegmentOpener::new(header, &world::content_context(), signed.length, secret.content_secret())
            .expect("the genuine segment opens");
    [(0u8, 1), (1, 2), (2, 1), (0, 3)]
        .into_iter()
        .map(|(first, count)| {
            let proof = prove_range(&genuine, first.into(), count).expect("the range lies inside");
            let (start, length) =
                opener.layout().sealed_range(first.into(), count).expect("the range lies inside");
            let sealed = &genuine[start as usize..(start + length) as usize];
            [&[first], &proof.encode()[..], sealed].concat()
        })
        .collect()
}
