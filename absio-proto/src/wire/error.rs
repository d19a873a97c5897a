//! Refusals on the wire (`docs/protocol.md`, "Error codes").

use super::json::{from_json, to_json};
use crate::effect::HttpResponse;
use crate::error::{Error, RemoteCode, RemoteError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Body {
    error: Fields,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// The body `{"error": {"code", "message", "subject"?, "retry_after_ms"?}}`.
#[must_use]
pub fn encode_error(error: &RemoteError) -> Vec<u8> {
    to_json(&Body {
        error: Fields {
            code: error.code.as_str().to_owned(),
            message: error.message.clone(),
            subject: error.subject.clone(),
            retry_after_ms: error.retry_after_ms,
        },
    })
}

/// What a response with another status than 200 or 201 says.
#[must_use]
pub fn decode_error(response: &HttpResponse) -> Error {
    if (300..400).contains(&response.status) {
        return Error::Protocol("it answered with a redirect, which is never followed".into());
    }
    let retry_after_ms = retry_after(response);
    match from_json::<Body>("the error reply", &response.body) {
        Ok(Body { error }) => Error::Remote(RemoteError {
            code: RemoteCode::from(error.code.as_str()),
            message: printable(&error.message),
            subject: error.subject.map(|subject| printable(&subject)),
            retry_after_ms: error.retry_after_ms.or(retry_after_ms),
        }),
        // What stands in front of a broker refuses in words of its own.
        Err(_) if response.status == 429 => Error::Remote(RemoteError {
            code: RemoteCode::RateLimited,
            message: "too many requests".into(),
            subject: None,
            retry_after_ms,
        }),
        Err(_) => Error::Protocol(format!("status {} without an error that can be read", response.status)),
    }
}

/// The header `retry-after` in seconds (RFC 9110 §10.2.3), in milliseconds.
fn retry_after(response: &HttpResponse) -> Option<u64> {
    let seconds: u64 = response.header("retry-after")?.trim().parse().ok()?;
    seconds.checked_mul(1000)
}

/// Text from the server is shown to people: no control characters, no more than a sentence or two.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(512).collect()
}
