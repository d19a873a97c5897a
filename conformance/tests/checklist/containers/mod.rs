//! Checklist sections 1.3, 1.6 and 1.7.

mod changes;
mod create;
