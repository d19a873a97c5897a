//! Containers: create, get, update, delete, list, sign anew.

mod content;
mod create;
mod delete;
pub(crate) mod deliver;
mod destination;
mod download;
mod draft;
mod fetch;
mod get;
mod grants;
mod journal;
mod list;
mod open_content;
mod part;
mod ranges;
mod resign;
mod revise;
mod rounds;
mod run;
mod summary;
mod update;
mod update_or_create;
mod upload;
mod warning;

pub use content::{ContentInput, ContentOutput};
pub use create::Create;
pub use delete::Delete;
pub(crate) use destination::Destination;
pub use get::Get;
pub(crate) use get::Retained;
#[cfg(feature = "testing")]
pub use journal::read_journal;
pub use list::{List, ListPage};
pub use ranges::{ContentRanges, ReadRange};
pub use resign::Resign;
pub(crate) use revise::check_accepted;
pub(crate) use summary::metadata;
pub use update::Update;
pub use update_or_create::UpdateOrCreate;
pub use warning::{Changed, Warning};
