//! Data to stdout, messages to stderr; with `--json` both as one JSON object a line.
//!
//! What others wrote (types, names of programs, reminders, sentences of the server) may hold characters
//! that a terminal obeys. For people they are shown as `\u{1b}`; programs get them as they are.

use crate::failure::Failure;
use absio_proto::ops::container::Warning;
use absio_proto::wire::is_printable;
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
        if self.json { self.line(&object.to_string()) } else { self.line(&lines(text)) }
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
            let _ = writeln!(io::stderr(), "{}", lines(text));
        }
    }

    /// Tells people that something may not be as they meant it; programs have it in the result.
    pub(crate) fn warn(&self, text: &str) {
        self.note(&format!("absio: warning: {text}"));
    }

    /// The same for each of the library's warnings; gives their sentences, for the result.
    pub(crate) fn warnings(&self, warnings: &[Warning]) -> Vec<String> {
        let sentences: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        sentences.iter().for_each(|sentence| self.warn(sentence));
        sentences
    }

    /// Tells why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        let line = if self.json {
            json!({"error": {"code": failure.code, "message": failure.message}}).to_string()
        } else if failure.message.ends_with(&format!("[{}]", failure.code)) {
            lines(&format!("absio: {}", failure.message))
        } else {
            lines(&format!("absio: {} [{}]", failure.message, failure.code))
        };
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Our own text of one or more lines, with whatever others wrote in it.
fn lines(text: &str) -> String {
    escaped(text, |c| c == '\n')
}

/// A word or sentence of somebody else, on one line: it cannot pass for a line of ours.
pub(crate) fn shown(text: &str) -> String {
    escaped(text, |_| false)
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if is_printable(c) || keep(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ms_terminal_escape_is_shown_and_not_sent() {
        assert_eq!(shown("a\u{1b}[2J\nb\u{9b}\u{202e}"), r"a\u{1b}[2J\u{a}b\u{9b}\u{202e}");
        assert_eq!(lines("ours\nand\u{7}"), "ours\nand\\u{7}");
        assert_eq!(shown("caf\u{e9} \u{1f600}"), "caf\u{e9} \u{1f600}");
    }
}
