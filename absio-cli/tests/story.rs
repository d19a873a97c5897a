//! The whole story by hand: a broker, two shells, two roots, a real file.
#![allow(clippy::unwrap_used)]

mod broker;

use broker::{Broker, absio, failed, noise, succeeded, text};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

#[test]
fn two_people_share_a_container_through_a_broker() {
    let mut broker = Broker::start();
    let letter = noise((5 << 20) + 12_345);
    let (id, bob_id, bob_passphrase);
    {
        let (alice, bob) = (broker.user("alice").at_server(), broker.user("bob").at_server());
        let file = alice.file("letter", &letter);

        // S-025 to S-032: created for Bob under the recipient's default, Alice keeps full rights.
        let created = alice.json(&[
            "container",
            "create",
            &file,
            "--header",
            r#"{"n":1}"#,
            "--type",
            "letter",
            "--share",
            &bob.id,
        ]);
        assert_eq!(created.len(), 1);
        id = created[0]["container_id"].as_str().unwrap().to_owned();
        assert_eq!(created[0]["revision"], 1);
        assert_eq!(created[0]["length"], letter.len());
        let permissions = |object: &Value| -> Vec<(String, u64)> {
            let mut rows: Vec<_> = object["access"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| {
                    (row["user_id"].as_str().unwrap().to_owned(), row["permissions"].as_u64().unwrap())
                })
                .collect();
            rows.sort_by_key(|row| row.1);
            rows
        };
        assert_eq!(permissions(&created[0]), [(bob.id.clone(), 11), (alice.id.clone(), 127)]);

        // Bob reads it, to a file and through a pipe.
        bob.ok(&["container", "get", &id, "-o", "letter.copy"]);
        assert_eq!(bob.read("letter.copy"), letter);
        let piped = bob.command(&["container", "get", &id]).output().unwrap();
        assert_eq!(succeeded(&piped).stdout, letter);
        let got = bob.json(&["container", "get", &id, "--portion", "header"]);
        assert_eq!(got[0]["header"], json!({"n": 1}));
        assert_eq!(got[0]["type"], Value::Null, "Bob may not see the type");
        assert_eq!(got[0]["created_by"], alice.id);
        let clear = bob.ok(&["container", "get", &id, "--portion", "header"]);
        assert_eq!(clear, "{\"n\":1}\n");
        assert!(bob.ok(&["container", "get", &id, "--portion", "metadata"]).contains(&alice.id));

        // Both see it listed, and in their events.
        assert!(alice.ok(&["container", "list"]).contains(&id));
        assert_eq!(bob.json(&["container", "list"])[0]["container_id"], id);
        let events = alice.json(&["events", "--container", &id, "--action", "accessed"]);
        assert_eq!(events[0]["related_user_id"], bob.id);
        let added = bob.json(&["events", "--type", "container", "--action", "added"]);
        assert_eq!((added.len(), &added[0]["container_id"]), (1, &json!(id)));
        let first = added[0]["event_id"].as_u64().unwrap();
        let later = bob.json(&["events", "--from", &(first + 1).to_string()]);
        assert!(later.iter().all(|event| event["event_id"].as_u64().unwrap() > first));
        assert!(alice.json(&["events", "--container-type", "no such"]).is_empty());

        // Alice updates each part; stdin is a content too.
        let mut update =
            alice.command(&["container", "update", &id, "--content", "-", "--header", "null", "--json"]);
        let mut update = update.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        update.stdin.take().unwrap().write_all(b"second thoughts").unwrap();
        let updated: Value =
            serde_json::from_slice(&succeeded(&update.wait_with_output().unwrap()).stdout).unwrap();
        assert_eq!((&updated["revision"], &updated["length"]), (&json!(2), &json!(15)));
        assert_eq!(bob.ok(&["container", "get", &id]), "second thoughts");
        alice.ok(&["container", "update", &id, "--type", "note", "--share", &format!("{}=75", bob.id)]);
        let seen = bob.json(&["container", "get", &id]);
        assert_eq!(seen[0]["type"], "note");
        assert_eq!(seen[0]["content_base64"], "c2Vjb25kIHRob3VnaHRz");
        assert!(seen[0].get("header").is_none(), "{}", seen[0]);
        (bob_id, bob_passphrase) = (bob.id.clone(), bob.passphrase.clone());
    }

    // S-015's other end: everything survives a kill and a clean stop.
    broker.kill();
    broker.restart();
    let get = |broker: &Broker| {
        let mut command = absio();
        command
            .args(["container", "get", &id])
            .args(["--server", &broker.url, "--api-key", &broker.api_key, "--user", &bob_id])
            .args(["--provider", "server"])
            .env("ABSIO_PASSPHRASE", &bob_passphrase);
        command
    };
    assert_eq!(succeeded(&get(&broker).output().unwrap()).stdout, b"second thoughts");
    assert_eq!(broker.stop().code(), Some(0));
    assert_eq!(failed(get(&broker)), (1, "transport".into()));
    broker.restart();
    assert_eq!(text(&succeeded(&get(&broker).output().unwrap()).stdout), "second thoughts");
}

