//! tokio is not in the tree of this crate, whatever its features.

#![allow(clippy::unwrap_used)]

use std::process::Command;

/// Where the crate is meant to run. (For wasm async-std brings browser glue, and that tokio.)
const TARGETS: [&str; 4] =
    ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc", "aarch64-linux-android"];

fn tree(features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--package", "absio-async-std", "--offline"])
        .args(TARGETS.iter().flat_map(|target| ["--target", target]))
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn has(tree: &[String], name: &str) -> bool {
    tree.iter().any(|package| package == name)
}

#[test]
fn no_tokio_with_any_features() {
    for features in [&[][..], &["--no-default-features"], &["--all-features"]] {
        let tree = tree(features);
        assert!(has(&tree, "absio-proto") && has(&tree, "ureq-proto"), "{tree:?}");
        for refused in ["tokio", "hyper", "mio", "async-h1", "isahc", "curl", "native-tls", "openssl"] {
            assert!(!has(&tree, refused), "{refused} is in the tree with {features:?}");
        }
    }
}

#[test]
fn without_features_nothing_of_surf_and_async_std_is_left() {
    let bare = tree(&["--no-default-features"]);
    for refused in ["surf", "http-client", "http-types", "async-std", "async-global-executor", "sled", "redb"]
    {
        assert!(!has(&bare, refused), "{refused} is in the tree");
    }
    let full = tree(&[]);
    assert!(has(&full, "surf") && has(&full, "async-std"));
}
