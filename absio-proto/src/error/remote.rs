//! What a broker refuses, and by which rule.

/// A refusal by the broker, with its stable code (`docs/protocol.md`, "Error codes").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{code}]")]
pub struct RemoteError {
    /// Which rule; a code of a newer broker is kept as text.
    pub code: RemoteCode,
    /// The broker's sentence.
    pub message: String,
    /// The id concerned, as the broker names it.
    pub subject: Option<String>,
    /// How long to wait before trying again, where the broker says so, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

macro_rules! remote_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal;)*) => {
        /// The broker's error codes.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum RemoteCode {
            $($(#[$doc])* $variant,)*
            /// A code this version does not know.
            Other(String),
        }

        impl RemoteCode {
            /// Every known code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// The HTTP status it travels with.
            #[must_use]
            pub fn status(&self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                    Self::Other(_) => 400,
                }
            }
        }

        impl From<&str> for RemoteCode {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }
    };
}

remote_codes! {
    /// The request is not well formed.
    BadRequest = "bad_request", 400;
    /// The API key is unknown to this broker (S-005).
    UnknownApiKey = "unknown_api_key", 401;
    /// No valid session token, or the session ended.
    NotAuthenticated = "not_authenticated", 401;
    /// The session token expired: log in again.
    SessionExpired = "session_expired", 401;
    /// The login proof was not accepted.
    LoginRefused = "login_refused", 401;
    /// The key file retrieval proof was not accepted: wrong passphrase or unknown user.
    RetrievalRefused = "retrieval_refused", 401;
    /// A request signature was not accepted.
    BadSignature = "bad_signature", 401;
    /// The permissions do not allow this; the message names the right.
    PermissionDenied = "permission_denied", 403;
    /// An upload needs access.view and access.modify too (S-134).
    UploadNeedsAccess = "upload_needs_access", 403;
    /// The access has expired.
    AccessExpired = "access_expired", 403;
    /// No such container, or it is not shared with the caller.
    ContainerNotFound = "container_not_found", 404;
    /// No such user.
    UserNotFound = "user_not_found", 404;
    /// The user has no key file here.
    KeyFileNotFound = "key_file_not_found", 404;
    /// No such upload.
    UploadNotFound = "upload_not_found", 404;
    /// No such path.
    NotFound = "not_found", 404;
    /// The path does not take this method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// Somebody else changed it first.
    Conflict = "conflict", 409;
    /// The id is taken.
    AlreadyExists = "already_exists", 409;
    /// The idempotency key was used with another body.
    IdempotencyMismatch = "idempotency_mismatch", 409;
    /// The container was deleted.
    Deleted = "deleted", 410;
    /// The body is larger than the limit.
    TooLarge = "too_large", 413;
    /// A signed object does not verify or breaks a rule of its format.
    InvalidObject = "invalid_object", 422;
    /// Too many attempts.
    RateLimited = "rate_limited", 429;
    /// The broker failed; nothing was changed.
    Internal = "internal", 500;
    /// The broker has no room; nothing was changed.
    StorageFull = "storage_full", 507;
    /// The broker is shutting down or overloaded; nothing was changed.
    Unavailable = "unavailable", 503;
}

impl core::fmt::Display for RemoteCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}
