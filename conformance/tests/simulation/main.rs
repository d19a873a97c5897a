//! The simulation in its short form: fixed seeds, and the proof that it would find something.
//!
//! Long forms: `absio-conformance simulate --seeds 1..1000`, `--planted-bugs`, and
//! `absio-conformance crash-points --all` (`docs/simulation.md`).

use absio_conformance::simulation::{Dying, Fault, FaultSet, Settings, Simulated, crash_points, run};
use assert_cmd::Command;
use std::collections::BTreeMap;

#[track_caller]
fn held(settings: &Settings) -> Simulated {
    let simulated = run(settings);
    if let Some(failure) = &simulated.failure {
        let events = failure.events.join("\n");
        panic!("{settings:?}, step {}: {:?}\n{events}", failure.step, failure.violation);
    }
    simulated
}

#[test]
fn an_honest_world_equals_the_model_and_raises_no_alarm() {
    for seed in 1..4 {
        let simulated = held(&Settings::new(seed, 150).faults(FaultSet::none()));
        assert!(simulated.faults.iter().all(|(_, count)| *count == 0));
        assert!(simulated.operations.len() > 10, "{:?}", simulated.operations);
    }
}

#[test]
fn everything_holds_under_faults_that_leave_the_truth_alone() {
    for seed in 20..23 {
        held(&Settings::new(seed, 150).faults(FaultSet::honest()));
    }
}

/// Seeds that found something once.
#[test]
fn what_was_found_once_stays_mended() {
    // An answer under way while the own keys were changed was taken for a rollback of cards.
    held(&Settings::new(2029, 310).faults(FaultSet::honest()));
    // The model forgot a container whose readers had left, though one was given it again.
    held(&Settings::new(7, 360));
}

#[test]
fn everything_holds_under_all_faults_and_all_of_them_strike() {
    let mut struck: BTreeMap<Fault, u64> = BTreeMap::new();
    for seed in 40..46 {
        for (fault, count) in held(&Settings::new(seed, 200)).faults {
            *struck.entry(fault).or_default() += count;
        }
    }
    let never: Vec<_> = struck.iter().filter(|(_, count)| **count == 0).collect();
    assert_eq!(Fault::ALL.len(), 24);
    assert!(never.len() <= 3, "{never:?} struck in no run: their rates are too low");
}

#[test]
fn equal_seeds_give_equal_traces_and_others_do_not() {
    let settings = Settings::new(5, 60);
    let (first, second) = (run(&settings), run(&settings));
    assert_eq!((first.trace, first.effects), (second.trace, second.effects));
    assert_ne!(first.trace, run(&Settings::new(6, 60)).trace);
    assert_ne!(first.trace, run(&settings.clone().faults(FaultSet::none())).trace);
}

#[test]
fn a_device_and_a_broker_that_die_at_every_effect_recover() {
    for (dying, workflow) in [(Dying::Device, "update content"), (Dying::Broker, "create")] {
        let gone_through = crash_points(dying, Some(workflow), true, |_| {});
        assert_eq!(gone_through.len(), 1);
        let points = &gone_through[0];
        assert!(points.failure.is_none(), "{points:?}");
        assert!(points.effects >= 3 && points.states > points.effects, "{points:?}");
    }
}

fn program() -> Command {
    Command::cargo_bin("absio-conformance").expect("the program is built with the tests")
}

/// The control of all the tests above: with a bug planted, the program fails, names the invariant, and tells
/// the smallest way to see it again.
#[test]
fn planted_bugs_are_found_and_told_with_a_command_to_see_them_again() {
    let planted = [
        ("sum-not-kept", "no_false_alarm"),
        ("keystream-reused", "no_keystream_twice"),
        ("event-lost", "followers_catch_up"),
        ("list-row-lost", "creates_happen_once"),
    ];
    for (bug, invariant) in planted {
        let arguments = ["simulate", "--seed", "2", "--steps", "120", "--faults", "none"];
        let output = program().args(arguments).args(["--plant", bug]).output().unwrap();
        let (told, again) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{bug}: {told}");
        assert!(told.contains(&format!("violated: {invariant}")), "{bug}: {told}");
        // The command that it gives shows the same, in fewer steps.
        let command = again.lines().find_map(|line| line.trim().strip_prefix("absio-conformance "));
        let shown = program().args(command.expect("a command").split(' ')).output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout);
        assert!(shown.contains(&format!("violated: {invariant}")), "{bug}: {again}: {shown}");
    }
    let sound =
        program().args(["simulate", "--seed", "2", "--steps", "120", "--faults", "none"]).output().unwrap();
    assert_eq!(sound.status.code(), Some(0), "without a bug nothing is found");
}

#[test]
fn a_reader_who_goes_away_ends_the_program_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut simulate = std::process::Command::new(assert_cmd::cargo::cargo_bin("absio-conformance"));
    let output = simulate.args(["simulate", "--steps", "10"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(2), ""));
}

#[test]
fn wrong_usage_is_told_with_what_there_is() {
    for (arguments, told) in [
        (vec!["simulate", "--faults", "gremlins"], "half-open"),
        (vec!["simulate", "--plant", "gremlins"], "pin-not-kept"),
        (vec!["simulate", "--seeds", "9..3"], "no seed"),
        (vec!["simulate", "--steps", "0"], "at least one step"),
        (vec!["crash-points", "--workflow", "gremlins"], "no workflow"),
    ] {
        let output = program().args(&arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(told), "{arguments:?}: {errors}");
    }
}
