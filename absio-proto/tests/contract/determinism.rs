//! Equal clocks, randomness and replies give equal effects, byte for byte.

use super::State;
use super::drivers::{Blocking, Shared};
use super::story::story;
use absio_proto::driver::blocking;
use absio_proto::trace::{Recording, Replay, Trace};

fn run(seed: u64) -> (String, Vec<String>, Recording) {
    let host = Blocking(Shared::new(seed));
    let trace = Trace::new(&host);
    let result = blocking::run(&mut story(), &trace).expect("the story has an end");
    let recording = trace.into_recording();
    (result, host.0.into_log(), recording)
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (first, second) = (run(21), run(21));
    assert_eq!((&first.0, &first.1), (&second.0, &second.1));
    assert!(first.2 == second.2);
}

#[test]
fn another_seed_gives_another_run() {
    let (first, second) = (run(21), run(22));
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn a_recorded_run_can_be_had_again_from_its_fixture() {
    let (result, _, recording) = run(21);
    let fixture = recording.to_json();
    let recording = Recording::from_json(&fixture).expect("what was written can be read");
    let replay = Replay::new(recording, State::default());
    assert_eq!(blocking::run(&mut story(), &replay), Ok(result));
    replay.finish().expect("it asked for the same");
}
