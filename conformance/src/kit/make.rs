//! Fresh objects of this implementation, of random sizes and contexts, for another one to read.

use super::case::{Case, joined};
use super::draw::Draw;
use super::make_revisions;
use absio_proto::crypto::container::{ContainerData, encode_header};
use absio_proto::crypto::key_blob::{BlobContext, blob_hash, seal_blobs};
use absio_proto::crypto::message::{MessageContext, seal_message};
use absio_proto::crypto::segment::{
    Padding, SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, prove_range, seal_segment,
};
use absio_proto::crypto::suite::{SignatureLabel, sign};
use absio_proto::crypto::{
    ContainerKeys, KdfPolicy, KeyFileContent, KeyRing, KeyState, LoginProof, MacIndex, OpenKeyFile, Secret,
    SignedRequest, WrapSecrets, container_id,
};
use absio_proto::model::{ApiKey, ContainerId, Timestamp, UserId};
use absio_proto::ofs::{Kind, RootSalt, StoreKeys};
use absio_proto::{CryptoError, Error};
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

/// A case that is to be accepted, of which `released` comes out.
pub(super) fn releasing(mut case: Case, released: &[u8]) -> Case {
    case.payload = HEXLOWER.encode(&Sha256::digest(released));
    case
}

/// Makes one object of a kind.
type Maker = fn(&mut Draw) -> Result<Case, Error>;

/// What is made by turns. A key file takes two stretches, so there is only the first of [`make`].
const MAKERS: [Maker; 16] = [
    card_chain,
    login_proof,
    signed_request,
    container_identity,
    container_keys,
    key_blob,
    message,
    segment,
    range,
    padding,
    container_data,
    make_revisions::revisions,
    make_revisions::tombstone,
    make_revisions::bundle,
    store_record,
    store_anchor,
];

/// `count` cases from `seed`, with the names of their files.
///
/// # Errors
/// None that is not a fault of this implementation.
pub fn make(seed: u64, count: usize) -> Result<Vec<(String, Case)>, Error> {
    let mut draw = Draw::new(seed);
    let mut cases = vec![("0000-key-file".to_owned(), key_file(&mut draw)?)];
    for (number, maker) in (1..count).zip(MAKERS.iter().cycle()) {
        let case = maker(&mut draw)?;
        cases.push((format!("{number:04}-{}", case.kind), case));
    }
    cases.truncate(count);
    Ok(cases)
}

pub(super) fn moment(draw: &mut Draw) -> Timestamp {
    Timestamp::from_millis(1_600_000_000_000 + draw.below(1 << 38))
}

/// Somebody whose keys were changed up to three times.
pub(super) fn person(draw: &mut Draw) -> Result<KeyRing, Error> {
    let mut now = moment(draw);
    let mut ring = KeyRing::generate(draw, now)?;
    for _ in 0..draw.below(4) {
        now = now.plus_millis(draw.below(1 << 30));
        let state = if draw.below(2) == 0 { KeyState::Retired } else { KeyState::Revoked };
        ring = ring.rotated(state, draw, now)?;
    }
    Ok(ring)
}

fn card_chain(draw: &mut Draw) -> Result<Case, Error> {
    let ring = person(draw)?;
    let mut cards = ring.chain().cards().to_vec();
    let mut head = ring.chain().head();
    if draw.below(4) == 0 {
        let later = ring.chain().latest().created_at.plus_millis(5);
        cards.push(ring.closing_card(later, draw)?);
        head = absio_proto::crypto::CardChain::verify(ring.user_id(), &cards)?.head();
    }
    let case =
        Case::new("card-chain", "made by ours", joined(&cards)).with("user", ring.user_id().as_bytes());
    Ok(releasing(case, &head))
}

