//! The broker of the demonstration: `absio serve` as a process of its own, so that it can be killed.

use crate::failure::Failure;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running broker; killed when dropped.
pub(crate) struct Broker {
    process: Child,
    data: PathBuf,
    url: String,
}

impl Broker {
    /// Starts one on `data`, on any free port of this machine.
    ///
    /// # Errors
    /// If it does not come up.
    pub(crate) fn start(data: &Path) -> Result<Self, Failure> {
        Self::start_at(data, "127.0.0.1:0")
    }

    fn start_at(data: &Path, listen: &str) -> Result<Self, Failure> {
        let failed = |reason: String| Failure::new("broker", format!("the broker did not start: {reason}"));
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut process = Command::new(program)
            .args(["--json", "serve", "--listen", listen, "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut line = String::new();
        let read = process.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let mut broker = Self { process, data: data.to_owned(), url: String::new() };
        read.transpose().map_err(|error| failed(error.to_string()))?;
        let said: Value = serde_json::from_str(&line).map_err(|_| failed("it said no address".into()))?;
        said["url"].as_str().unwrap_or_default().clone_into(&mut broker.url);
        Ok(broker)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Starts it again at the same address, after [`kill`](Self::kill).
    ///
    /// # Errors
    /// If it does not come up again.
    pub(crate) fn start_again(&mut self) -> Result<(), Failure> {
        let listen = self.url.trim_start_matches("http://").to_owned();
        *self = Self::start_at(&self.data, &listen)?;
        Ok(())
    }

    /// SIGKILL: the broker cannot tidy up.
    pub(crate) fn kill(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
