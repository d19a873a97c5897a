//! The files in `docs/vectors` are what this version writes, and say what this version finds.
//! Written by `cargo run -p absio-proto --example write_vectors`.
#![allow(clippy::unwrap_used, reason = "vectors are made of values that are known to be right")]
#![allow(clippy::disallowed_methods, reason = "the files are read from the repository")]

mod registry;

use registry::{FILES, VectorFile};

fn stored(file: &VectorFile) -> String {
    let path = file.path();
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn vectors_are_what_this_version_writes() {
    for file in FILES {
        assert_eq!(file.text(), stored(file), "docs/vectors/{}.json differs from what is written", file.name);
    }
}

#[test]
fn vectors_say_what_this_version_finds() {
    for file in FILES {
        (file.check)(&serde_json::from_str(&stored(file)).unwrap());
    }
}

#[test]
fn vectors_hold_faults_beside_what_is_valid() {
    for file in FILES {
        let value: serde_json::Value = serde_json::from_str(&stored(file)).unwrap();
        let valid = |case: &&serde_json::Value| case["valid"] == true;
        let cases = value["cases"].as_array().unwrap();
        let good = cases.iter().filter(valid).count();
        assert!(good > 0, "{} has no valid case", file.name);
        assert!(good < cases.len(), "{} has no fault", file.name);
        let mut names: Vec<_> = cases.iter().map(|case| case["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{} names two cases alike", file.name);
    }
}

#[test]
fn every_vector_file_is_in_the_registry() {
    let directory = FILES[0].path();
    for entry in std::fs::read_dir(directory.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let known = FILES.iter().any(|file| file.path().file_name() == path.file_name());
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        assert!(known || !is_json, "{} is written by nothing", path.display());
    }
}

/// S-101: what the indexes mean, by an implementation written from the document over bare primitives.
#[test]
fn s101_segments_are_those_of_an_independent_implementation() {
    let file = FILES.iter().find(|file| file.name == "segment").unwrap();
    let value: serde_json::Value = serde_json::from_str(&stored(file)).unwrap();
    let sealed_with = |index: u64| {
        let cases = value["cases"].as_array().unwrap().iter();
        cases.filter(|case| case["valid"] == true && case["mac_index"] == index).count()
    };
    assert!(sealed_with(0) > 0 && sealed_with(1) > 0);
    (file.check)(&value);
}
