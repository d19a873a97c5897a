//! The printed form: the shape of what passed, without the bytes.

use super::{Entry, Given, Recording};
use crate::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, Progress, StoreError, StoreOp,
    StoreOutcome, TransportError,
};
use core::fmt::{self, Display, Formatter};
use core::time::Duration;

/// Characters of a path segment or query value that are still printed.
const LONGEST_WORD: usize = 40;
/// Characters of a UUID in its usual form.
const UUID: usize = 36;
/// Bytes of a JSON body that are looked into for field names.
const LONGEST_JSON: usize = 1 << 20;

pub(super) fn request(request: &HttpRequest) -> String {
    format!("http: {}", sent(request))
}

/// What of a request may be printed.
pub(crate) fn sent(request: &HttpRequest) -> String {
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    format!(
        "{} {} [{}]{}",
        request.method.as_str(),
        path(&request.path),
        names.join(" "),
        body(&request.headers, &request.body)
    )
}

pub(super) fn store(op: &StoreOp) -> String {
    format!("store: {op:?}")
}

pub(super) fn content(op: &ContentOp) -> String {
    format!("content: {op:?}")
}

pub(super) fn job(name: &str) -> String {
    format!("compute: {name}")
}

pub(super) fn sleep(duration: Duration) -> String {
    format!("sleep: {duration:?}")
}

pub(super) fn progress(progress: &Progress) -> String {
    format!("progress: {:?} {} of {}", progress.unit, progress.done, progress.total)
}

/// The path with long words, which may be more than names, reduced to their length.
fn path(path: &str) -> String {
    let mut printed = String::new();
    for piece in path.split_inclusive(['/', '?', '&', '=']) {
        let word = piece.trim_end_matches(['/', '?', '&', '=']);
        if word.len() > LONGEST_WORD {
            printed.push_str(&format!("({} characters){}", word.chars().count(), &piece[word.len()..]));
        } else {
            printed.push_str(piece);
        }
    }
    printed
}

fn body(headers: &[(String, String)], body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    let is_json = headers.iter().any(|(name, value)| name == "content-type" && value.contains("json"));
    if is_json && body.len() <= LONGEST_JSON {
        match serde_json::from_slice(body) {
            // The size is left out: numbers and times of other lengths are no other sequence.
            Ok(serde_json::Value::Object(fields)) => {
                let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
                names.sort_unstable();
                return format!(" {{{}}}", names.join(", "));
            }
            Ok(serde_json::Value::Array(items)) => return format!(" list of {}", items.len()),
            _ => {}
        }
    }
    format!(" {} bytes", body.len())
}

/// What of the outcome of an exchange may be printed.
pub(crate) fn received(outcome: &Result<HttpResponse, TransportError>) -> String {
    match outcome {
        Ok(response) => format!(" -> {}{}", response.status, body(&response.headers, &response.body)),
        Err(TransportError { kind, .. }) => format!(" -> {kind:?}"),
    }
}

impl Display for Given {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(outcome) => f.write_str(&received(outcome)),
            Self::Store(Ok(outcome)) => write!(f, " -> {}", Outcome(outcome)),
            Self::Content(Ok(ContentOutcome::Bytes(bytes))) => write!(f, " -> {} bytes", bytes.len()),
            Self::Content(Ok(ContentOutcome::Written)) => write!(f, " -> written"),
            Self::Store(Err(StoreError { kind, .. })) => write!(f, " -> {kind:?}"),
            Self::Content(Err(ContentError { .. })) => write!(f, " -> failed"),
            Self::Computed | Self::Slept | Self::Heard => Ok(()),
        }
    }
}

struct Outcome<'a>(&'a StoreOutcome);

impl Display for Outcome<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            StoreOutcome::Values(values) => {
                write!(f, "{} of {} values present", values.iter().flatten().count(), values.len())
            }
            StoreOutcome::Entries(entries) => write!(f, "{} entries", entries.len()),
            StoreOutcome::Committed(numbers) if numbers.is_empty() => write!(f, "committed"),
            StoreOutcome::Committed(numbers) => write!(f, "committed, {} numbers", numbers.len()),
            StoreOutcome::Conflict(index) => write!(f, "conflict at precondition {index}"),
            StoreOutcome::Blob(Some(bytes)) => write!(f, "{} bytes", bytes.len()),
            StoreOutcome::Blob(None) => write!(f, "no such blob"),
            StoreOutcome::Done => write!(f, "done"),
            StoreOutcome::Blobs(ids) => write!(f, "{} blobs", ids.len()),
            StoreOutcome::Cell(Some(bytes)) => write!(f, "{} bytes", bytes.len()),
            StoreOutcome::Cell(None) => write!(f, "no such cell"),
            StoreOutcome::Cells(ids) => write!(f, "{} cells", ids.len()),
        }
    }
}

impl Display for Recording {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut ids = Ids::default();
        let mut members_left = 0usize;
        for entry in &self.entries {
            match entry {
                Entry::Turn { .. } => {}
                Entry::All(members) => {
                    members_left = *members;
                    writeln!(f, "all of {members}:")?;
                }
                Entry::Effect(performed) => {
                    let indent = if members_left > 0 { "  " } else { "" };
                    members_left = members_left.saturating_sub(1);
                    writeln!(f, "{indent}{}{}", ids.numbered(&performed.asked), performed.given)?;
                }
            }
        }
        Ok(())
    }
}

/// Ids by the order in which they appear: a snapshot stays the same when keys and salts change.
#[derive(Default)]
struct Ids(Vec<String>);

impl Ids {
    fn numbered(&mut self, line: &str) -> String {
        let mut printed = String::new();
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            let length = match rest.get(..UUID).filter(|word| is_uuid(word)) {
                Some(word) => {
                    printed.push_str(&format!("#{}", self.number(word)));
                    UUID
                }
                None => {
                    printed.push(character);
                    character.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        printed
    }

    fn number(&mut self, id: &str) -> usize {
        let known = self.0.iter().position(|known| known.eq_ignore_ascii_case(id));
        known.unwrap_or_else(|| {
            self.0.push(id.to_owned());
            self.0.len() - 1
        }) + 1
    }
}

fn is_uuid(word: &str) -> bool {
    word.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}
