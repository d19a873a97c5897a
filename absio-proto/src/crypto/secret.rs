//! Bytes that are wiped when dropped and never printed.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A secret of `N` bytes: wiped when dropped, compared in constant time, not printed, and copied
/// only where [`duplicate`](Self::duplicate) is written out. The bytes stay where they are when the value
/// moves: a move of them would leave a copy behind that nobody wipes.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes `bytes` as a secret. The caller's own copy is the caller's to wipe.
    #[must_use]
    pub fn new(bytes: [u8; N]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(Box::new(*bytes))
    }

    /// A copy of `bytes`, made in its place: nothing passes through the stack.
    pub(crate) fn copied(bytes: &[u8; N]) -> Self {
        let mut secret = Self(Box::new([0; N]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// A secret filled by `fill`, without a copy on the way.
    ///
    /// # Errors
    /// What `fill` gives.
    pub fn filled<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// The bytes, for handing to a primitive.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// Another copy, with its own wiping.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::copied(&self.0)
    }
}

impl<const N: usize> Zeroize for Secret<N> {
    fn zeroize(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> core::fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
