//! The bytes of a request, shared: a part of a large content is held once, by the operation that may
//! have to send it again and by the transport that is sending it.

use core::ops::Deref;
use std::sync::Arc;

/// Bytes that never change; a clone shares them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body(Arc<Vec<u8>>);

impl Body {
    /// No bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

/// The bytes; copied only if somebody else holds them too.
impl From<Body> for Vec<u8> {
    fn from(body: Body) -> Self {
        Arc::unwrap_or_clone(body.0)
    }
}

/// Bodies may hold secrets and ciphertext: only the length is printed.
impl core::fmt::Debug for Body {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
