//! How `absio api-key create` reaches a broker that is running: the store lets only one process in,
//! so the running one listens on a socket in its data directory, which only its owner may enter.
//!
//! One line of JSON in, one out: `{"create_api_key": {"name": …}}`, then `{"api_key": …}` or
//! `{"error": {"code": …, "message": …}}`.

use crate::failure::Failure;
use absio_proto::model::ApiKey;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const SOCKET: &str = "control.socket";
/// Bytes of the longest line either side reads.
const LINE: u64 = 4096;
/// Both sides answer at once; this only ends what hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens until dropped.
pub(crate) struct Control {
    path: PathBuf,
}

impl Control {
    /// Answers requests for keys with what `create` gives. The caller holds the store's lock, so a
    /// socket that is there already is left over from a crash.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub(crate) fn listen(
        data: &Path,
        create: impl Fn(&str) -> Result<ApiKey, Failure> + Send + 'static,
    ) -> io::Result<Self> {
        let path = data.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        thread::Builder::new().name("control".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // A peer that goes away is its own affair.
                let _ = answer(stream, &create);
            }
        })?;
        Ok(Self { path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A left-over socket is removed by the next start.
        let _ = fs::remove_file(&self.path);
    }
}

fn answer(stream: UnixStream, create: &impl Fn(&str) -> Result<ApiKey, Failure>) -> io::Result<()> {
    let request = read_line(&stream)?;
    let made = match request["create_api_key"]["name"].as_str() {
        Some(name) => create(name),
        None => Err(Failure::new("bad_request", "the broker knows no such request")),
    };
    let reply = match made {
        Ok(key) => json!({"api_key": key.to_string()}),
        Err(failure) => json!({"error": {"code": failure.code, "message": failure.message}}),
    };
    write_line(&stream, &reply)
}

/// Asks the broker that serves `data` for a key; none if no broker does.
///
/// # Errors
/// What the broker said.
pub(crate) fn ask_for_key(data: &Path, name: &str) -> Result<Option<ApiKey>, Failure> {
    let Ok(stream) = UnixStream::connect(data.join(SOCKET)) else { return Ok(None) };
    let failed =
        |error: io::Error| Failure::new("broker", format!("the running broker did not answer: {error}"));
    write_line(&stream, &json!({"create_api_key": {"name": name}})).map_err(failed)?;
    let reply = read_line(&stream).map_err(failed)?;
    if let Some(key) = reply["api_key"].as_str() {
        return Ok(Some(key.parse()?));
    }
    let text = |name: &str| reply["error"][name].as_str().unwrap_or("unknown");
    Err(Failure::new(text("code"), text("message")))
}

fn read_line(stream: &UnixStream) -> io::Result<Value> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE)).read_line(&mut line)?;
    serde_json::from_str(&line).map_err(io::Error::from)
}

fn write_line(mut stream: &UnixStream, value: &Value) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{value}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey::from_bytes([7; 16])
    }

    #[test]
    fn a_key_is_asked_for_and_given_and_the_socket_goes_away() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(ask_for_key(directory.path(), "x").unwrap(), None);
        let control = Control::listen(directory.path(), |name| match name {
            "app" => Ok(key()),
            _ => Err(Failure::new("storage_full", "no room")),
        })
        .unwrap();
        let mode = fs::metadata(directory.path().join(SOCKET)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(ask_for_key(directory.path(), "app").unwrap(), Some(key()));
        let failure = ask_for_key(directory.path(), "other").unwrap_err();
        assert_eq!((&failure.code[..], &failure.message[..]), ("storage_full", "no room"));
        drop(control);
        assert!(!directory.path().join(SOCKET).exists());
    }

    #[test]
    fn nonsense_is_answered_and_the_next_one_served() {
        let directory = tempfile::tempdir().unwrap();
        let _control = Control::listen(directory.path(), |_| Ok(key())).unwrap();
        for nonsense in ["{}\n", "[1,2\n", "\n", "x".repeat(100_000).as_str()] {
            let mut stream = UnixStream::connect(directory.path().join(SOCKET)).unwrap();
            // The broker may hang up before all of it is read.
            let _ = stream.write_all(nonsense.as_bytes());
        }
        assert_eq!(ask_for_key(directory.path(), "app").unwrap(), Some(key()));
    }
}
