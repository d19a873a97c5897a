//! Looks for readable text where none may be: on the broker's disk, and in what devices send.

use absio_blocking::HttpTransport;
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether `word` occurs in `bytes`.
fn contains(bytes: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else { return true };
    // Most places are passed over by one comparison.
    bytes.windows(word.len()).any(|window| window[0] == *first && window == word)
}

/// The words among `words` that are readable in any file below `directory`, or in its name, and how many
/// bytes were looked through.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn on_disk<W: AsRef<[u8]> + Copy>(directory: &Path, words: &[W]) -> io::Result<(Vec<W>, u64)> {
    let (mut found, mut size) = (Vec::new(), 0);
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let (kind, name) = (entry.file_type()?, entry.file_name());
            let name = name.as_encoded_bytes();
            found.extend(words.iter().copied().filter(|word| contains(name, word.as_ref())));
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path())?;
                size += bytes.len() as u64;
                found.extend(words.iter().copied().filter(|word| contains(&bytes, word.as_ref())));
            }
        }
    }
    Ok((found, size))
}

/// Sends like [`HttpTransport`], and looks through all that is sent.
#[derive(Clone)]
pub(crate) struct Watched {
    transport: HttpTransport,
    seen: Arc<Seen>,
}

struct Seen {
    words: Vec<String>,
    found: Mutex<Vec<String>>,
    sent: AtomicU64,
}

impl Watched {
    /// Watches for `words`.
    pub(crate) fn new(words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let seen = Seen { words, found: Mutex::default(), sent: AtomicU64::new(0) };
        Self { transport: HttpTransport::new(), seen: Arc::new(seen) }
    }

    /// The words that were sent readable by any clone, and how many bytes were sent.
    pub(crate) fn found(&self) -> (Vec<String>, u64) {
        let found = self.seen.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (found, self.seen.sent.load(Ordering::SeqCst))
    }
}

impl Transport for Watched {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut all = request.path.clone().into_bytes();
        for (name, value) in &request.headers {
            all.extend_from_slice(format!("\n{name}: {value}").as_bytes());
        }
        all.extend_from_slice(&request.body);
        self.seen.sent.fetch_add(all.len() as u64, Ordering::SeqCst);
        let readable = self.seen.words.iter().filter(|word| contains(&all, word.as_bytes())).cloned();
        self.seen.found.lock().unwrap_or_else(PoisonError::into_inner).extend(readable);
        self.transport.exchange(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_file_below() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("blob"), b"\x00\x01plain marker\xff").unwrap();
        fs::write(directory.path().join("index"), b"nothing").unwrap();
        let (mut found, size) = on_disk(directory.path(), &["plain marker", "other", "inde"]).unwrap();
        found.sort_unstable();
        assert_eq!((found, size), (vec!["inde", "plain marker"], 22));
    }
}
