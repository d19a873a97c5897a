//! The demonstration holds, in both forms.
#![allow(clippy::unwrap_used)]

mod broker;

use broker::{absio, succeeded, text};
use serde_json::Value;

#[test]
fn every_check_of_the_demo_holds() {
    let output = absio().args(["demo", "--json"]).output().unwrap();
    let lines: Vec<Value> =
        text(&succeeded(&output).stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, checks) = lines.split_last().unwrap();
    assert!(checks.len() >= 20);
    assert!(checks.iter().all(|check| check["ok"] == true));
    assert_eq!(last["checks"], checks.len());
    assert_eq!(last["held"], checks.len());
}