#[test]
fn access_ends_by_time_by_unshare_and_by_delete() {
    let broker = Broker::start();
    let (alice, bob) = (broker.user("alice").at_server(), broker.user("bob").at_server());
    let file = alice.file("note", b"for a while");
    let share = format!("{}=container.download+container.decrypt@2001-01-01T00:00:00Z", bob.id);
    let id = alice.ok(&["container", "create", &file, "--share", &share]).trim().to_owned();
    // S-110, S-037
    assert_eq!(bob.fails(&["container", "get", &id]), (1, "access_expired".into()));
    // S-082
    let forever = format!("{}=3", bob.id);
    alice.ok(&["container", "update", &id, "--share", &forever]);
    assert_eq!(bob.ok(&["container", "get", &id]), "for a while");
    alice.ok(&["container", "update", &id, "--unshare", &bob.id]);
    assert_eq!(bob.fails(&["container", "get", &id]), (1, "container_not_found".into()));
    // S-042, S-043
    alice.ok(&["container", "update", &id, "--share", &bob.id]);
    alice.ok(&["container", "delete", &id]);
    assert_eq!(alice.fails(&["container", "get", &id]).0, 1);
    assert_eq!(bob.ok(&["container", "get", &id]), "for a while");
    bob.ok(&["container", "delete", &id]);
    assert_eq!(bob.fails(&["container", "get", &id]).0, 1);
    assert_eq!(bob.ok(&["container", "list"]), "");
    // S-034: without the caller.
    let id = alice.ok(&["container", "create", &file, "--share", &bob.id, "--without-me"]).trim().to_owned();
    assert_eq!(alice.fails(&["container", "get", &id]), (1, "container_not_found".into()));
    assert_eq!(bob.ok(&["container", "get", &id]), "for a while");
}

#[test]
fn users_are_shown_reminded_changed_and_deleted() {
    let broker = Broker::start();
    let (alice, mut bob) = (broker.user("alice").at_server(), broker.user("bob").at_server());
    let shown = alice.json(&["user", "show", &bob.id]);
    assert_eq!(shown[0]["user_id"], bob.id);
    assert_eq!(shown[0]["closed"], false);
    let own = bob.json(&["user", "show"]);
    assert_eq!(own[0]["fingerprint"], shown[0]["fingerprint"]);
    assert!(bob.ok(&["user", "show"]).contains(shown[0]["fingerprint"].as_str().unwrap()));
    // S-161: public, nobody need be signed in.
    let mut reminder = absio();
    reminder.args(["user", "reminder", &bob.id, "--server", &broker.url, "--api-key", &broker.api_key]);
    assert_eq!(text(&succeeded(&reminder.output().unwrap()).stdout), "bob's hint\n");

    let mut change = bob.command(&["user", "change-credentials", "--reminder", "new hint"]);
    change.env("ABSIO_NEW_PASSWORD", "Other Password 3").env("ABSIO_NEW_PASSPHRASE", "Other Passphrase 4");
    succeeded(&change.output().unwrap());
    assert_eq!(bob.fails(&["user", "show"]), (1, "retrieval_refused".into()));
    bob.passphrase = "Other Passphrase 4".into();
    assert!(bob.ok(&["user", "show"]).contains(&bob.id));
    assert_eq!(bob.json(&["user", "reminder", &bob.id])[0]["reminder"], "new hint");

    assert_eq!(bob.fails(&["user", "delete"]), (2, "usage".into()));
    assert_eq!(bob.json(&["user", "delete", "--yes"])[0]["deleted"], true);
    assert_eq!(bob.fails(&["user", "show"]).0, 1);
    assert_eq!(alice.json(&["user", "show", &bob.id])[0]["closed"], true);
}

