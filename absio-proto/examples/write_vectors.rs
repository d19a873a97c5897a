//! Writes `docs/vectors/*.json`: `cargo run -p absio-proto --example write_vectors`.
#![allow(clippy::unwrap_used, reason = "vectors are made of values that are known to be right")]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "the program writes files")]

#[path = "../tests/vectors/registry/mod.rs"]
mod registry;

fn main() -> std::io::Result<()> {
    for file in registry::FILES {
        let text = file.text();
        (file.check)(&serde_json::from_str(&text)?);
        std::fs::write(file.path(), text)?;
        println!("{}", file.path().display());
    }
    Ok(())
}
