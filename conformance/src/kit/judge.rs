//! What this implementation makes of a case.

use super::case::{Case, SUCCESS};
use super::{identity, revisions, sealed, stored};
use absio_proto::{CryptoError, Error};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// [`SUCCESS`], or the class of the error.
    pub class: String,
    /// SHA-256 of everything that was released, in hex.
    pub payload: String,
}

/// Why nothing was released: the object was refused, or the file asks for what cannot be asked.
pub(super) enum Stopped {
    /// With this class.
    Refused(String),
    /// The file is wrong.
    Unusable(String),
}

impl From<CryptoError> for Stopped {
    fn from(error: CryptoError) -> Self {
        Self::Refused(error.code().to_owned())
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Refused(error.code().to_owned())
    }
}

impl From<String> for Stopped {
    fn from(reason: String) -> Self {
        Self::Unusable(reason)
    }
}

impl Stopped {
    pub(super) fn refused(class: &str) -> Self {
        Self::Refused(class.to_owned())
    }
}

/// What a kind releases.
pub(super) type Released = Result<Vec<u8>, Stopped>;

/// Judges one case.
///
/// # Errors
/// What is wrong with the file itself.
pub fn judge(case: &Case) -> Result<Found, String> {
    let (class, released) = match release(case) {
        Ok(released) => (SUCCESS.to_owned(), released),
        Err(Stopped::Refused(class)) => (class, Vec::new()),
        Err(Stopped::Unusable(reason)) => return Err(reason),
    };
    Ok(Found { class, payload: HEXLOWER.encode(&Sha256::digest(released)) })
}

fn release(case: &Case) -> Released {
    match case.kind.as_str() {
        "card-chain" => identity::card_chain(case),
        "key-file" => identity::key_file(case),
        "login-proof" => identity::login_proof(case),
        "retrieval-proof" => identity::retrieval_proof(case),
        "signed-request" => identity::signed_request(case),
        "container-id" => sealed::container_identity(case),
        "container-keys" => sealed::container_keys(case),
        "key-blob" => sealed::key_blob(case),
        "message" => sealed::message(case),
        "segment" => sealed::segment(case),
        "range" => sealed::range(case),
        "padding" => sealed::padding(case),
        "header-json" => sealed::header_json(case),
        "container-data" => sealed::container_data(case),
        "access-entry" => revisions::access_entry(case),
        "view" => revisions::view(case),
        "type-opening" => revisions::type_opening(case),
        "revisions" => revisions::revisions(case),
        "tombstone" => revisions::tombstone(case),
        "bundle" => revisions::bundle(case),
        "store-record" => stored::record(case),
        "store-anchor" => stored::anchor(case),
        "store-envelope" => stored::envelope(case),
        "record-form" => stored::record_form(case),
        "key-file-at-rest" => stored::key_file_at_rest(case),
        "salt-cell" => stored::salt_cell(case),
        "export" => stored::export(case),
        "journal" => stored::journal(case),
        kind => Err(Stopped::Unusable(format!("an unknown kind, {kind}"))),
    }
}
