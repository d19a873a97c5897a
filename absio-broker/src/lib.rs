//! absio-broker
