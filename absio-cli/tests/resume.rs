//! Killed at random moments, with SIGKILL, and gone on with by the same command.
//!
//! `ABSIO_TEST_KILLS` sets how often (6; 20 was run once); the moments come of a seed that is printed.
#![allow(clippy::unwrap_used)]

mod broker;

use broker::Broker;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn kills() -> usize {
    std::env::var("ABSIO_TEST_KILLS").map_or(6, |text| text.parse().unwrap())
}

/// Parts of 4 MiB in the content, before a last one: some are sent between two kills.
fn parts() -> usize {
    4 * kills()
}

/// Moments that are different in every run.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let seed =
            u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
        println!("the moments come of seed {seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Runs `command` until it ends or is killed; whether it ended by itself. It is killed when `progress` was
/// seen to move so often as `steps`, and then a little.
fn run_or_kill(mut command: Command, progress: impl Fn() -> u64, steps: u64, then: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (before, deadline) = (progress(), Instant::now() + Duration::from_secs(120));
    loop {
        if let Some(exit) = child.try_wait().unwrap() {
            let output = child.wait_with_output().unwrap();
            assert!(exit.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return true;
        }
        assert!(Instant::now() < deadline, "it neither ends nor moves");
        if progress().saturating_sub(before) >= steps {
            break;
        }
        std::thread::yield_now();
    }
    std::thread::sleep(then);
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_transfer_that_is_killed_again_and_again_arrives_whole() {
    let broker = Broker::start();
    let alice = broker.user("alice");
    let files = broker.directory.path().join("files");
    std::fs::create_dir(&files).unwrap();
    let (source, target) = (files.join("source"), files.join("target"));
    let content: Vec<u8> =
        (0..(parts() << 22) as u32 + 12_345).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(&source, &content).unwrap();
    let mut moments = Moments::new();

    // Up: the journal grows by an entry for each part.
    let journal = files.join(".source.absio-upload");
    let mut killed = 0;
    loop {
        let mut command = alice.command(&["container", "create", "--resume"]);
        command.arg(&source);
        let (steps, then) = (1 + moments.below(3) * 344, Duration::from_millis(moments.below(15)));
        let steps = if killed < kills() { steps } else { u64::MAX };
        if run_or_kill(command, || length(&journal), steps, then) {
            break;
        }
        killed += 1;
    }
    println!("the upload was killed {killed} times");
    assert!(killed > 2, "the moments hit");
    assert_eq!(names(&files), BTreeSet::from(["source".to_owned()]), "nothing is left behind");
    let list = alice.ok(&["container", "list"]);
    assert_eq!(list.lines().count(), 1, "it was made once: {list}");
    let id = list.split(' ').next().unwrap().to_owned();

    // Down: the part file grows.
    let partial = files.join(".target.absio-part");
    let mut killed = 0;
    loop {
        let mut command = alice.command(&["container", "get", &id, "--refresh", "--resume", "--output"]);
        command.arg(&target);
        let (steps, then) = ((1 + moments.below(3)) << 22, Duration::from_millis(moments.below(15)));
        let steps = if killed < kills() { steps } else { u64::MAX };
        if run_or_kill(command, || length(&partial), steps, then) {
            break;
        }
        killed += 1;
        assert!(!target.exists(), "it appears whole or not at all");
    }
    println!("the download was killed {killed} times");
    assert!(killed > 2, "the moments hit");
    assert!(std::fs::read(&target).unwrap() == content);
    assert_eq!(names(&files), BTreeSet::from(["source".to_owned(), "target".to_owned()]));

    // And any range of it.
    let offset = (parts() / 2) << 22;
    let mut read = alice.command(&["container", "read", &id, "--length", "1000", "--offset"]);
    let bytes = read.arg(offset.to_string()).output().unwrap().stdout;
    assert!(bytes == content[offset..offset + 1000]);
    let mut behind = alice.command(&["container", "read", &id, "--offset"]);
    assert!(behind.arg(content.len().to_string()).output().unwrap().stdout.is_empty());
}

#[test]
fn two_processes_do_not_work_on_one_journal() {
    let broker = Broker::start();
    let alice = broker.user("alice");
    let source = broker.directory.path().join("source");
    std::fs::write(&source, vec![7; 5 << 20]).unwrap();
    let journal = broker.directory.path().join(".source.absio-upload");
    let held = std::fs::File::create(&journal).unwrap();
    held.lock().unwrap();
    let mut command = alice.command(&["container", "create", "--resume"]);
    let output = command.arg(&source).output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("another process is at work on it"), "{told}");
}
