//! Containers: create, get, update, delete, list.

mod content;
mod create;
mod delete;
mod download;
mod draft;
mod fetch;
mod get;
mod grants;
mod list;
mod revise;
mod summary;
mod update;
mod update_or_create;
mod upload;
mod warning;

pub use content::{ContentInput, ContentOutput};
pub use create::Create;
pub use delete::Delete;
pub use get::Get;
pub use list::{List, ListPage};
pub use update::Update;
pub use update_or_create::UpdateOrCreate;
pub use warning::{Changed, Warning};
