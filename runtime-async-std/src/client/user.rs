//! Users: the seed's `user` module, and `keys`.

use super::Client;

absio_proto::user_methods! { [async] [.await] absio_async_std }
