//! What a device keeps: sealed values, records, exports, journals (§18, §19).

use super::case::Case;
use super::identity::user;
use super::judge::{Released, Stopped};
use absio_proto::crypto::Secret;
use absio_proto::driver::blocking::{Host, run};
use absio_proto::effect::{
    BlobId, ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreErrorKind,
    StoreOp, StoreOutcome, TransportError, TransportErrorKind,
};
use absio_proto::model::{ApiKey, Timestamp};
use absio_proto::ofs::{Kind, RootSalt, StoreKeys, recoded, recoded_envelope};
use absio_proto::ops::container::read_journal;
use absio_proto::ops::ofs::VerifyExport;
use absio_proto::{Config, Cx, Entropy, EntropyError, Now, Session};
use std::cell::RefCell;
use std::time::Duration;

/// A value does not open.
fn damaged() -> Stopped {
    Stopped::refused("degraded")
}

pub(super) fn partition(case: &Case) -> Result<StoreKeys, String> {
    Ok(StoreKeys::derive(user(case)?, &Secret::new(case.array("store-secret")?)))
}

fn kind(case: &Case) -> Result<Kind, String> {
    match case.text("record-kind")? {
        "1" => Ok(Kind::State),
        "2" => Ok(Kind::Container),
        "3" => Ok(Kind::Peer),
        "4" => Ok(Kind::Cursor),
        "5" => Ok(Kind::Outbox),
        other => Err(format!("there are no records of kind {other}")),
    }
}

pub(super) fn record(case: &Case) -> Released {
    let keys = partition(case)?;
    let name = keys.name(kind(case)?, &case.bytes("id")?);
    keys.open_record(&name, &case.data).map(|data| data.to_vec()).ok_or_else(damaged)
}

pub(super) fn anchor(case: &Case) -> Released {
    let keys = partition(case)?;
    let cell = keys.anchor_cell(case.number("anchor")?);
    keys.open_anchor(&cell, &case.data).map(|data| data.to_vec()).ok_or_else(damaged)
}

pub(super) fn envelope(case: &Case) -> Released {
    let blob = BlobId(case.array("blob")?);
    recoded_envelope(&partition(case)?, &blob, &case.data).map_err(|error| match error.code() {
        "decrypt" => damaged(),
        code => Stopped::refused(code),
    })
}

pub(super) fn record_form(case: &Case) -> Released {
    Ok(recoded(kind(case)?, &case.data)?)
}

pub(super) fn key_file_at_rest(case: &Case) -> Released {
    let file = RootSalt(case.array("salt")?).open(user(case)?, &case.data).ok_or_else(damaged)?;
    Ok(file.into_bytes())
}

pub(super) fn salt_cell(case: &Case) -> Released {
    RootSalt::decode(&case.data).map(|salt| salt.0.to_vec()).ok_or_else(damaged)
}

pub(super) fn journal(case: &Case) -> Released {
    let (_, roots) =
        read_journal(&partition(case)?, &case.data).ok_or_else(|| Stopped::refused("begun_anew"))?;
    Ok(roots.concat())
}

pub(super) fn export(case: &Case) -> Released {
    let config = Config::new(ApiKey::from_bytes([0; 16]), "https://broker.example")
        .map_err(|error| error.to_string())?;
    let reader = ExportReader { bytes: &case.data, session: RefCell::new(Session::new(config)) };
    run(&mut VerifyExport::new(user(case)?, partition(case)?), &reader)?;
    Ok(case.data.clone())
}

/// Reads an export, and can do nothing else.
struct ExportReader<'a> {
    bytes: &'a [u8],
    session: RefCell<Session>,
}

/// Verifying needs no randomness.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

impl Host<Session> for ExportReader<'_> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, Session>) -> R) -> R {
        let now = Now { utc: Timestamp::from_millis(0), monotonic: Duration::ZERO };
        turn(&mut Cx { now, entropy: &mut NoEntropy, session: &mut self.session.borrow_mut() })
    }

    fn exchange(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::new(TransportErrorKind::Unreachable, "there is no network"))
    }

    fn store(&self, _: StoreOp) -> Result<StoreOutcome, StoreError> {
        Err(StoreError::new(StoreErrorKind::Io, "there is no store"))
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        let ContentOp::ReadAt { offset, length } = op else {
            return Err(ContentError { reason: "an export is only read here".into() });
        };
        let rest =
            usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)).unwrap_or_default();
        // Less than was asked for is an export that ends early.
        Ok(ContentOutcome::Bytes(rest[..rest.len().min(length)].to_vec()))
    }

    fn sleep(&self, _: Duration) {}
}
