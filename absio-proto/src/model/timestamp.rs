//! Times: UTC milliseconds on the wire, RFC 3339 for people.

use crate::error::InputError;
use core::fmt;
use core::str::FromStr;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment in UTC, in milliseconds since 1970. Zero on the wire means "none" where a time is
/// optional.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last moment that can be written in RFC 3339 (end of the year 9999).
    pub const MAX: Self = Self(253_402_300_799_999);

    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// `Some` unless this is zero: the wire's "none".
    #[must_use]
    pub fn from_wire(millis: u64) -> Option<Self> {
        (millis != 0).then_some(Self(millis))
    }

    /// Zero for none.
    #[must_use]
    pub fn to_wire(moment: Option<Self>) -> u64 {
        moment.map_or(0, Self::as_millis)
    }

    /// This moment plus `millis`.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl TryFrom<OffsetDateTime> for Timestamp {
    type Error = InputError;

    fn try_from(moment: OffsetDateTime) -> Result<Self, InputError> {
        u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map(Self).map_err(|_| {
            InputError::InvalidArgument { argument: "time", reason: "it lies before 1970".into() }
        })
    }
}

impl FromStr for Timestamp {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|error| InputError::InvalidArgument {
                argument: "time",
                reason: format!("{text:?} is not an RFC 3339 time such as 2026-12-31T23:59:59Z ({error})"),
            })
            .and_then(Self::try_from)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} ms after 1970", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
