//! Bad input: a clear error with a stable code, nothing changed, and the broker keeps serving.
#![allow(clippy::unwrap_used)]

mod broker;

use broker::{Broker, absio, failed, noise, text};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn credentials_rights_and_ids_that_are_wrong() {
    let mut broker = Broker::start();
    {
        let (alice, bob) = (broker.user("alice"), broker.user("bob"));
        let file = alice.file("note", b"private");
        let id = alice.ok(&["container", "create", &file]).trim().to_owned();

        // Wrong password beside the right passphrase; wrong passphrase; unknown user (S-013).
        let mut command = alice.command(&["container", "list"]);
        command.env("ABSIO_PASSWORD", "not the Password 1");
        assert_eq!(failed(command), (1, "wrong_password".into()));
        let mut command = alice.command(&["container", "list"]);
        command.env("ABSIO_PASSPHRASE", "not the Passphrase 1");
        assert_eq!(failed(command), (1, "wrong_passphrase".into()), "the key file is here");
        let mut command = alice.command(&["container", "list", "--provider", "server"]);
        command.env("ABSIO_PASSPHRASE", "not the Passphrase 1");
        assert_eq!(failed(command), (1, "retrieval_refused".into()));
        let mut command = alice.command(&["container", "list"]);
        command.env("ABSIO_USER", "5a5a5a5a-5a5a-8a5a-9a5a-5a5a5a5a5a5a");
        assert_eq!(failed(command), (1, "retrieval_refused".into()));
        // Nobody to ask, and a password alone cannot fetch a key file (S-008, S-010).
        let mut command = alice.command(&["container", "list"]);
        command.env_remove("ABSIO_PASSPHRASE");
        assert_eq!(failed(command), (2, "secret_required".into()));
        let mut command = alice.command(&["container", "list", "--provider", "server"]);
        command.env_remove("ABSIO_PASSPHRASE").env("ABSIO_PASSWORD", &alice.password);
        assert_eq!(failed(command), (1, "passphrase_required".into()));
        let nowhere = ["container", "list", "--provider", "ofs", "--root", "nowhere"];
        assert_eq!(alice.fails(&nowhere), (1, "key_file_not_on_device".into()));
        let mut command = alice.command(&["container", "list"]);
        command.env_remove("ABSIO_USER");
        assert_eq!(failed(command), (2, "user_required".into()));
        // S-005
        let mut command = alice.command(&["container", "list"]);
        command.env("ABSIO_API_KEY", "5a5a5a5a-5a5a-4a5a-9a5a-5a5a5a5a5a5a");
        assert_eq!(failed(command), (1, "unknown_api_key".into()));
        // S-017, S-023
        let mut command = alice.command(&["user", "create"]);
        command.env("ABSIO_PASSWORD", "short");
        assert_eq!(failed(command), (1, "credential_refused".into()));
        let mut command = alice.command(&["user", "create"]);
        command.env("ABSIO_PASSWORD", &alice.passphrase);
        assert_eq!(failed(command), (1, "equal_credentials".into()));

        // Someone else's container, and none at all.
        assert_eq!(bob.fails(&["container", "get", &id]), (1, "container_not_found".into()));
        assert_eq!(bob.fails(&["container", "delete", &id]), (1, "container_not_found".into()));
        assert_eq!(
            bob.fails(&["container", "update", &id, "--type", "t"]),
            (1, "container_not_found".into())
        );
        let nothing = "5a5a5a5a-5a5a-8a5a-9a5a-5a5a5a5a5a5a";
        assert_eq!(alice.fails(&["container", "get", nothing]), (1, "container_not_found".into()));
        // S-038: nothing is stored.
        assert_eq!(
            alice.fails(&["container", "create", &file, "--share", nothing]),
            (1, "user_not_found".into())
        );
        assert_eq!(alice.json(&["container", "list"]).len(), 1);

        // Missing rights: no decrypt, no upload, no access.modify.
        alice.ok(&["container", "update", &id, "--share", &format!("{}=access.view", bob.id)]);
        let output = bob.command(&["container", "get", &id, "-o", "copy"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("[missing_right]"), "{}", text(&output.stderr));
        assert!(!bob.root.join("copy").exists());
        assert_eq!(bob.files(), 0, "nothing is left behind");
        for change in [["--header", "1"], ["--type", "t"], ["--unshare", &alice.id]] {
            let (exit, code) = bob.fails(&[&["container", "update", &id], &change[..]].concat());
            assert_eq!(exit, 1);
            assert!(["missing_right", "permission_denied"].contains(&code.as_str()), "{code}");
        }
        let after = alice.json(&["container", "get", &id, "--portion", "metadata"]);
        assert_eq!(after[0]["revision"], 2, "only Alice's own change");
    }
    assert!(broker.is_alive());
}

#[test]
fn arguments_that_are_wrong() {
    let broker = Broker::start();
    let alice = broker.user("alice");
    let file = alice.file("note", b"x");
    let id = alice.ok(&["container", "create", &file]).trim().to_owned();
    let create = |rest: &[&str]| alice.fails(&[&["container", "create", &file], rest].concat());
    for header in ["{", "{\"a\":1,\"a\":2}", "nul", "[1] 2", ""] {
        assert_eq!(create(&["--header", header]), (2, "invalid_header".into()), "{header}");
    }
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(create(&["--header", &deep]), (2, "invalid_header".into()));
    for share in
        ["bob", "5a5a5a5a-5a5a-8a5a-9a5a-5a5a5a5a5a5a=256", "5a5a5a5a-5a5a-8a5a-9a5a-5a5a5a5a5a5a@soon"]
    {
        assert_eq!(create(&["--share", share]), (2, "usage".into()), "{share}");
    }
    assert_eq!(create(&["--type", &"x".repeat(257)]).1, "too_large");
    assert_eq!(alice.fails(&["container", "create", "no such file"]), (1, "file".into()));
    assert_eq!(alice.fails(&["container", "create", "."]), (1, "file".into()));
    assert_eq!(alice.fails(&["container", "get", &id, "-o", "no/such/folder"]), (1, "file".into()));
    assert_eq!(alice.fails(&["container", "get", &id, "--portion", "foo"]), (2, "usage".into()));
    assert_eq!(
        alice.fails(&["container", "get", &id, "-o", "x", "--portion", "header"]),
        (2, "usage".into())
    );
    assert_eq!(alice.fails(&["container", "update", &id]), (2, "nothing_to_update".into()));
    let alone = ["container", "update", &id, "--without-me"];
    assert_eq!(alice.fails(&alone), (2, "invalid_argument".into()), "the last access");
    assert_eq!(alice.fails(&["events", "--action", "eaten"]), (2, "usage".into()));
    assert_eq!(alice.fails(&["container", "list", "--api-key", "key"]), (2, "usage".into()));
    assert_eq!(
        alice.fails(&["container", "list", "--server", "http://example.com"]),
        (2, "invalid_server_url".into())
    );
    assert_eq!(alice.fails(&["events", "--provider", "ofs"]), (1, "unsupported".into()));
    assert_eq!(alice.fails(&["ofs", "check", "--root", &file]).1, "store", "a file is no root");
    let no_export = alice.file("no export", &noise(5000));
    assert_eq!(alice.fails(&["ofs", "import", &no_export]).1, "malformed");
    assert_eq!(alice.json(&["container", "list"]).len(), 1);
    // A content that is gone in mid-upload is not half there.
    let bare = absio().output().unwrap();
    assert_eq!(bare.status.code(), Some(2));
    assert_eq!(absio().arg("--help").output().unwrap().status.code(), Some(0));
}

fn raw(broker: &Broker, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(broker.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // An early refusal may close before all is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn requests_that_no_client_sends() {
    let mut broker = Broker::start();
    let key = broker.api_key.clone();
    let head = |method: &str, path: &str, length: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nabsio-api-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    // 2 GiB claimed in the head, 100 bytes sent.
    let mut huge = head("POST", "/v1/users", "2147483648").into_bytes();
    huge.extend([b'x'; 100]);
    assert!(raw(&broker, &huge).starts_with("HTTP/1.1 413"), "{}", raw(&broker, &huge));
    // 2 GiB claimed inside a bundle of 100 bytes.
    let mut body = b"BND1".to_vec();
    body.extend([1, 0x80, 0, 0, 0]);
    body.resize(100, 0);
    let mut bundle = head("POST", "/v1/users", "100").into_bytes();
    bundle.extend(&body);
    assert!(raw(&broker, &bundle).starts_with("HTTP/1.1 4"), "{}", raw(&broker, &bundle));
    // Broken JSON.
    let mut broken = head("POST", "/v1/login", "9").into_bytes();
    broken.extend(b"{\"broken\"");
    let answer = raw(&broker, &broken);
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("bad_request"), "{answer}");
    assert!(raw(&broker, head("PATCH", "/v1/info", "0").as_bytes()).contains("method_not_allowed"));
    assert!(raw(&broker, head("GET", "/v9/info", "0").as_bytes()).contains("not_found"));
    assert!(!raw(&broker, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").contains("200 OK"));
    assert!(broker.is_alive());
    let info = raw(&broker, head("GET", "/v1/info", "0").as_bytes());
    assert!(info.starts_with("HTTP/1.1 200"), "{info}");
}

#[test]
fn a_full_disk_is_told_and_the_broker_keeps_serving() {
    // Files of the broker may not grow over 3 MiB: a part of a large content does not fit.
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 3072; exec \"$0\" \"$@\""])
        .arg(absio().get_program())
        .stdin(Stdio::null());
    let mut broker = Broker::start_by(limited);
    {
        let alice = broker.user("alice");
        let small = alice.file("small", b"fits");
        let id = alice.ok(&["container", "create", &small]).trim().to_owned();
        let large = alice.file("large", &noise(6 << 20));
        assert_eq!(alice.fails(&["container", "create", &large]), (1, "storage_full".into()));
        assert_eq!(
            alice.fails(&["container", "update", &id, "--content", &large]),
            (1, "storage_full".into())
        );
        assert_eq!(alice.ok(&["container", "get", &id]), "fits");
        assert_eq!(alice.json(&["container", "list"]).len(), 1);
    }
    assert!(broker.is_alive());
}
