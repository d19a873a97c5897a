//! The program: its reports and its exit codes.

use super::brokers::served;
use assert_cmd::Command;

fn program(words: &[&str]) -> Command {
    let mut command = Command::cargo_bin("absio-conformance").unwrap();
    command.args(words);
    command
}

fn output(words: &[&str], code: i32) -> (String, String) {
    let output = program(words).assert().code(code).get_output().clone();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn stores_are_told_in_every_form() {
    let (text, _) = output(&["store", "memory", "--only", "records::"], 0);
    assert!(
        text.contains("passed   records::scan_stops_at_its_limit\n")
            && text.ends_with("7 passed, 0 skipped, 0 failed\n"),
        "{text}"
    );
    let (tap, _) = output(&["store", "redb", "--only", "cells::a_", "--format", "tap"], 0);
    assert!(tap.starts_with("TAP version 13\n1..3\nok 1 - cells::a_cell_reads_back\n"), "{tap}");
    assert!(tap.contains("# SKIP the backend does not declare that it is bounded"), "{tap}");
    let (junit, _) = output(&["store", "sled", "--only", "reopening::", "--format", "junit"], 0);
    assert!(junit.contains("<testsuite name=\"store\" tests=\"4\" failures=\"0\" skipped=\"0\">"), "{junit}");
    let (json, _) = output(&["store", "--only", "history", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["suite"].as_str(), json["passed"].as_u64()), (Some("store"), Some(1)));
}

#[test]
fn a_server_is_checked_and_its_report_names_rows_of_the_checklist() {
    let (server, key) = served();
    let (origin, key) = (server.origin().to_owned(), key.to_string());
    let words = ["broker", "--url", &origin, "--api-key", &key, "--only", "permissions::"];
    let (text, _) = output(&words, 0);
    assert!(text.contains("passed   permissions::without_decrypt_no_key [S-113 S-127]\n"), "{text}");
    server.stop().unwrap();
}

#[test]
fn what_cannot_be_checked_is_told_with_code_2() {
    let (server, key) = served();
    let (origin, key) = (server.origin().to_owned(), key.to_string());
    let foreign = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee";
    let said = |url: &str, key: &str| output(&["broker", "--url", url, "--api-key", key], 2).1;
    assert!(said("not a url", &key).contains("is no origin"));
    assert!(said(&origin, "not a key").contains("not a UUID"));
    assert!(said(&origin, foreign).contains("does not take this API key"));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(said(&format!("http://{nobody}"), &key).contains("could not be reached"));
    let other =
        absio_conformance::wire_server::WireServer::playing([absio_conformance::wire_server::Answer::new(
            200,
        )
        .body("hello")])
        .unwrap();
    assert!(said(&other.origin(), &key).contains("no Absio server"));
    assert!(output(&["store", "--only", "nothing of the kind"], 2).1.contains("no case"));
    output(&["store", "floppy"], 2);
    output(&[], 2);
    server.stop().unwrap();
}

/// A server that does not hold what it promises: code 1, and the case is named.
#[test]
fn a_server_that_fails_a_case_is_told_with_code_1() {
    use absio_conformance::wire_server::{Answer, Received, WireServer};
    let challenge = r#"{"nonce":"AAAA","server_time":1700000000000}"#;
    let info = r#"{"protocol":1,"suites":[1],"server_time":1700000000000,"software":"planned"}"#;
    let server = WireServer::start(move |request: &Received| {
        Answer::new(200).body(if request.path == "/v1/info" { info } else { challenge })
    })
    .unwrap();
    let key = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee";
    let (text, _) =
        output(&["broker", "--url", &server.origin(), "--api-key", key, "--only", "requests::"], 1);
    assert!(text.contains("passed   requests::info_needs_no_key"), "{text}");
    assert!(text.contains("FAILED   requests::unknown_paths_are_not_found"), "{text}");
}