#[test]
fn x08_keys_are_changed_and_revoked_and_everything_still_opens() {
    let broker = Broker::start();
    let (alice, bob) = (broker.user("alice"), broker.user("bob"));
    let file = alice.file("note", b"signed by the first key");
    let id = alice.ok(&["container", "create", &file, "--share", &bob.id]).trim().to_owned();
    let fingerprint =
        |person: &broker::User| bob.json(&["user", "show", &person.id])[0]["fingerprint"].clone();
    let before = fingerprint(&alice);

    assert_eq!(alice.ok(&["user", "rotate-keys"]).trim(), alice.id);
    assert_eq!(bob.ok(&["container", "get", &id]), "signed by the first key");
    alice.ok(&["container", "update", &id, "--type", "by the second key"]);
    let revoked = alice.json(&["user", "rotate-keys", "--revoke"]);
    assert_eq!((&revoked[0]["sequence"], &revoked[0]["revoked"]), (&json!(3), &json!(true)));
    assert_eq!((&revoked[0]["resigned"], &revoked[0]["failed"]), (&json!([id]), &json!([])));
    let rotated = alice.json(&["user", "rotate-keys"]);
    assert_eq!((&rotated[0]["sequence"], &rotated[0]["revoked"]), (&json!(4), &json!(false)));

    for reader in [&alice, &bob] {
        assert_eq!(reader.ok(&["container", "get", &id]), "signed by the first key");
    }
    let new = bob.ok(&["container", "create", &file, "--share", &alice.id]).trim().to_owned();
    assert_eq!(alice.ok(&["container", "get", &new]), "signed by the first key");
    assert_eq!(alice.json(&["container", "resign", &id])[0]["resigned"], false);
    let shown = bob.json(&["user", "show", &alice.id]);
    assert_eq!((&shown[0]["sequence"], &shown[0]["signing_key"]["index"]), (&json!(4), &json!(4)));
    assert_eq!(fingerprint(&alice), before, "who she is does not change");
}

#[test]
fn s208_the_server_provider_writes_nothing_to_disk() {
    let broker = Broker::start();
    let alice = broker.user("alice");
    std::fs::remove_dir_all(alice.ofs()).unwrap();
    let server = ["--provider", "server"];
    let mut create = alice.command(&[&["container", "create", "-"], &server[..]].concat());
    let mut create = create.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    create.stdin.take().unwrap().write_all(b"x").unwrap();
    let id = text(&succeeded(&create.wait_with_output().unwrap()).stdout).trim().to_owned();
    alice.ok(&[&["container", "get", &id], &server[..]].concat());
    assert_eq!(std::fs::read_dir(&alice.root).unwrap().count(), 0);
    // The default does.
    alice.ok(&["container", "get", &id]);
    assert_eq!(std::fs::read_dir(&alice.root).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_get_that_is_told_to_end_leaves_no_half_file() {
    let broker = Broker::start();
    let alice = broker.user("alice");
    let signal = |name: &str, id: u32| {
        assert!(std::process::Command::new("kill").args([name, &id.to_string()]).status().unwrap().success());
    };
    // A broker that stands still: the command has its file open and waits for an answer.
    signal("-STOP", broker.process_id());
    let nothing = "5a5a5a5a-5a5a-8a5a-9a5a-5a5a5a5a5a5a";
    let mut get = alice.command(&["container", "get", nothing, "-o", "out"]);
    let get = get.stderr(Stdio::piped()).spawn().unwrap();
    while alice.files() == 0 {
        std::thread::yield_now();
    }
    signal("-TERM", get.id());
    let output = get.wait_with_output().unwrap();
    signal("-CONT", broker.process_id());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("[interrupted]"));
    assert_eq!(alice.files(), 0);
}

#[test]
fn ms_terminal_escape_of_types_reminders_and_names_is_not_printed() {
    const ESCAPE: &str = "\u{1b}]0;owned\u{7}\nrevision   9";
    let broker = Broker::start();
    let user = broker.user("alice");
    let file = user.file("note", b"x");
    let id = user.ok(&["container", "create", &file, "--type", ESCAPE]).trim().to_owned();
    let mut change = user.command(&["user", "change-credentials", "--reminder", ESCAPE]);
    change
        .env("ABSIO_NEW_PASSWORD", "Another Password 3")
        .env("ABSIO_NEW_PASSPHRASE", "Another Passphrase 4");
    assert!(change.output().unwrap().status.success());
    for args in [
        &["container", "list"][..],
        &["user", "reminder", &user.id],
        &["events"],
        &["container", "get", &id, "--portion", "metadata"],
    ] {
        let mut command = user.command(args);
        command.env("ABSIO_PASSPHRASE", "Another Passphrase 4");
        let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(!printed.contains(|c: char| c.is_control() && c != '\n'), "{args:?}: {printed:?}");
        assert!(printed.contains(r"\u{1b}]0;owned\u{7}\u{a}revision"), "{args:?}: {printed:?}");
    }
    // Programs get it as it was written.
    let mut command = user.command(&["container", "list", "--json"]);
    let printed = command.env("ABSIO_PASSPHRASE", "Another Passphrase 4").output().unwrap().stdout;
    assert!(text(&printed).contains(r"\u001b]0;owned\u0007\nrevision"), "{}", text(&printed));
}
