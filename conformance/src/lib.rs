//! absio-conformance
