//! What the system may keep of a process that dies.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod broker;

use broker::Broker;
use std::fs;
use std::process::{Command, Stdio};

/// Soft and hard limit of core dumps of a process, as the kernel tells them.
fn limits(process: u32) -> Vec<String> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    line.split_ascii_whitespace().skip(4).take(2).map(str::to_owned).collect()
}

#[test]
fn ml_memory_scan_no_core_is_dumped() {
    let broker = Broker::start();
    assert_eq!(limits(broker.process_id()), ["0", "0"]);
    // Negative control: another program keeps what it inherits, so the zeros are the program's own doing.
    let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let (of_other, of_this) = (limits(other.id()), limits(std::process::id()));
    drop(other.stdin.take());
    other.wait().unwrap();
    assert_eq!(of_other, of_this);
}
