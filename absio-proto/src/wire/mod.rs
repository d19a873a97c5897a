//! The HTTP API as types, one file a resource; client and broker share every line
//! (`docs/protocol.md`, "HTTP").

mod bundle;
mod container;
mod error;
mod event;
mod headers;
mod json;
mod origin;
mod query;
mod route;
mod upload;
mod user;

pub use bundle::{Bundle, BundleTag};
pub use container::{
    Availability, ChangeContainer, ContainerAnswer, ContainerChanged, ContainerList, ContainerSummary,
    ManifestPage, RemoveContainer,
};
pub use error::{decode_error, encode_error, is_printable};
pub use event::EventAnswer;
pub(crate) use headers::encode_app_name;
pub use headers::{
    API_KEY, APP_NAME, AUTHORIZATION, BUNDLE_TYPE, BYTES_TYPE, CONTENT_TYPE, IDEMPOTENCY_KEY, JSON_TYPE,
    RequestHeaders, RequestSignature, SIGNATURE,
};
pub use json::{Base64, from_json, parse_strict, to_json};
pub use origin::parse_origin;
pub use route::{Route, RouteError};
pub use upload::{BeginUpload, UploadBegun, UploadId, UploadStatus};
pub use user::{
    AddCard, CardAdded, Challenge, CreateUser, DeleteUser, InfoAnswer, KeyFileState, KeysAnswer, KeysRequest,
    LoginAnswer, LoginRequest, PutKeyFile, ReminderAnswer, RetrieveAnswer, RetrieveRequest, UserCreated,
};
