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

/// Every single-field change of a login proof.
fn altered_logins(proof: &LoginProof) -> Vec<(&'static str, LoginProof)> {
    let with = |name, change: &dyn Fn(&mut LoginProof)| {
        let mut altered = proof.clone();
        change(&mut altered);
        (name, altered)
    };
    vec![
        with("origin", &|p| p.origin = "https://absio.example.evil".into()),
        with("scheme", &|p| p.origin = "http://absio.example".into()),
        with("api key", &|p| p.api_key = ApiKey::from_bytes([9; 16])),
        with("user", &|p| p.user_id = UserId::from_bytes([9; 16])),
        with("key index", &|p| p.key_index = 2),
        with("server nonce", &|p| p.server_nonce[0] ^= 1),
        with("shorter server nonce", &|p| p.server_nonce.truncate(39)),
        with("client nonce", &|p| p.client_nonce[31] ^= 1),
        with("time", &|p| p.time = p.time.plus_millis(1)),
    ]
}

#[test]
fn ms_relay_login() {
    let ring = ring();
    let proof = login(&ring);
    let signature = proof.sign(&ring).unwrap();
    for (name, altered) in altered_logins(&proof) {
        assert!(altered.verify(ring.chain(), &signature).is_err(), "{name} may be changed");
    }
    for bit in 0..512 {
        let mut forged = signature;
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(proof.verify(ring.chain(), &forged).is_err(), "bit {bit}");
    }
    assert_eq!(proof.verify(ring.chain(), &signature), Ok(()), "control");
}

#[test]
fn ms_other_origin_relay() {
    let user = ring().user_id();
    let policy = KdfPolicy::insecure_for_tests();
    let key = RetrievalKey::derive("a passphrase", ORIGIN, user, &policy);
    let proof = retrieval(user);
    let signature = proof.sign(&key);
    let mut elsewhere = proof.clone();
    elsewhere.origin = "https://absio.example.evil".into();
    assert!(elsewhere.verify(&key.public(), &signature).is_err(), "the origin is not in the signed text");
    // Even the key is another one at another origin, for another user, or for another passphrase.
    let others = [
        RetrievalKey::derive("a passphrase", &elsewhere.origin, user, &policy),
        RetrievalKey::derive("a passphrase", ORIGIN, UserId::from_bytes([9; 16]), &policy),
        RetrievalKey::derive("b passphrase", ORIGIN, user, &policy),
    ];
    for other in others {
        assert_ne!(other.public(), key.public());
        assert!(proof.verify(&key.public(), &proof.sign(&other)).is_err());
    }
}

#[test]
fn mn_capture_retrieval() {
    let user = ring().user_id();
    let policy = KdfPolicy::insecure_for_tests();
    let key = RetrievalKey::derive("a passphrase", ORIGIN, user, &policy);
    let first = retrieval(user);
    let captured = first.sign(&key);
    // The broker gives each try another nonce: what was captured answers no other challenge.
    let mut next = first.clone();
    next.server_nonce = vec![4; 40];
    assert!(next.verify(&key.public(), &captured).is_err());
    assert_eq!(first.verify(&key.public(), &captured), Ok(()), "control");
}

#[test]
fn s202_nothing_of_the_passphrase_travels_but_a_public_key_and_a_signature() {
    let user = ring().user_id();
    let policy = KdfPolicy::insecure_for_tests();
    let key = RetrievalKey::derive("a passphrase", ORIGIN, user, &policy);
    let salt = suite::hash(suite::HashLabel::Retrieval, &[ORIGIN.as_bytes(), user.as_bytes()]);
    let stretched = crate::crypto::stretch::stretch("a passphrase", &salt, policy.retrieval_iterations());
    let proof = retrieval(user);
    let sent = [key.public().to_vec(), proof.sign(&key).to_vec(), proof.payload()].concat();
    for secret in [&stretched.expose()[..], &stretched.expose()[..32], b"a passphrase"] {
        assert!(!sent.windows(secret.len()).any(|window| window == secret));
    }
    assert_eq!(format!("{key:?}"), "RetrievalKey(redacted)");
}

#[test]
fn f25_every_field_of_a_request_is_signed() {
    let ring = ring();
    let good = request(&ring);
    let signature = good.sign(&ring).unwrap();
    type Change = fn(&mut SignedRequest);
    let changes: [(&str, Change); 8] = [
        ("origin", |r| r.origin.push('x')),
        ("user", |r| r.user_id = UserId::from_bytes([9; 16])),
        ("key index", |r| r.key_index = 2),
        ("idempotency key", |r| r.idempotency_key[0] ^= 1),
        ("method", |r| r.method = "POST".into()),
        ("path", |r| r.path_and_query = "/v1/key-file".into()),
        ("body", |r| r.body_hash = SignedRequest::body_hash(b"bodz")),
        ("time", |r| r.time = r.time.plus_millis(1)),
    ];
    for (name, change) in changes {
        let mut altered = good.clone();
        change(&mut altered);
        assert!(altered.verify(ring.chain(), &signature).is_err(), "{name} may be changed");
    }
    // No field runs into the next.
    let mut shifted = good.clone();
    (shifted.method, shifted.path_and_query) = ("PUT/v1".into(), "/key-file?x=1".into());
    assert!(shifted.verify(ring.chain(), &signature).is_err());
}

#[test]
fn ms_challenge_is_manifest() {
    // Whatever nonce a server chooses, the signature that comes back verifies as nothing else.
    let ring = ring();
    let mut proof = login(&ring);
    let (_, key) = ring.chain().active_signing().unwrap();
    for label in SignatureLabel::ALL.iter().filter(|label| **label != SignatureLabel::Login) {
        let payload =
            [b"absio/v1/sig/", label.text().as_bytes(), &[0], b"what a server wants signed"].concat();
        proof.server_nonce = payload.clone();
        let signature = proof.sign(&ring).unwrap();
        for wanted in [&payload[..], b"what a server wants signed", &proof.payload()] {
            assert!(suite::verify(&key, *label, wanted, &signature, "test").is_err(), "{label:?}");
        }
        assert_eq!(proof.verify(ring.chain(), &signature), Ok(()), "control");
    }
}

#[test]
fn proofs_of_a_replaced_or_foreign_key_are_refused() {
    let old = ring();
    let now = Timestamp::from_millis(2_000);
    let new = old.rotated(crate::crypto::KeyState::Retired, &mut TestEntropy::new(2), now).unwrap();
    let proof = login(&old);
    let signature = proof.sign(&old).unwrap();
    let not_valid =
        CryptoError::KeyNotValid { user: old.user_id(), index: 1, reason: "it is not the key in use" };
    assert_eq!(proof.verify(new.chain(), &signature), Err(not_valid));
    assert!(proof.sign(&new).is_err(), "the proof names a key the ring does not use");
    let stranger = KeyRing::generate(&mut TestEntropy::new(7), now).unwrap();
    assert!(proof.sign(&stranger).is_err() && proof.verify(stranger.chain(), &signature).is_err());
    let mut closed = old.chain().clone();
    closed.append(&old.closing_card(now, &mut TestEntropy::new(3)).unwrap()).unwrap();
    assert!(proof.verify(&closed, &signature).is_err(), "a deleted user logs in");
}
