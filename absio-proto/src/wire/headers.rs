//! Request headers (`docs/protocol.md`, "Request headers").

use crate::effect::HttpRequest;
use crate::model::{ApiKey, Timestamp, UserId};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

/// The API key, a UUID. On every request.
pub const API_KEY: &str = "absio-api-key";
/// The application's name: base64url of its UTF-8.
pub const APP_NAME: &str = "absio-app-name";
/// `Bearer ‖ session token`.
pub const AUTHORIZATION: &str = "authorization";
/// 16 random bytes in lower-case hex. On every change.
pub const IDEMPOTENCY_KEY: &str = "absio-idempotency-key";
/// `user id . key index . time . signature`, see [`RequestSignature`].
pub const SIGNATURE: &str = "absio-signature";
/// The body's kind.
pub const CONTENT_TYPE: &str = "content-type";
/// A JSON body.
pub const JSON_TYPE: &str = "application/json";
/// A `BND1` body.
pub const BUNDLE_TYPE: &str = "application/vnd.absio.bundle";
/// Raw bytes.
pub const BYTES_TYPE: &str = "application/octet-stream";

/// A request's signature as a header: user id, `.`, key index in decimal, `.`, time in decimal
/// milliseconds, `.`, base64url of the 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSignature {
    /// Who signed.
    pub user: UserId,
    /// With which of their signing keys.
    pub key_index: u32,
    /// When.
    pub time: Timestamp,
    /// Ed25519 over the request's description (`docs/protocol.md`, "Signed requests").
    pub signature: [u8; 64],
}

impl RequestSignature {
    /// The header's value.
    #[must_use]
    pub fn to_header(&self) -> String {
        format!(
            "{}.{}.{}.{}",
            self.user,
            self.key_index,
            self.time.as_millis(),
            BASE64URL_NOPAD.encode(&self.signature)
        )
    }

    /// Reads a header's value.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        let mut fields = value.split('.');
        let user = fields.next()?.parse().ok()?;
        let key_index = fields.next()?.parse().ok()?;
        let time = Timestamp::from_millis(fields.next()?.parse().ok()?);
        let signature = BASE64URL_NOPAD.decode(fields.next()?.as_bytes()).ok()?.try_into().ok()?;
        fields.next().is_none().then_some(Self { user, key_index, time, signature })
    }
}

/// The headers of a request, as the broker reads them. A header that is present but not well formed
/// reads as an error that names it.
#[derive(Default)]
pub struct RequestHeaders {
    /// The API key.
    pub api_key: Option<ApiKey>,
    /// The application's name.
    pub app_name: Option<String>,
    /// The session token, still to be verified.
    pub token: Option<Vec<u8>>,
    /// The idempotency key.
    pub idempotency_key: Option<[u8; 16]>,
    /// The signature, still to be verified.
    pub signature: Option<RequestSignature>,
}

impl RequestHeaders {
    /// Reads the headers of `request`.
    ///
    /// # Errors
    /// The name of the first header that is doubled or not well formed.
    pub fn read(request: &HttpRequest) -> Result<Self, &'static str> {
        let mut headers = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in &request.headers {
            let known = [API_KEY, APP_NAME, AUTHORIZATION, IDEMPOTENCY_KEY, SIGNATURE];
            let Some(name) = known.into_iter().find(|known| known == name) else { continue };
            if !seen.insert(name) {
                return Err(name);
            }
            let value = value.as_str();
            match name {
                API_KEY => headers.api_key = Some(value.parse().map_err(|_| name)?),
                APP_NAME => headers.app_name = Some(decode_app_name(value).ok_or(name)?),
                AUTHORIZATION => headers.token = Some(decode_token(value).ok_or(name)?),
                IDEMPOTENCY_KEY => headers.idempotency_key = Some(decode_key(value).ok_or(name)?),
                _ => headers.signature = Some(RequestSignature::from_header(value).ok_or(name)?),
            }
        }
        Ok(headers)
    }
}

fn decode_app_name(value: &str) -> Option<String> {
    let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).ok()?;
    (bytes.len() <= crate::limits::APP_NAME).then(|| String::from_utf8(bytes).ok())?
}

fn decode_token(value: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(value.strip_prefix("Bearer ")?.as_bytes()).ok()
}

fn decode_key(value: &str) -> Option<[u8; 16]> {
    HEXLOWER.decode(value.as_bytes()).ok()?.try_into().ok()
}

/// An application name as a header value.
#[must_use]
pub(crate) fn encode_app_name(name: &str) -> String {
    BASE64URL_NOPAD.encode(name.as_bytes())
}