fn key_file(draw: &mut Draw) -> Result<Case, Error> {
    let content = KeyFileContent {
        ring: person(draw)?,
        reminder: "a reminder".to_owned(),
        origin: "https://broker.example".to_owned(),
        api_key: ApiKey::from_bytes(draw.array()),
        store_secret: Secret::new(draw.array()),
    };
    let user = content.ring.user_id();
    let parts = joined([content.reminder.as_bytes(), content.origin.as_bytes()]);
    let released = [&parts, content.api_key.as_bytes().as_slice(), content.store_secret.expose()].concat();
    let (password, passphrase) = ("Pass-word 1", "correct horse");
    let policy = KdfPolicy::with_iterations(210_000)?;
    let wraps = WrapSecrets::draw(draw)?.wrap(user, password, passphrase, &policy)?;
    let (_, sealed) = OpenKeyFile::seal_new(content, wraps, draw)?;
    let salt = RootSalt(draw.array());
    // At rest and back, so that the mask is held against the other implementation by way of the file.
    let rested = salt.open(user, &salt.seal(&sealed)).ok_or(CryptoError::Decrypt)?;
    let case = Case::new("key-file", "made by ours", rested.into_bytes())
        .with("user", user.as_bytes())
        .with("password", password);
    Ok(releasing(case, &released))
}

fn login_proof(draw: &mut Draw) -> Result<Case, Error> {
    let ring = person(draw)?;
    let nonce = usize::try_from(draw.below(65)).unwrap_or_default();
    let proof = LoginProof {
        origin: "https://broker.example:8443".to_owned(),
        api_key: ApiKey::from_bytes(draw.array()),
        user_id: ring.user_id(),
        key_index: ring.signing_index(),
        server_nonce: draw.bytes(nonce),
        client_nonce: draw.array(),
        time: moment(draw),
    };
    let case = Case::new("login-proof", "made by ours", proof.sign(&ring)?.to_vec())
        .with_text("origin", &proof.origin)
        .with("api-key", proof.api_key.as_bytes())
        .with("server-nonce", &proof.server_nonce)
        .with("client-nonce", proof.client_nonce);
    Ok(releasing(signed_by(case, &ring, proof.time), &proof.payload()))
}

fn signed_by(case: Case, ring: &KeyRing, time: Timestamp) -> Case {
    case.with("user", ring.user_id().as_bytes())
        .with_text("key-index", ring.signing_index())
        .with_text("time", time.as_millis())
        .with("cards", joined(ring.chain().cards()))
}

fn signed_request(draw: &mut Draw) -> Result<Case, Error> {
    let ring = person(draw)?;
    let length = draw.length(200);
    let body = draw.bytes(length);
    let request = SignedRequest {
        origin: "https://broker.example".to_owned(),
        user_id: ring.user_id(),
        key_index: ring.signing_index(),
        idempotency_key: draw.array(),
        method: "DELETE".to_owned(),
        path_and_query: format!("/v1/containers/{}", ring.user_id()),
        body_hash: SignedRequest::body_hash(&body),
        time: moment(draw),
    };
    let case = Case::new("signed-request", "made by ours", request.sign(&ring)?.to_vec())
        .with_text("origin", &request.origin)
        .with("idempotency-key", request.idempotency_key)
        .with_text("method", &request.method)
        .with_text("path", &request.path_and_query)
        .with("body", body);
    Ok(releasing(signed_by(case, &ring, request.time), &request.payload()))
}

fn container_identity(draw: &mut Draw) -> Result<Case, Error> {
    let (creator, salt) = (UserId::from_bytes(draw.array()), draw.array());
    let id = container_id(creator, &salt);
    let case = Case::new("container-id", "made by ours", id.as_bytes().to_vec())
        .with("creator", creator.as_bytes())
        .with("salt", salt);
    Ok(releasing(case, id.as_bytes()))
}

fn mac_index(draw: &mut Draw) -> MacIndex {
    if draw.below(2) == 0 { MacIndex::HmacSha256 } else { MacIndex::HmacSha384 }
}

fn keys(draw: &mut Draw) -> (ContainerKeys, Vec<u8>) {
    let (header, content): ([u8; 32], [u8; 32]) = (draw.array(), draw.array());
    let keys = ContainerKeys::new(Secret::new(header), Secret::new(content)).with_mac_index(mac_index(draw));
    (keys, [header, content].concat())
}

fn container_keys(draw: &mut Draw) -> Result<Case, Error> {
    let (keys, secrets) = keys(draw);
    Ok(releasing(Case::new("container-keys", "made by ours", keys.to_bytes().to_vec()), &secrets))
}

