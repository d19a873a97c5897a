//! Proofs replayed, relayed and taken for one another.

use super::*;
use crate::crypto::stretch::KdfPolicy;
use crate::crypto::suite::SignatureLabel;
use crate::crypto::test_entropy::TestEntropy;
use crate::model::{ApiKey, Timestamp};

const ORIGIN: &str = "https://absio.example";

fn ring() -> KeyRing {
    KeyRing::generate(&mut TestEntropy::new(1), Timestamp::from_millis(1_000)).unwrap()
}

fn login(ring: &KeyRing) -> LoginProof {
    LoginProof {
        origin: ORIGIN.into(),
        api_key: ApiKey::from_bytes([2; 16]),
        user_id: ring.user_id(),
        key_index: ring.signing_index(),
        server_nonce: vec![3; 40],
        client_nonce: [4; 32],
        time: Timestamp::from_millis(5_000),
    }
}

fn retrieval(user_id: UserId) -> RetrievalProof {
    RetrievalProof {
        origin: ORIGIN.into(),
        api_key: ApiKey::from_bytes([2; 16]),
        user_id,
        server_nonce: vec![3; 40],
        client_nonce: [4; 32],
        time: Timestamp::from_millis(5_000),
    }
}

fn request(ring: &KeyRing) -> SignedRequest {
    SignedRequest {
        origin: ORIGIN.into(),
        user_id: ring.user_id(),
        key_index: ring.signing_index(),
        idempotency_key: [6; 16],
        method: "PUT".into(),
        path_and_query: "/v1/key-file?x=1".into(),
        body_hash: SignedRequest::body_hash(b"body"),
        time: Timestamp::from_millis(5_000),
    }
}

#[test]
fn login_proof_verifies_as_signed() {
    let ring = ring();
    let proof = login(&ring);
    let signature = proof.sign(&ring).unwrap();
    assert_eq!(proof.verify(ring.chain(), &signature), Ok(()));
}

#[test]
fn retrieval_proof_verifies_as_signed() {
    let user = ring().user_id();
    let key = RetrievalKey::derive("a passphrase", ORIGIN, user, &KdfPolicy::insecure_for_tests());
    let proof = retrieval(user);
    assert_eq!(proof.verify(&key.public(), &proof.sign(&key)), Ok(()));
}

#[test]
fn signed_request_verifies_as_signed() {
    let ring = ring();
    let request = request(&ring);
    let signature = request.sign(&ring).unwrap();
    assert_eq!(request.verify(ring.chain(), &signature), Ok(()));
}
