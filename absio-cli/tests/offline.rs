//! The local store by hand: a broker that is gone, several roots, and what a person does about it.
#![allow(clippy::unwrap_used)]

mod broker;

use broker::{Broker, User, absio, failed, noise, succeeded, text};
use serde_json::{Value, json};
use std::process::Command;

/// With the password alone, as somebody who has signed in on this device before.
fn with_password(user: &User<'_>, args: &[&str]) -> Command {
    let mut command = user.command(args);
    command.env_remove("ABSIO_PASSPHRASE").env("ABSIO_PASSWORD", &user.password);
    command
}

fn json(mut command: Command) -> Vec<Value> {
    let output = command.arg("--json").output().unwrap();
    text(&succeeded(&output).stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn s009_s040_s164_what_was_read_is_read_without_the_broker_and_with_the_password_alone() {
    let mut broker = Broker::start();
    let letter = noise(5 << 20);
    let commands: Vec<Command>;
    let (listed, created, wrong);
    {
        let (alice, bob) = (broker.user("alice"), broker.user("bob"));
        let file = alice.file("letter", &letter);
        let share = ["--share", &bob.id, "--header", "[1]"];
        let id = alice.ok(&[&["container", "create", &file], &share[..]].concat()).trim().to_owned();
        // From the broker, then from here; and from the broker again if that is asked for.
        let from_cache = |rest: &[&str]| {
            let got = bob.json(&[&["container", "get", &id, "-o", "copy"], rest].concat());
            assert_eq!(bob.read("copy"), letter);
            assert_eq!(got[0]["warnings"], json!([]));
            got[0]["from_cache"].as_bool().unwrap()
        };
        assert!(!from_cache(&[]));
        assert!(from_cache(&[]));
        assert!(!from_cache(&["--refresh"]));
        assert!(from_cache(&["--max-age", "3600"]));
        let ofs = |args: &[&str]| with_password(&bob, &[args, &["--provider", "ofs"]].concat());
        let mut wrong_password = bob.command(&["container", "list", "--provider", "ofs"]);
        wrong_password.env_remove("ABSIO_PASSPHRASE").env("ABSIO_PASSWORD", "Not the Password 1");
        commands = vec![
            with_password(&bob, &["container", "get", &id]),
            ofs(&["container", "get", &id]),
            bob.command(&["container", "get", &id, "--provider", "ofs"]),
        ];
        listed = ofs(&["container", "list"]);
        created = with_password(&bob, &["container", "create", &file]);
        wrong = wrong_password;
    }
    broker.kill();
    for mut command in commands {
        assert!(succeeded(&command.output().unwrap()).stdout == letter, "{command:?}");
    }
    assert_eq!(failed(created), (1, "transport".into()));
    assert_eq!(json(listed).len(), 1, "nothing half done");
    assert_eq!(failed(wrong), (1, "wrong_password".into()));
}

#[test]
fn s159_s172_s178_s179_two_roots_are_brought_up_to_date() {
    let broker = Broker::start();
    let (alice, mut bob) = (broker.user("alice"), broker.user("bob"));
    let note = alice.file("note", b"first");
    let id = alice.ok(&["container", "create", &note, "--share", &bob.id]).trim().to_owned();
    // Whatever events say is new comes here; each event counts once.
    let followed = bob.json(&["events", "--follow"]);
    assert_eq!((followed.len(), &followed[0]["container_id"]), (1, &json!(id)));
    assert_eq!(followed[0]["what"], "refreshed");
    let own = bob.json(&["events", "--follow"]);
    assert!(own.iter().all(|applied| applied["what"] == "unchanged"), "that he read it himself: {own:?}");
    assert!(bob.json(&["events", "--follow"]).is_empty());
    let later = alice.file("later", b"second");
    alice.ok(&["container", "update", &id, "--content", &later]);
    assert_eq!(bob.ok(&["container", "get", &id]), "first", "kept, and nothing newer was asked for");
    let synced = bob.json(&["sync"]);
    assert_eq!((&synced[0]["refreshed"], &synced[0]["key_file"]), (&json!([id]), &json!("in_sync")));
    assert_eq!(bob.ok(&["container", "get", &id, "--provider", "ofs"]), "second");

    // The same containers were seen, so the checkpoints agree.
    let checkpoint = |user: &User<'_>| user.ok(&["checkpoint", &id]);
    assert_eq!(checkpoint(&alice), checkpoint(&bob));
    // Fingerprints are compared by hand.
    let fingerprint = bob.ok(&["user", "fingerprint"]);
    assert_eq!(alice.ok(&["user", "fingerprint", &bob.id]), fingerprint);
    let lower = fingerprint.trim().to_lowercase().replace('-', " ");
    alice.ok(&["user", "verify", &bob.id, &lower]);
    assert_eq!(alice.json(&["user", "fingerprint", &bob.id])[0]["verified"], true);
    assert_eq!(alice.json(&["user", "peers"])[0]["user_id"], bob.id);
    let own = alice.ok(&["user", "fingerprint"]);
    assert_eq!(alice.fails(&["user", "verify", &bob.id, own.trim()]), (1, "fingerprint_differs".into()));

    // Credentials are changed on another root.
    {
        let phone = bob.on("phone");
        let mut change = phone.command(&["user", "change-credentials"]);
        change
            .env("ABSIO_NEW_PASSWORD", "Other Password 3")
            .env("ABSIO_NEW_PASSPHRASE", "Other Passphrase 4");
        succeeded(&change.output().unwrap());
        assert_eq!(bob.json(&["user", "needs-sync"])[0]["needs_sync"], true);
        assert_eq!(bob.json(&["user", "needs-sync"])[0]["state"], "differs");
    }
    bob.passphrase = "Other Passphrase 4".into();
    // The key file of this root is an old one, and says so.
    let stale = bob.command(&["container", "list"]).output().unwrap();
    assert!(text(&stale.stderr).contains("absio user sync"), "{}", text(&stale.stderr));
    assert_eq!(bob.json(&["user", "sync"])[0]["synced"], true);
    assert_eq!(bob.json(&["user", "needs-sync"])[0]["state"], "in_sync");
    assert_eq!(failed(with_password(&bob, &["container", "list", "--provider", "ofs"])).1, "wrong_password");
    bob.password = "Other Password 3".into();
    assert_eq!(json(with_password(&bob, &["container", "list", "--provider", "ofs"])).len(), 1);
}

#[test]
fn changes_wait_in_the_outbox_if_that_is_asked_for_and_are_sent_once() {
    let mut broker = Broker::start();
    let (mut create, mut list, mut drain, mut get, discard);
    {
        let alice = broker.user("alice");
        let note = alice.file("note", b"offline");
        assert_eq!(alice.fails(&["container", "list", "--outbox", "--provider", "ofs"]).0, 2);
        create = with_password(&alice, &["container", "create", &note, "--outbox", "--json"]);
        list = with_password(&alice, &["outbox", "list", "--json"]);
        drain = with_password(&alice, &["outbox", "drain", "--json"]);
        get = with_password(&alice, &["outbox", "get"]);
        discard = with_password(&alice, &["outbox", "discard", "7"]);
    }
    let objects = |command: &mut Command| -> Vec<Value> {
        let output = command.output().unwrap();
        text(&succeeded(&output).stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    broker.kill();
    let created = objects(&mut create);
    assert_eq!(created[0]["warnings"].as_array().unwrap().len(), 1);
    let waiting = objects(&mut list);
    assert_eq!((&waiting[0]["change"], &waiting[0]["state"]), (&json!("create"), &json!("waiting")));
    assert_eq!(waiting[0]["container_id"], created[0]["container_id"]);
    let number = &waiting[0]["number"];
    get.args([&number.to_string(), "--json"]);
    assert_eq!(objects(&mut get)[0]["content_base64"], "b2ZmbGluZQ==");
    assert_eq!(failed(discard).1, "not_queued");
    assert_eq!(drain.output().unwrap().status.code(), Some(1), "nobody answers");
    broker.restart();
    assert_eq!(objects(&mut drain)[0]["sent"], json!([number]));
    assert_eq!(objects(&mut drain)[0]["sent"], json!([]));
    assert!(objects(&mut list).is_empty());
}

#[test]
fn the_local_store_is_checked_exported_imported_and_purged() {
    let broker = Broker::start();
    let alice = broker.user("alice");
    let note = alice.file("note", b"kept");
    let id = alice.ok(&["container", "create", &note]).trim().to_owned();
    // Only here, and without a broker's address or key.
    let mut local = alice.command(&["container", "create", &note, "--provider", "ofs"]);
    local.env_remove("ABSIO_API_KEY").env_remove("ABSIO_SERVER");
    let only_here = text(&succeeded(&local.output().unwrap()).stdout).trim().to_owned();
    let listed = alice.json(&["container", "list", "--provider", "ofs"]);
    let local = |id: &str| listed.iter().find(|entry| entry["container_id"] == id).unwrap()["local"].clone();
    assert_eq!((listed.len(), local(&id), local(&only_here)), (2, json!(false), json!(true)));

    let checked = alice.json(&["ofs", "check"]);
    assert_eq!((&checked[0]["repaired"], &checked[0]["incomplete_since"]), (&Value::Null, &Value::Null));
    assert!(checked[0]["records"].as_u64().unwrap() >= 2);
    assert_eq!(alice.json(&["ofs", "sweep"])[0]["removed"], 0);
    let file = alice.root.join("export");
    let exported = alice.json(&["ofs", "export", file.to_str().unwrap()]);
    assert_eq!(exported[0]["bytes"], std::fs::metadata(&file).unwrap().len());
    // Another root of the same user takes it, after signing in there once.
    let other = alice.on("other");
    other.ok(&["user", "needs-sync"]);
    let imported = other.json(&["ofs", "import", file.to_str().unwrap()]);
    assert_eq!(imported[0]["records"], exported[0]["records"]);
    assert_eq!(other.ok(&["container", "get", &only_here, "--provider", "ofs"]), "kept");
    assert_eq!(broker.user("mallory").fails(&["ofs", "import", file.to_str().unwrap()]).1, "malformed");

    assert_eq!(alice.fails(&["ofs", "purge"]), (2, "usage".into()));
    assert_eq!(alice.json(&["ofs", "purge", "--yes"])[0]["purged"], true);
    let gone = alice.fails(&["container", "get", &id, "--provider", "ofs"]);
    assert_eq!(gone, (1, "key_file_not_on_device".into()));
    assert_eq!(alice.ok(&["container", "get", &id]), "kept", "the broker has what it had");
}

#[test]
fn a_damaged_store_is_put_in_order_and_told_with_exit_code_1() {
    let broker = Broker::start();
    let alice = broker.user("alice");
    let note = alice.file("note", b"kept");
    let id = alice.ok(&["container", "create", &note]).trim().to_owned();
    let index = alice.ofs().join("index.redb");
    let length = std::fs::metadata(&index).unwrap().len() as usize;
    std::fs::write(&index, noise(length)).unwrap();
    let output = alice.command(&["ofs", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("quarantine"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("[degraded]"), "{}", text(&output.stderr));
    // Never "not found" for what was there; the broker gives it back.
    assert_eq!(alice.fails(&["container", "get", &id, "--provider", "ofs"]).1, "degraded");
    assert_eq!(alice.ok(&["container", "get", &id]), "kept");
    assert_eq!(alice.ok(&["container", "get", &id, "--provider", "ofs"]), "kept");
}

#[test]
fn s006_without_a_root_the_store_is_in_a_directory_of_its_own_below_the_current_one() {
    let broker = Broker::start();
    let here = tempfile::tempdir().unwrap();
    let mut create = absio();
    create
        .args(["user", "create", "--server", &broker.url, "--api-key", &broker.api_key])
        .env("ABSIO_PASSWORD", "A Password 1")
        .env("ABSIO_PASSPHRASE", "A Passphrase 2")
        .current_dir(here.path());
    succeeded(&create.output().unwrap());
    let made: Vec<_> =
        std::fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(made, ["absio-ofs"]);
}
