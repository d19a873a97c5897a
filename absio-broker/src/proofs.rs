//! What all proofs share: whose clock, which origin.

use absio_proto::CryptoError;
use absio_proto::limits::CLOCK_SKEW_MS;
use absio_proto::model::Timestamp;

/// Whether `time` is within the accepted skew of `now`.
pub(crate) fn is_near(time: Timestamp, now: Timestamp) -> bool {
    time.as_millis().abs_diff(now.as_millis()) <= CLOCK_SKEW_MS
}

/// Whether `time` is further ahead of `now` than the accepted skew.
pub(crate) fn is_ahead(time: Timestamp, now: Timestamp) -> bool {
    time > now.plus_millis(CLOCK_SKEW_MS)
}

/// The result of `verify` for the first origin it accepts. Proofs name the origin without sending it,
/// and a broker may be known by more than one.
pub(crate) fn for_each_origin(
    origins: &[String],
    mut verify: impl FnMut(&str) -> Result<(), CryptoError>,
) -> Result<(), CryptoError> {
    let mut result = Err(CryptoError::BadSignature { what: "proof" });
    for origin in origins {
        // Every origin is tried, so that the time taken does not depend on which one it was.
        result = verify(origin).or(result);
    }
    result
}
