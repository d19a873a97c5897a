//! A real `absio serve`, and `absio` run against it as people run it.
#![allow(dead_code, clippy::unwrap_used)]

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A running broker with an API key; killed when dropped.
pub(crate) struct Broker {
    process: Child,
    pub(crate) url: String,
    pub(crate) api_key: String,
    pub(crate) directory: TempDir,
}

/// `absio`, without anything of this test's environment.
pub(crate) fn absio() -> Command {
    let mut command = Command::cargo_bin("absio").unwrap();
    for name in [
        "SERVER",
        "API_KEY",
        "ROOT",
        "USER",
        "PASSWORD",
        "PASSPHRASE",
        "NEW_PASSWORD",
        "NEW_PASSPHRASE",
        "CA_FILE",
        "PROVIDER",
    ] {
        command.env_remove(format!("ABSIO_{name}"));
    }
    command.stdin(Stdio::null());
    command
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self::start_by(absio())
    }

    /// Started by `command`, which runs `absio` with the arguments it is given.
    pub(crate) fn start_by(command: Command) -> Self {
        let directory = TempDir::new().unwrap();
        let (process, url) = serve(command, &directory.path().join("broker"), "127.0.0.1:0");
        let mut broker = Self { process, url, api_key: String::new(), directory };
        // Through the control socket: the broker is running.
        broker.api_key = broker.create_api_key();
        broker
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("broker")
    }

    pub(crate) fn create_api_key(&self) -> String {
        let output =
            absio().args(["api-key", "create", "--name", "tests", "--data"]).arg(self.data()).output();
        text(&succeeded(&output.unwrap()).stdout).trim().to_owned()
    }

    /// Sends SIGTERM and gives the exit status.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        (self.process, self.url) = serve(absio(), &self.data(), &listen);
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// A new user, with a root of their own.
    pub(crate) fn user(&self, name: &str) -> User<'_> {
        let root = self.directory.path().join(name);
        std::fs::create_dir_all(&root).unwrap();
        let mut user = User {
            broker: self,
            root,
            id: String::new(),
            password: String::new(),
            passphrase: String::new(),
            provider: None,
        };
        user.password = format!("{name}'s Password 1");
        user.passphrase = format!("{name}'s Passphrase 2");
        user.id = user.ok(&["user", "create", "--reminder", &format!("{name}'s hint")]).trim().to_owned();
        user
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(mut command: Command, data: &Path, listen: &str) -> (Child, String) {
    command.args(["--json", "serve", "--listen", listen, "--data"]).arg(data);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    (process, said["url"].as_str().unwrap().to_owned())
}

/// A user at a shell.
pub(crate) struct User<'b> {
    broker: &'b Broker,
    pub(crate) root: PathBuf,
    pub(crate) id: String,
    pub(crate) password: String,
    pub(crate) passphrase: String,
    provider: Option<&'static str>,
}

impl User<'_> {
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = absio();
        command
            .args(args)
            .current_dir(&self.root)
            .env("ABSIO_SERVER", &self.broker.url)
            .env("ABSIO_API_KEY", &self.broker.api_key)
            .env("ABSIO_ROOT", self.ofs())
            .env("ABSIO_PASSPHRASE", &self.passphrase);
        command.envs(self.provider.map(|provider| ("ABSIO_PROVIDER", provider)));
        if self.id.is_empty() {
            command.env("ABSIO_PASSWORD", &self.password);
        } else {
            command.env("ABSIO_USER", &self.id);
        }
        command
    }

    /// The local store.
    pub(crate) fn ofs(&self) -> PathBuf {
        self.root.join("ofs")
    }

    /// How many files there are beside the local store.
    pub(crate) fn files(&self) -> usize {
        let entries = std::fs::read_dir(&self.root).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path() != self.ofs()).count()
    }

    /// The same user on another device, with the passphrase only.
    pub(crate) fn on(&self, device: &str) -> User<'_> {
        let root = self.root.join(device);
        std::fs::create_dir_all(&root).unwrap();
        let (password, passphrase) = (self.password.clone(), self.passphrase.clone());
        User { broker: self.broker, root, id: self.id.clone(), password, passphrase, provider: self.provider }
    }

    /// From now on with the broker alone: what it says, and not what is kept here.
    pub(crate) fn at_server(self) -> Self {
        Self { provider: Some("server"), ..self }
    }

    /// What a successful command prints.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        text(&succeeded(&self.command(args).output().unwrap()).stdout)
    }

    /// The objects that a successful command prints.
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let args = [args, &["--json"]].concat();
        self.ok(&args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The exit code and stable code of a command that fails; its message is checked to be there in
    /// both forms, and nothing to be on stdout.
    pub(crate) fn fails(&self, args: &[&str]) -> (i32, String) {
        failed(self.command(args))
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.root.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.root.join(name)).unwrap()
    }
}

pub(crate) fn failed(mut command: Command) -> (i32, String) {
    let output = command.arg("--json").output().unwrap();
    let stderr = text(&output.stderr);
    assert!(!output.status.success(), "it succeeded: {}", text(&output.stdout));
    let line = stderr.lines().last().unwrap_or_default();
    let error: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {stderr}"));
    assert!(error["error"]["message"].as_str().unwrap().len() > 10, "{stderr}");
    (output.status.code().unwrap(), error["error"]["code"].as_str().unwrap().to_owned())
}

pub(crate) fn succeeded(output: &Output) -> &Output {
    assert!(output.status.success(), "{:?}: {}{}", output.status, text(&output.stdout), text(&output.stderr));
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Bytes that no compression or padding could pass for others.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}
