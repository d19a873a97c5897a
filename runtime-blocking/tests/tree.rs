//! No asynchronous runtime is in the tree of this crate.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn no_async_runtime_in_the_normal_tree() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--package", "absio-blocking", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"ureq") && names.contains(&"absio-proto"), "{tree}");
    for runtime in
        ["tokio", "async-std", "smol", "async-io", "async-executor", "futures-executor", "hyper", "mio"]
    {
        assert!(!names.contains(&runtime), "{runtime} is in the tree:\n{tree}");
    }
}
