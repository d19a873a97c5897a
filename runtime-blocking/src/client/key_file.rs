//! Key files: the seed's `key_file` module.

use super::Client;

absio_proto::key_file_methods! { [] [] absio_blocking }
