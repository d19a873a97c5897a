//! Container ids and keys, key blobs, messages, segments and what they hold (§6 to §10).

use super::case::{Case, joined};
use super::judge::{Released, Stopped};
use absio_proto::crypto::container::{Container, ContainerData, RawPayload, decode_header};
use absio_proto::crypto::key_blob::{BlobContext, blob_hash, open_blob};
use absio_proto::crypto::message::SealedMessage;
use absio_proto::crypto::segment::{
    Padding, RangeProof, SegmentContext, SegmentDigest, SegmentHeader, SegmentKind, SegmentOpener,
    open_segment, open_segment_unsigned,
};
use absio_proto::crypto::{ContainerKeys, Secret, check_container_id};
use absio_proto::model::{ContainerId, UserId};
use ed25519_dalek::VerifyingKey;
use x25519_dalek::StaticSecret;

pub(super) fn container(case: &Case) -> Result<ContainerId, String> {
    case.array("container").map(ContainerId::from_bytes)
}

pub(super) fn container_identity(case: &Case) -> Released {
    let id = case.data.clone().try_into().map_err(|_| Stopped::refused("malformed"))?;
    let creator = UserId::from_bytes(case.array("creator")?);
    check_container_id(ContainerId::from_bytes(id), creator, &case.array("salt")?)?;
    Ok(case.data.clone())
}

fn secrets(keys: &ContainerKeys) -> Vec<u8> {
    [keys.header_secret().expose().as_slice(), keys.content_secret().expose()].concat()
}

pub(super) fn container_keys(case: &Case) -> Released {
    Ok(secrets(&ContainerKeys::from_bytes(&case.data)?))
}

pub(super) fn key_blob(case: &Case) -> Released {
    let context = BlobContext {
        container: container(case)?,
        header_epoch: case.number("header-epoch")?,
        content_epoch: case.number("content-epoch")?,
        sender: UserId::from_bytes(case.array("sender")?),
        sender_index: case.number("sender-index")?,
        sender_public: case.array("sender-public")?,
        recipient: UserId::from_bytes(case.array("recipient")?),
        recipient_index: case.number("recipient-index")?,
        recipient_public: case.array("recipient-public")?,
    };
    // What the manifest's entry signs is compared before a blob is opened (§7.3); that needs no key.
    if blob_hash(&case.data) != case.array("blob-hash")? {
        return Err(Stopped::refused("manifest_mismatch"));
    }
    let secret = StaticSecret::from(case.array::<32>("recipient-secret")?);
    Ok(secrets(&open_blob(&case.data, &context, &secret)?))
}

pub(super) fn message(case: &Case) -> Released {
    let public =
        VerifyingKey::from_bytes(&case.array("sender-public")?).map_err(|error| error.to_string())?;
    let secret = StaticSecret::from(case.array::<32>("recipient-secret")?);
    Ok(SealedMessage::parse(&case.data)?.open(&public, &secret)?)
}

/// What a manifest says of a segment.
fn expected(case: &Case) -> Result<(SegmentContext, SegmentDigest), String> {
    let kind = match case.text("segment-kind")? {
        "1" => SegmentKind::Header,
        "2" => SegmentKind::Content,
        other => return Err(format!("there are no segments of kind {other}")),
    };
    let context = SegmentContext { kind, container: container(case)?, epoch: case.number("epoch")? };
    Ok((context, SegmentDigest { length: case.number("length")?, digest: case.array("digest")? }))
}

fn secret(case: &Case) -> Result<Secret<32>, String> {
    case.array("secret").map(Secret::new)
}

pub(super) fn segment(case: &Case) -> Released {
    let (context, signed) = expected(case)?;
    Ok(open_segment(&case.data, &context, &signed, &secret(case)?)?)
}

pub(super) fn range(case: &Case) -> Released {
    let (context, signed) = expected(case)?;
    let header = SegmentHeader::decode(&case.bytes("header")?)?;
    let (proof, chunks) = RangeProof::split(&case.data)?;
    let opener = SegmentOpener::new(header, &context, signed.length, &secret(case)?)?;
    Ok(opener.open_range(case.number("first")?, chunks, &proof, &signed)?)
}

pub(super) fn padding(case: &Case) -> Released {
    let length = Padding::from_byte(case.number("padding")?)?.check(&case.data)?;
    Ok(case.data[..length].to_vec())
}

pub(super) fn header_json(case: &Case) -> Released {
    decode_header(&case.data)?;
    Ok(case.data.clone())
}

pub(super) fn container_data(case: &Case) -> Released {
    let keys = ContainerKeys::from_bytes(&case.bytes("keys")?)?;
    let mut opened = Container::<RawPayload>::from_data(case.data.clone()).with_id(container(case)?);
    opened.decrypt(Some(ContainerKeys::from_bytes(&case.bytes("keys")?)?))?;
    // The header as it was written, since a value can be written in many ways.
    let header = header_text(case, &keys)?.unwrap_or_default();
    Ok([joined([header]), opened.content.unwrap_or_default()].concat())
}

fn header_text(case: &Case, keys: &ContainerKeys) -> Result<Option<Vec<u8>>, Stopped> {
    let Some(segment) = ContainerData::split(&case.data)?.header else { return Ok(None) };
    let epoch = SegmentHeader::split(&segment)?.0.parameters.context.epoch;
    let context = SegmentContext { kind: SegmentKind::Header, container: container(case)?, epoch };
    Ok(Some(open_segment_unsigned(&segment, &context, keys.header_secret())?))
}
