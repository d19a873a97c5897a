//! Data to stdout, messages to stderr; with `--json` both as one JSON object a line.

use crate::failure::Failure;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Where results and messages go.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// One result: `object` for programs, `text` for people.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn data(&self, object: &Value, text: &str) -> Result<(), Failure> {
        if self.json { self.line(&object.to_string()) } else { self.line(text) }
    }

    fn line(&self, text: &str) -> Result<(), Failure> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(b'\n');
        self.bytes(&bytes)
    }

    /// Raw bytes of a result.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::new("output", format!("stdout cannot be written: {error}")))
    }

    /// Tells people what was done; programs have the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            // A closed stderr is no reason to fail.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Tells why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        let line = if self.json {
            json!({"error": {"code": failure.code, "message": failure.message}}).to_string()
        } else if failure.message.ends_with(&format!("[{}]", failure.code)) {
            format!("absio: {}", failure.message)
        } else {
            format!("absio: {} [{}]", failure.message, failure.code)
        };
        let _ = writeln!(io::stderr(), "{line}");
    }
}
