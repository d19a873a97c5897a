//! What is left in the memory of a process: a child plays a whole story, and its parent reads all of the
//! child's memory and looks for the secrets in it.
//!
//! ```text
//!  parent ──▶ child: create a user, log in, create, get ── stops: signed in, idle ──▶ parent scans
//!                    log out, drop everything          ── stops: signed out        ──▶ parent scans
//! ```
//!
//! The child tells its secrets masked, so that telling them leaves no copy.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod masked;
mod process;
mod subject;

use process::{Scan, Subject};

fn print(stage: &str, scan: &Scan) {
    println!();
    for (name, count) in &scan.found {
        println!("{stage}: {name}: {count}");
    }
    println!("{stage}: {} bytes of memory, {} secrets", scan.bytes, scan.found.len());
}

#[test]
fn ml_memory_scan_no_secret_of_the_user_is_left_after_logout() {
    let mut subject = Subject::start("forget");
    let idle = subject.scan_at("signed in");
    let out = subject.scan_at("signed out");
    subject.end();
    print("signed in", &idle);
    print("signed out", &out);
    assert!(idle.bytes > 1 << 20, "only {} bytes were read", idle.bytes);
    assert!(out.found.len() >= 12, "only {} secrets were looked for", out.found.len());
    // While signed in, the keys of the user are there, or the scan looks for the wrong things.
    assert!(idle.count("user") >= 4, "a signed-in session holds no key");
    for name in ["password", "passphrase", "content"] {
        assert_eq!(idle.count(name), 0, "the {name} is kept while signed in");
    }
    for name in ["password", "passphrase", "content", "user", "container"] {
        assert_eq!(out.count(name), 0, "the {name} is left in memory");
    }
}

#[test]
fn ml_memory_scan_negative_control_kept_copies_are_found() {
    let mut subject = Subject::start("keep");
    let _ = subject.scan_at("signed in");
    let out = subject.scan_at("signed out");
    subject.end();
    for name in ["password", "passphrase", "content", "user", "container"] {
        assert!(out.count(name) > 0, "a kept copy of {name} was not found");
    }
}
