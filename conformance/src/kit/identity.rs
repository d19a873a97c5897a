//! Chains of cards, key files, proofs (§3 to §5).

use super::case::{Case, joined, members};
use super::judge::{Released, Stopped};
use absio_proto::crypto::key_file::{open_with_passphrase, open_with_password};
use absio_proto::crypto::{CardChain, KdfPolicy, LoginProof, RetrievalProof, SignedRequest};
use absio_proto::model::{ApiKey, Timestamp, UserId};

pub(super) fn user(case: &Case) -> Result<UserId, String> {
    case.array("user").map(UserId::from_bytes)
}

pub(super) fn time(case: &Case, name: &str) -> Result<Timestamp, String> {
    case.number(name).map(Timestamp::from_millis)
}

/// The object itself as a list; what is none ends early.
pub(super) fn listed(case: &Case) -> Result<Vec<Vec<u8>>, Stopped> {
    members(&case.data).ok_or_else(|| Stopped::refused("malformed"))
}

pub(super) fn card_chain(case: &Case) -> Released {
    let chain = CardChain::verify(user(case)?, &listed(case)?)?;
    Ok(chain.head().to_vec())
}

pub(super) fn key_file(case: &Case) -> Released {
    let policy = KdfPolicy::default();
    let secret = |name| String::from_utf8(case.bytes(name)?).map_err(|error| error.to_string());
    let open = if case.inputs.contains_key("password") {
        open_with_password(&case.data, user(case)?, &secret("password")?, &policy)?
    } else {
        open_with_passphrase(&case.data, user(case)?, &secret("passphrase")?, &policy)?
    };
    let mut released = joined([open.reminder().as_bytes(), open.origin().as_bytes()]);
    released.extend_from_slice(open.api_key().as_bytes());
    released.extend_from_slice(open.store_secret().expose());
    Ok(released)
}

/// The object as a signature.
fn signature(case: &Case) -> Result<[u8; 64], Stopped> {
    case.data.clone().try_into().map_err(|_| Stopped::refused("signature_invalid"))
}

/// The chain of whoever the cards are of.
fn chain(case: &Case) -> Result<CardChain, Stopped> {
    Ok(CardChain::first_contact(&case.list("cards")?)?)
}

pub(super) fn login_proof(case: &Case) -> Released {
    let proof = LoginProof {
        origin: case.text("origin")?.to_owned(),
        api_key: ApiKey::from_bytes(case.array("api-key")?),
        user_id: user(case)?,
        key_index: case.number("key-index")?,
        server_nonce: case.bytes("server-nonce")?,
        client_nonce: case.array("client-nonce")?,
        time: time(case, "time")?,
    };
    proof.verify(&chain(case)?, &signature(case)?)?;
    Ok(proof.payload())
}

pub(super) fn retrieval_proof(case: &Case) -> Released {
    let proof = RetrievalProof {
        origin: case.text("origin")?.to_owned(),
        api_key: ApiKey::from_bytes(case.array("api-key")?),
        user_id: user(case)?,
        server_nonce: case.bytes("server-nonce")?,
        client_nonce: case.array("client-nonce")?,
        time: time(case, "time")?,
    };
    proof.verify(&case.array("public")?, &signature(case)?)?;
    Ok(proof.payload())
}

pub(super) fn signed_request(case: &Case) -> Released {
    let request = SignedRequest {
        origin: case.text("origin")?.to_owned(),
        user_id: user(case)?,
        key_index: case.number("key-index")?,
        idempotency_key: case.array("idempotency-key")?,
        method: case.text("method")?.to_owned(),
        path_and_query: case.text("path")?.to_owned(),
        body_hash: SignedRequest::body_hash(&case.bytes("body")?),
        time: time(case, "time")?,
    };
    request.verify(&chain(case)?, &signature(case)?)?;
    Ok(request.payload())
}
