//! Signed things that are short: tombstones, request signatures, request headers.

use crate::{seeds, world};
use absio_proto::crypto::SignedRequest;
use absio_proto::crypto::tombstone::Tombstone;
use absio_proto::effect::{HttpRequest, Method};
use absio_proto::wire::{RequestHeaders, RequestSignature};
use core::time::Duration;

/// A tombstone and a signature header have one encoding, and no forged one verifies.
///
/// # Panics
/// If that does not hold.
pub fn signed(data: &[u8]) {
    let ring = world::ring(1);
    let (_, key) = ring.chain().active_signing().expect("a new user has keys");
    if let Ok(tombstone) = Tombstone::decode(data) {
        assert_eq!(tombstone.encode(), data, "a tombstone has two encodings");
        assert!(tombstone.verify_signature(&key).is_err(), "a tombstone was forged");
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (value, body) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(signature) = RequestSignature::from_header(value) {
        assert_eq!(RequestSignature::from_header(&signature.to_header()), Some(signature));
        let request = SignedRequest {
            origin: "http://localhost:8600".into(),
            user_id: signature.user,
            key_index: signature.key_index,
            idempotency_key: [0; 16],
            method: "DELETE".into(),
            path_and_query: "/v1/users".into(),
            body_hash: SignedRequest::body_hash(body.as_bytes()),
            time: signature.time,
        };
        assert!(request.verify(ring.chain(), &signature.signature).is_err(), "a request was forged");
    }
    // Header lines: name, colon, value.
    let headers = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let _ = RequestHeaders::read(&HttpRequest {
        method: Method::Get,
        origin: String::new(),
        path: "/v1/info".into(),
        headers,
        body: absio_proto::effect::Body::new(),
        deadline: Duration::ZERO,
        max_response: 0,
    });
}

/// What the vectors hold, and headers.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::from_vectors(&["tombstone", "proofs"]);
    let signature = RequestSignature {
        user: world::ring(1).user_id(),
        key_index: 1,
        time: world::NOW,
        signature: [8; 64],
    };
    seeds.push([signature.to_header().as_bytes(), b"\nbody"].concat());
    seeds.push(
        b"absio-api-key:00000000-0000-4000-8000-000000000001\nabsio-app-name:YQ\nauthorization:Bearer AAAA\n\
        absio-idempotency-key:00112233445566778899aabbccddeeff\nother:x"
            .to_vec(),
    );
    seeds
}
