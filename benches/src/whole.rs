//! Whole programs, with how long they took and how much memory they had at most.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How a program ran.
pub struct Run {
    /// Wall clock.
    pub seconds: f64,
    /// The most resident memory, in bytes, as far as the system tells.
    pub peak: Option<u64>,
}

impl Run {
    /// Runs `command` to its end.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn of(mut command: Command) -> Self {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut peak = None;
        let exit = loop {
            peak = peak.max(high_water(&status));
            match child.try_wait().expect("it can be waited for") {
                Some(exit) => break exit,
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        assert!(exit.success(), "{command:?} failed");
        Self { seconds, peak }
    }
}

fn high_water(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

/// A broker that runs, and a user who runs `absio` against it.
pub struct Absio {
    program: PathBuf,
    broker: Child,
    url: String,
    /// Bytes that went through the door.
    moved: Arc<AtomicU64>,
    api_key: String,
    root: PathBuf,
    user: String,
    /// What signing in and out takes, without a content.
    start: f64,
}

impl Absio {
    /// Starts a broker in `directory` and makes a user, who goes to it by a door that counts bytes if
    /// `counts`: a user belongs to one address.
    ///
    /// # Panics
    /// If the program is not beside this one: `cargo build --release -p absio-cli`.
    #[must_use]
    pub fn start(directory: &Path, counts: bool) -> Self {
        let beside = std::env::current_exe().expect("this program is somewhere");
        let program = beside.with_file_name("absio");
        assert!(program.exists(), "{} is missing: build absio-cli first", program.display());
        let (data, root) = (directory.join("broker"), directory.join("root"));
        fs::create_dir_all(&root).expect("a directory is made");
        // A port that was free a moment ago: the broker must know both of its addresses when it starts.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = port.expect("loopback listens").to_string();
        let (door, moved) = counted(address.clone());
        let mut broker = Command::new(&program)
            .args(["--json", "serve", "--listen", &address, "--origin", &format!("http://{address}")])
            .args(["--origin", &door, "--data"])
            .arg(&data)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the broker starts");
        let mut line = String::new();
        let stdout = broker.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the broker tells where it listens");
        let told: Value = serde_json::from_str(&line).expect("it tells JSON");
        let url = if counts { door } else { told["url"].as_str().expect("it has a URL").to_owned() };
        let mut absio = Self {
            program,
            broker,
            url,
            moved,
            api_key: String::new(),
            root,
            user: String::new(),
            start: 0.0,
        };
        let key = absio
            .command("server")
            .args(["api-key", "create", "--name", "bench", "--data"])
            .arg(&data)
            .output();
        absio.api_key = text(key);
        let user = absio.command("server-cache-ofs").args(["user", "create", "--reminder", "none"]).output();
        absio.user = text(user);
        let started = Instant::now();
        text(absio.command("ofs").args(["container", "list"]).output());
        absio.start = started.elapsed().as_secs_f64();
        absio
    }

    fn command(&self, provider: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("ABSIO_SERVER", &self.url)
            .env("ABSIO_ROOT", &self.root)
            .env("ABSIO_PROVIDER", provider)
            .env("ABSIO_PASSWORD", "Password 1 of a bench")
            .env("ABSIO_PASSPHRASE", "Passphrase 2 of a bench");
        for (name, value) in [("ABSIO_API_KEY", &self.api_key), ("ABSIO_USER", &self.user)] {
            if !value.is_empty() {
                command.env(name, value);
            }
        }
        command
    }

    /// `run` without what every command takes: start, password, signing in.
    #[must_use]
    pub fn without_start(&self, run: Run) -> Run {
        Run { seconds: run.seconds - self.start, ..run }
    }

    /// Creates a container of the file at `source`.
    #[must_use]
    pub fn create(&self, provider: &str, source: &Path) -> (Run, String) {
        let before = self.list(provider);
        let mut command = self.command(provider);
        command.args(["container", "create"]).arg(source);
        let run = Run::of(command);
        let id = self.list(provider).into_iter().find(|id| !before.contains(id));
        (run, id.expect("it was created"))
    }

    fn list(&self, provider: &str) -> Vec<String> {
        let list = text(self.command(provider).args(["container", "list"]).output());
        list.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    /// Gets a content into a file, or to stdout for `/dev/null`.
    #[must_use]
    pub fn get(&self, provider: &str, id: &str, target: &Path) -> Run {
        let mut command = self.command(provider);
        command.args(["container", "get", id]);
        if target != Path::new("/dev/null") {
            command.arg("--output").arg(target);
        }
        Run::of(command)
    }

    /// Deletes a container.
    pub fn delete(&self, id: &str) {
        text(self.command("server").args(["container", "delete", id]).output());
    }

    /// Reads `length` bytes at `offset`, and counts the bytes that go over the wire, both ways, signing in
    /// and headers included.
    #[must_use]
    pub fn read_middle(&self, id: &str, offset: u64, length: u64) -> (Run, u64) {
        let before = self.moved.load(Ordering::Relaxed);
        let mut command = self.command("server");
        command.args(["container", "read", id, "--offset", &offset.to_string()]);
        command.args(["--length", &length.to_string()]);
        let run = Run::of(command);
        (run, self.moved.load(Ordering::Relaxed) - before)
    }
}

impl Drop for Absio {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

fn text(output: std::io::Result<std::process::Output>) -> String {
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
}

/// A door to `server` that counts what passes.
fn counted(server: String) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback listens");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    let moved = Arc::new(AtomicU64::new(0));
    let counter = moved.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(broker) = TcpStream::connect(&server) else { return };
            for (from, to) in [(&client, &broker), (&broker, &client)] {
                let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
                let counter = counter.clone();
                thread::spawn(move || pass(from, to, &counter));
            }
        }
    });
    (url, moved)
}

fn pass(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    use std::io::{Read, Write};
    let mut piece = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        counter.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&piece[..length]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
