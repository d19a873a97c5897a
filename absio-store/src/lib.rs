//! absio-store
