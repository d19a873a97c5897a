//! The kit of `docs/vectors/kit`, made by another implementation, held against this one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "the files are read from the repository")]

use absio_conformance::kit::{Case, SUCCESS, judge, judge_directory, make, read_directory};
use assert_cmd::Command;
use std::path::{Path, PathBuf};

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors/kit")
}

fn case(name: &str) -> Case {
    Case::decode(&std::fs::read_to_string(kit().join(name).with_extension("kit")).unwrap()).unwrap()
}

fn directory_of(cases: &[(&str, Case)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, case) in cases {
        std::fs::write(directory.path().join(name).with_extension("kit"), case.encode()).unwrap();
    }
    directory
}

#[test]
fn every_case_of_the_kit_comes_to_what_it_says() {
    let outcome = judge_directory(&kit()).unwrap();
    assert!(outcome.differences.is_empty(), "\n{}", outcome.differences.join("\n"));
    assert!(outcome.valid >= 60, "{} valid cases", outcome.valid);
    assert!(outcome.faults >= 240, "{} cases with a fault", outcome.faults);
}

/// The control: a case that says what is not so is told, whatever it is that is not so.
#[test]
fn a_case_that_says_what_is_not_so_is_told() {
    let (good, bad) = (case("segment-short"), case("segment-field-tag-flipped"));
    let refused = Case { expect: bad.expect.clone(), payload: bad.payload.clone(), ..good.clone() };
    let accepted = Case { expect: SUCCESS.to_owned(), payload: good.payload.clone(), ..bad.clone() };
    let misnamed = Case { expect: "malformed".to_owned(), ..bad.clone() };
    let other = Case { payload: case("segment-one-byte").payload, ..good.clone() };
    let cases =
        [("good", good), ("bad", bad), ("a", refused), ("b", accepted), ("c", misnamed), ("d", other)];
    let directory = directory_of(&cases);
    let outcome = judge_directory(directory.path()).unwrap();
    assert_eq!((outcome.valid, outcome.faults), (3, 3));
    let told: Vec<_> = outcome.differences.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(told, ["a", "b", "c", "d"]);

    let mut program = Command::cargo_bin("absio-conformance").unwrap();
    program.args(["kit", "read"]).arg(directory.path()).assert().failure();
    let whole = directory_of(&cases[..2]);
    let mut program = Command::cargo_bin("absio-conformance").unwrap();
    program.args(["kit", "read"]).arg(whole.path()).assert().success();
}

#[test]
fn a_file_that_is_no_case_is_told_and_not_passed_over() {
    for text in [
        "",
        "expect: success\n\n",
        "expect: success\nsuite: 2\nkind: segment\ncomment: x\npayload-sha256: 0\n\n",
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("x.kit"), text).unwrap();
        assert!(judge_directory(directory.path()).unwrap_err().starts_with("x: "), "{text:?}");
    }
    let strange = Case { kind: "unheard-of".to_owned(), ..case("segment-short") };
    let directory = directory_of(&[("strange", strange)]);
    assert!(judge_directory(directory.path()).is_err());
}

#[test]
fn a_case_is_read_as_it_was_written() {
    for (name, case) in read_directory(&kit()).unwrap() {
        assert_eq!(Case::decode(&case.encode()), Ok(case), "{name}");
    }
}

#[test]
fn what_is_made_comes_to_what_it_says_and_is_the_same_for_the_same_seed() {
    let made = make(7, 65).unwrap();
    assert_eq!(made, make(7, 65).unwrap());
    assert_ne!(made[1], make(8, 2).unwrap()[1]);
    for (name, case) in made {
        let found = judge(&case).unwrap();
        assert_eq!((found.class, found.payload), (case.expect, case.payload), "{name}");
    }
}