fn key_blob(draw: &mut Draw) -> Result<Case, Error> {
    let (keys, secrets) = keys(draw);
    let secret: [u8; 32] = draw.array();
    let context = BlobContext {
        container: ContainerId::from_bytes(draw.array()),
        header_epoch: draw.below(1 << 40),
        content_epoch: draw.below(1 << 40),
        sender: UserId::from_bytes(draw.array()),
        sender_index: u32::from_be_bytes(draw.array()),
        sender_public: SigningKey::from_bytes(&draw.array()).verifying_key().to_bytes(),
        recipient: UserId::from_bytes(draw.array()),
        recipient_index: u32::from_be_bytes(draw.array()),
        recipient_public: PublicKey::from(&StaticSecret::from(secret)).to_bytes(),
    };
    let blob = seal_blobs(&keys, &Secret::new(draw.array()), &[context])?.pop().unwrap_or_default();
    let hash = blob_hash(&blob);
    let case = Case::new("key-blob", "made by ours", blob)
        .with("container", context.container.as_bytes())
        .with_text("header-epoch", context.header_epoch)
        .with_text("content-epoch", context.content_epoch)
        .with("sender", context.sender.as_bytes())
        .with_text("sender-index", context.sender_index)
        .with("sender-public", context.sender_public)
        .with("recipient", context.recipient.as_bytes())
        .with_text("recipient-index", context.recipient_index)
        .with("recipient-public", context.recipient_public)
        .with("recipient-secret", secret)
        .with("blob-hash", hash);
    Ok(releasing(case, &secrets))
}

fn message(draw: &mut Draw) -> Result<Case, Error> {
    let sender = SigningKey::from_bytes(&draw.array());
    let secret: [u8; 32] = draw.array();
    let context = MessageContext {
        sender: UserId::from_bytes(draw.array()),
        sender_index: 1,
        recipient: UserId::from_bytes(draw.array()),
        recipient_index: 2,
        subject: draw.array(),
        sent_at: moment(draw),
    };
    let length = draw.length(300);
    let plaintext = draw.bytes(length);
    let public = PublicKey::from(&StaticSecret::from(secret)).to_bytes();
    let signed = |bytes: &[u8]| sign(&sender, SignatureLabel::Message, bytes);
    let ephemeral = Secret::new(draw.array());
    let sealed = seal_message(&context, &sender.verifying_key(), &public, &ephemeral, &plaintext, signed)?;
    let case = Case::new("message", "made by ours", sealed)
        .with("sender-public", sender.verifying_key().as_bytes())
        .with("recipient-secret", secret);
    Ok(releasing(case, &plaintext))
}

/// A segment, what it holds, and what a manifest would say of it.
struct Sealed {
    case: Case,
    data: Vec<u8>,
    signed: SegmentDigest,
}

fn sealed(draw: &mut Draw, kind: SegmentKind, padding: Padding, data: Vec<u8>) -> Result<Sealed, Error> {
    let context =
        SegmentContext { kind, container: ContainerId::from_bytes(draw.array()), epoch: 1 + draw.below(9) };
    let secret: [u8; 32] = draw.array();
    let parameters = SegmentParameters {
        chunk_log2: 12,
        mac_index: mac_index(draw),
        padding,
        ..SegmentParameters::new(context, draw.array())
    };
    let (segment, signed) = seal_segment(parameters, &Secret::new(secret), &padding.pad(&data))?;
    let case = Case::new("segment", "made by ours", segment)
        .with_text("segment-kind", if kind == SegmentKind::Header { 1 } else { 2 })
        .with("container", context.container.as_bytes())
        .with_text("epoch", context.epoch)
        .with_text("length", signed.length)
        .with("digest", signed.digest)
        .with("secret", secret);
    Ok(Sealed { case, data, signed })
}

fn any_padding(draw: &mut Draw) -> Padding {
    [Padding::None, Padding::Buckets, Padding::Padme][usize::try_from(draw.below(3)).unwrap_or_default()]
}

fn segment(draw: &mut Draw) -> Result<Case, Error> {
    let length = draw.length(4096);
    let (data, padding) = (draw.bytes(length), any_padding(draw));
    let kind = if draw.below(2) == 0 { SegmentKind::Header } else { SegmentKind::Content };
    let Sealed { case, data, .. } = sealed(draw, kind, padding, data)?;
    Ok(releasing(case, &data))
}

