//! Password stretching: PBKDF2-HMAC-SHA-384 within compiled-in limits (`docs/protocol.md` §4).

use crate::crypto::secret::Secret;
use crate::error::{CryptoError, InputError};
use crate::model::normalise;
use sha2::Sha384;

/// The fewest iterations that are written or accepted (security case 51).
const FLOOR: u32 = 210_000;
/// The most: a server cannot stall a client with its own key file.
const CEILING: u32 = 10_000_000;
/// What is written unless asked otherwise, and always for the retrieval key of protocol version 1.
const DEFAULT: u32 = 600_000;

/// How costly a guess is: iteration counts for new key files, and the limits for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfPolicy {
    iterations: u32,
    floor: u32,
    ceiling: u32,
    retrieval_iterations: u32,
}

impl Default for KdfPolicy {
    /// 600,000 iterations, within 210,000 to 10,000,000.
    fn default() -> Self {
        Self { iterations: DEFAULT, floor: FLOOR, ceiling: CEILING, retrieval_iterations: DEFAULT }
    }
}

impl KdfPolicy {
    /// Writes key files with `iterations`.
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] outside 210,000 to 10,000,000.
    pub fn with_iterations(iterations: u32) -> Result<Self, InputError> {
        if !(FLOOR..=CEILING).contains(&iterations) {
            return Err(InputError::InvalidArgument {
                argument: "iterations",
                reason: format!("{iterations} is not within {FLOOR} to {CEILING}"),
            });
        }
        Ok(Self { iterations, ..Self::default() })
    }

    /// A handful of iterations, so that tests run in no time. Key files written under it are refused
    /// by every other policy.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub const fn insecure_for_tests() -> Self {
        Self { iterations: 4, floor: 2, ceiling: 1000, retrieval_iterations: 3 }
    }

    /// Iterations of a key file written under this policy.
    #[must_use]
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Iterations of the retrieval key, fixed for the protocol version (F38).
    #[must_use]
    pub const fn retrieval_iterations(&self) -> u32 {
        self.retrieval_iterations
    }

    /// Refuses a count outside the limits. Called before any stretching.
    ///
    /// # Errors
    /// [`CryptoError::KdfOutOfRange`].
    pub fn check(&self, iterations: u32) -> Result<(), CryptoError> {
        if (self.floor..=self.ceiling).contains(&iterations) {
            return Ok(());
        }
        Err(CryptoError::KdfOutOfRange {
            iterations: iterations.into(),
            floor: self.floor.into(),
            ceiling: self.ceiling.into(),
        })
    }
}

/// [`stretch`], or what a test puts in its place to count how often it is called.
pub(crate) type Stretcher<'a> = &'a mut dyn FnMut(&str, &[u8], u32) -> Secret<48>;

/// PBKDF2-HMAC-SHA-384 of the normalised `secret` to exactly 48 bytes: one hash, so that an owner
/// pays for no more than a guesser. Runs for 0.4 s at 600,000 iterations: inside a
/// [`Job`](crate::effect::Job).
pub(crate) fn stretch(secret: &str, salt: &[u8], iterations: u32) -> Secret<48> {
    let normal = normalise(secret);
    Secret::filled(|output| {
        pbkdf2::pbkdf2_hmac::<Sha384>(normal.as_bytes(), salt, iterations, output);
        Ok::<(), core::convert::Infallible>(())
    })
    .unwrap_or_else(|never| match never {})
}
