//! Refusals on the wire (`docs/protocol.md`, "Error codes").

use super::json::{from_json, to_json};
use crate::effect::{HttpResponse, TransportError, TransportErrorKind};
use crate::error::{Error, RemoteCode, RemoteError};
use serde::{Deserialize, Serialize};

/// Characters of a message, or of a subject, that are kept.
const MESSAGE: usize = 512;
/// Characters of a code that are kept.
const CODE: usize = 64;

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
            code: code(&error.code),
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
        // It got no answer, or lost it: the broker may have carried the request out.
        Err(_) if (500..600).contains(&response.status) => Error::Transport(TransportError::new(
            TransportErrorKind::Interrupted,
            format!("what stands in front of the broker answered with status {}", response.status),
        )),
        Err(_) => Error::Protocol(format!("status {} without an error that can be read", response.status)),
    }
}

/// The header `retry-after` in seconds (RFC 9110 §10.2.3), in milliseconds.
fn retry_after(response: &HttpResponse) -> Option<u64> {
    let seconds: u64 = response.header("retry-after")?.trim().parse().ok()?;
    seconds.checked_mul(1000)
}

/// Whether `c` may be shown on a terminal as it is: no control character (ESC begins a sequence that
/// moves the cursor, clears the screen or renames the window), and none of the invisible ones that
/// reorder, join or hide what stands beside them.
#[must_use]
pub fn is_printable(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !invisible
}

/// Text from the server is shown to people: nothing a terminal obeys, no more than a sentence or two.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| is_printable(*c)).take(MESSAGE).collect()
}

/// A code is a word: small letters, digits and `_`.
fn code(text: &str) -> RemoteCode {
    let word = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '_');
    RemoteCode::from(text.chars().filter(word).take(CODE).collect::<String>().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, message: &str, subject: &str) -> RemoteError {
        let fields = Fields {
            code: code.into(),
            message: message.into(),
            subject: Some(subject.into()),
            retry_after_ms: None,
        };
        let body = to_json(&Body { error: fields });
        match decode_error(&HttpResponse { status: 400, headers: Vec::new(), body }) {
            Error::Remote(error) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ms_terminal_escape_in_a_refusal_is_taken_out() {
        let error = refused(
            "new_code\u{1b}]0;title\u{7}",
            "\u{1b}[2Jgone \u{9b}31m\u{202e}\u{200b}caf\u{e9}\r\n",
            "\u{1b}c\u{7f}id",
        );
        assert_eq!(error.to_string(), "[2Jgone 31mcaf\u{e9} [new_code0title]");
        assert_eq!(error.subject.as_deref(), Some("cid"));
        let long = refused(&"c".repeat(1000), &"m".repeat(10_000), "");
        assert_eq!((long.code.as_str().len(), long.message.len()), (CODE, MESSAGE));
        // The control: what a broker says comes through as it is.
        let error = refused("conflict", "somebody else changed it first; fetch it", "5a5a");
        assert_eq!(error.to_string(), "somebody else changed it first; fetch it [conflict]");
        assert_eq!(error.code, RemoteCode::Conflict);
    }

    #[test]
    fn ms_terminal_escape_in_a_reply_that_does_not_fit_is_taken_out() {
        let body = br#"{"error":{"code":"a","message":"b","retry_after_ms":"\u001b[2J\u009b"}}"#;
        let error = from_json::<Body>("the error reply", body).err().map(|error| error.to_string());
        let error = error.unwrap_or_default();
        assert!(error.contains("[2J") && error.chars().all(is_printable), "{error:?}");
    }

    #[test]
    fn mn_a_gateways_own_page_is_a_lost_answer() {
        let read = |status, body: &[u8]| {
            decode_error(&HttpResponse { status, headers: Vec::new(), body: body.to_vec() })
        };
        for status in [500, 502, 503, 504, 522, 599] {
            match read(status, b"<h1>Bad gateway</h1>") {
                Error::Transport(error) => assert!(error.is_ambiguous()),
                other => panic!("{status}: {other:?}"),
            }
        }
        // The controls: the broker's own word, and statuses by which nobody says that something is down.
        let own = br#"{"error":{"code":"unavailable","message":"later"}}"#;
        assert!(read(503, own).is_remote(&RemoteCode::Unavailable));
        for status in [204, 404, 499, 600] {
            assert!(matches!(read(status, b"<h1>no</h1>"), Error::Protocol(_)), "{status}");
        }
    }
}
