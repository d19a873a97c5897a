//! The kit of `docs/vectors/kit`: files of one object each, with what must come of it.
//!
//! The files were written by another implementation, made from `docs/protocol.md` alone; here ours is held against
//! them. It also makes fresh objects, for the other implementation to read.
//!
//! ```text
//!   file ──▶ Case ──▶ judge ──▶ Found { class, hash of what was released }
//!                                  │
//!                                  └── must be what the case expects
//! ```

mod case;
mod draw;
mod identity;
mod judge;
mod make;
mod make_revisions;
mod revisions;
mod sealed;
mod stored;

pub use case::{Case, SUCCESS};
pub use judge::{Found, judge};
pub use make::make;

use std::path::Path;

/// What a directory of cases came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Cases that are to be accepted.
    pub valid: usize,
    /// Cases that are to be refused.
    pub faults: usize,
    /// One line for each case that came to something else.
    pub differences: Vec<String>,
}

/// Judges every case in `directory`, in the order of their names.
///
/// # Errors
/// What is wrong with a file that cannot be read as a case.
pub fn judge_directory(directory: &Path) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    for (name, case) in read_directory(directory)? {
        if case.expect == SUCCESS {
            outcome.valid += 1;
        } else {
            outcome.faults += 1;
        }
        let found = judge(&case).map_err(|reason| format!("{name}: {reason}"))?;
        if (&found.class, &found.payload) != (&case.expect, &case.payload) {
            let (class, payload) = (&found.class, &found.payload[..8]);
            let (expect, expected) = (&case.expect, case.payload.get(..8).unwrap_or("nothing"));
            outcome
                .differences
                .push(format!("{name}: expected {expect} ({expected}), found {class} ({payload})"));
        }
    }
    Ok(outcome)
}

/// The cases in `directory` by the names of their files, in order.
///
/// # Errors
/// What is wrong with a file that cannot be read as a case.
pub fn read_directory(directory: &Path) -> Result<Vec<(String, Case)>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(told)? {
        paths.push(entry.map_err(told)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "kit"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let case = Case::decode(&text).map_err(|reason| format!("{name}: {reason}"))?;
        Ok((name, case))
    };
    paths.iter().map(read).collect()
}
