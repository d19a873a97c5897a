//! absio-benches
