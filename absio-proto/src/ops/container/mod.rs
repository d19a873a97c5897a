//! Containers: create, get, update, delete, list.

mod content;
mod download;
mod grants;
mod list;
mod upload;

pub use content::{ContentInput, ContentOutput};
pub use list::{List, ListPage};
