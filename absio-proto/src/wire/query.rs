//! Queries: `name=value` pairs joined by `&`, percent-encoded.

use core::fmt::Write;
use core::str::FromStr;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986 is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes a path with a query.
pub(super) struct QueryWriter {
    path: String,
    first: bool,
}

impl QueryWriter {
    pub(super) fn new(path: String) -> Self {
        Self { path, first: true }
    }

    pub(super) fn pair(mut self, name: &str, value: impl core::fmt::Display) -> Self {
        let separator = if core::mem::take(&mut self.first) { '?' } else { '&' };
        let value = value.to_string();
        write!(self.path, "{separator}{name}={}", utf8_percent_encode(&value, ENCODED))
            .expect("writing to a String cannot fail");
        self
    }

    pub(super) fn some(self, name: &str, value: Option<impl core::fmt::Display>) -> Self {
        match value {
            Some(value) => self.pair(name, value),
            None => self,
        }
    }

    pub(super) fn finish(self) -> String {
        self.path
    }
}

/// Reads a query; every pair must be taken.
pub(super) struct QueryReader(Vec<(String, String)>);

impl QueryReader {
    /// `None` if it is not well formed or names a thing twice.
    pub(super) fn new(query: &str) -> Option<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=')?;
            if pairs.iter().any(|(other, _)| other == name) || pairs.len() >= 16 {
                return None;
            }
            pairs.push((name.to_owned(), percent_decode_str(value).decode_utf8().ok()?.into_owned()));
        }
        Some(Self(pairs))
    }

    /// The value called `name`, if it is there; `Err` with the name if it is not a `T`.
    pub(super) fn take<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, &'static str> {
        match self.0.iter().position(|(other, _)| other == name) {
            None => Ok(None),
            Some(position) => self.0.remove(position).1.parse().map(Some).map_err(|_| name),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), &'static str> {
        if self.0.is_empty() { Ok(()) } else { Err("an unknown name") }
    }
}