fn range(draw: &mut Draw) -> Result<Case, Error> {
    let length = usize::try_from(draw.below(5 * 4096)).unwrap_or_default();
    let data = draw.bytes(length);
    let Sealed { mut case, data, signed } = sealed(draw, SegmentKind::Content, Padding::None, data)?;
    let segment = core::mem::take(&mut case.data);
    let chunks = signed.length / 4096 + 1;
    let first = draw.below(chunks);
    let count = 1 + draw.below(chunks - first);
    let stride = 4096 + if segment[33] == 0 { 32 } else { 48 };
    let place = |chunk: u64| usize::try_from(chunk * stride).unwrap_or(usize::MAX);
    let end = segment.len().min(104 + place(first + count));
    case.kind = "range".to_owned();
    case.data = prove_range(&segment, first, count)?.encode();
    case.data.extend_from_slice(&segment[104 + place(first)..end]);
    let clear = |chunk: u64| usize::try_from(chunk * 4096).unwrap_or(usize::MAX).min(data.len());
    let released = &data[clear(first)..clear(first + count)];
    Ok(releasing(case.with("header", &segment[..104]).with_text("first", first), released))
}

fn padding(draw: &mut Draw) -> Result<Case, Error> {
    let length = draw.length(1024);
    let (data, padding) = (draw.bytes(length), any_padding(draw));
    let byte = match padding {
        Padding::None => 0,
        Padding::Buckets => 1,
        Padding::Padme => 2,
    };
    let case =
        Case::new("padding", "made by ours", padding.pad(&data).into_owned()).with_text("padding", byte);
    Ok(releasing(case, &data))
}

fn container_data(draw: &mut Draw) -> Result<Case, Error> {
    let (keys, container) = (keys(draw).0, ContainerId::from_bytes(draw.array()));
    let text = encode_header(&format!("header {}", draw.below(1000)).into())?;
    let length = draw.length(100);
    let content = draw.bytes(length);
    let mut section = |kind, secret, padding: Padding, data: &[u8]| {
        let context = SegmentContext { kind, container, epoch: 1 };
        let parameters = SegmentParameters {
            mac_index: keys.mac_index(),
            padding,
            ..SegmentParameters::new(context, draw.array())
        };
        seal_segment(parameters, secret, &padding.pad(data)).map(|(segment, _)| segment)
    };
    let header = section(SegmentKind::Header, keys.header_secret(), Padding::Buckets, &text)?;
    let sealed = section(SegmentKind::Content, keys.content_secret(), Padding::None, &content)?;
    let data = ContainerData { header: Some(header), content: Some(sealed) }.join();
    let case = Case::new("container-data", "made by ours", data)
        .with("keys", &*keys.to_bytes())
        .with("container", container.as_bytes());
    Ok(releasing(case, &[joined([text]), content].concat()))
}

/// A partition, and the inputs that name it.
fn partition(draw: &mut Draw) -> (StoreKeys, [u8; 16], [u8; 32]) {
    let (user, secret) = (draw.array(), draw.array());
    (StoreKeys::derive(UserId::from_bytes(user), &Secret::new(secret)), user, secret)
}

fn store_record(draw: &mut Draw) -> Result<Case, Error> {
    let (keys, user, secret) = partition(draw);
    let id: [u8; 16] = draw.array();
    let length = draw.length(4096);
    let (data, generation) = (draw.bytes(length), draw.below(1 << 50));
    let value = keys.seal_record(&keys.name(Kind::Container, &id), generation, &data, draw)?;
    let case = Case::new("store-record", "made by ours", value).with_text("record-kind", 2).with("id", id);
    Ok(releasing(case.with("user", user).with("store-secret", secret), &data))
}

fn store_anchor(draw: &mut Draw) -> Result<Case, Error> {
    let (keys, user, secret) = partition(draw);
    let anchor = u8::from(draw.below(2) == 1);
    let data = draw.bytes(73);
    let generation = draw.below(1 << 50);
    let value = keys.seal_anchor(&keys.anchor_cell(anchor), generation, &data, draw)?;
    let case = Case::new("store-anchor", "made by ours", value).with_text("anchor", anchor);
    Ok(releasing(case.with("user", user).with("store-secret", secret), &data))
}
