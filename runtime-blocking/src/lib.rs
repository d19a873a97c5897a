//! absio-blocking
