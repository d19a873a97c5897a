//! Responses.

use absio_proto::effect::HttpResponse;
use absio_proto::wire::{BUNDLE_TYPE, BYTES_TYPE, CONTENT_TYPE, JSON_TYPE, encode_error, to_json};
use absio_proto::{RemoteCode, RemoteError};
use serde::Serialize;

fn response(status: u16, content_type: &str, body: Vec<u8>) -> HttpResponse {
    let headers = vec![
        (CONTENT_TYPE.to_owned(), content_type.to_owned()),
        // Answers differ by caller and moment, and hold tokens and ciphertext.
        ("cache-control".to_owned(), "no-store".to_owned()),
    ];
    HttpResponse { status, headers, body }
}

/// A JSON body.
pub(crate) fn json_answer<T: Serialize>(status: u16, value: &T) -> HttpResponse {
    response(status, JSON_TYPE, to_json(value))
}

/// A JSON body that is already written.
pub(crate) fn json_text(status: u16, body: String) -> HttpResponse {
    response(status, JSON_TYPE, body.into_bytes())
}

/// A bundle.
pub(crate) fn bundle_answer(body: Vec<u8>) -> HttpResponse {
    response(200, BUNDLE_TYPE, body)
}

/// Raw bytes.
pub(crate) fn bytes_answer(body: Vec<u8>) -> HttpResponse {
    response(200, BYTES_TYPE, body)
}

/// A refusal, with its status.
pub(crate) fn error_answer(error: &RemoteError) -> HttpResponse {
    let mut answer = response(error.code.status(), JSON_TYPE, encode_error(error));
    if let (RemoteCode::RateLimited | RemoteCode::Unavailable, Some(wait)) =
        (&error.code, error.retry_after_ms)
    {
        answer.headers.push(("retry-after".to_owned(), wait.div_ceil(1000).to_string()));
    }
    answer
}
