//! Manifests, tombstones and the rules for revisions (§11 to §13): what a reader makes of a run that a
//! server shows.

use super::story::{Draft, at, id_of, person};
use super::{array, cases, frame, hex, plain, unhex};
use absio_proto::CryptoError;
use absio_proto::crypto::{
    AccessSlots, Author, CardChain, KeyRing, KeyState, ManifestView, Pin, Tombstone, TypeOpening, checkpoint,
    verify_run,
};
use absio_proto::model::{ContainerId, Permissions, Timestamp, UserId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A case: what is shown to somebody with `pin`, 40 seconds after the story began.
fn run(name: &str, pin: Option<Pin>, views: &[ManifestView], people: &[&KeyRing]) -> Value {
    let cards = |ring: &&KeyRing| -> Value { ring.chain().cards().iter().map(|card| hex(card)).collect() };
    json!({
        "name": name, "valid": true, "now": at(40).as_millis(), "container": views[0].body().container.to_string(),
        "pin": pin.map(|pin| json!({ "revision": pin.revision, "hash": hex(&pin.hash), "tombstone": pin.tombstone })),
        "cards": people.iter().map(cards).collect::<Value>(),
        "views": views.iter().map(|view| hex(&view.encode())).collect::<Value>(),
    })
}

fn valid(name: &str, pin: Option<Pin>, views: &[ManifestView], people: &[&KeyRing]) -> Value {
    let mut case = run(name, pin, views, people);
    let head = views.last().unwrap();
    case["head"] = fields(head);
    case["checkpoint"] = checkpoint(&[(head.body().container, pin_at(head))].into()).into();
    case
}

fn faulty(name: &str, error: &str, pin: Option<Pin>, views: &[ManifestView], people: &[&KeyRing]) -> Value {
    let mut case = run(name, pin, views, people);
    case["valid"] = false.into();
    case["error"] = error.into();
    case
}

fn pin_at(view: &ManifestView) -> Pin {
    Pin { revision: view.body().revision, hash: view.body().hash(), tombstone: false }
}

/// What a reader must find in a view.
fn fields(view: &ManifestView) -> Value {
    let body = view.body();
    let entry = |entry: &absio_proto::crypto::AccessEntry| {
        json!({
            "user": entry.user.to_string(), "permissions": entry.permissions.as_int(),
            "expiration": Timestamp::to_wire(entry.expiration), "created_by": entry.created_by.to_string(),
            "created_at": entry.created_at.as_millis(),
            "modified_by": entry.modified.map(|(by, _)| by.to_string()),
            "modified_at": Timestamp::to_wire(entry.modified.map(|(_, at)| at)),
            "blob_hash": entry.wrapped.as_ref().map(|wrapped| hex(&wrapped.blob_hash)),
            "hash": hex(&entry.hash()),
        })
    };
    json!({
        "revision": body.revision, "hash": hex(&body.hash()), "author": body.author.user.to_string(),
        "created_by": body.created_by.to_string(), "modified_at": body.modified_at.as_millis(),
        "type_commitment": hex(&body.type_commitment), "header_epoch": body.header.epoch,
        "content_epoch": body.content.epoch, "content_length": body.content.digest.length,
        "content_digest": hex(&body.content.digest.digest), "access_root": hex(&body.access_root),
        "hidden": view.access().slots().iter().filter(|slot| slot.entry().is_none()).count(),
        "entries": view.access().entries().map(entry).collect::<Value>(),
    })
}

struct Story {
    alice: KeyRing,
    bob: KeyRing,
    carol: KeyRing,
    views: Vec<ManifestView>,
}

fn story() -> Story {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    let first = Draft::create(&alice)
        .grant(&bob, Permissions::CREATOR)
        .grant(&carol, Permissions::RECIPIENT)
        .sign(&alice);
    let mut views = vec![first];
    for (author, seconds) in [(&bob, 10), (&alice, 20), (&bob, 30)] {
        views.push(Draft::after(views.last().unwrap(), author, seconds).upload().sign(author));
    }
    Story { alice, bob, carol, views }
}

fn honest(story: &Story) -> Vec<Value> {
    let Story { alice, bob, carol, views } = story;
    let people = [alice, bob, carol];
    let pin = Some(pin_at(&views[1]));
    let opening = TypeOpening::new("invoice", [9; 32]).unwrap();
    let typed = Draft::create(alice)
        .with(|draft| draft.body.type_commitment = opening.commitment(draft.body.container));
    let mut typed = valid("a type", None, &[typed.sign(alice)], &people);
    typed["type_opening"] = hex(&opening.encode()).into();
    let keep = |index: usize| {
        let authors = [index, index + 1].map(|index| views.get(index).map(|view| view.body().author.user));
        [authors[0], authors[1], Some(carol.user_id())].into_iter().flatten().collect::<Vec<_>>()
    };
    let redacted: Vec<_> =
        views.iter().enumerate().map(|(index, view)| view.redacted(&keep(index))).collect();
    let after = |draft: Draft, by: &KeyRing| [views[3].clone(), draft.sign(by)];
    let seen = Some(pin_at(&views[3]));
    let leave = Draft::after(&views[3], carol, 35).remove(carol);
    let redate = Draft::after(&views[3], bob, 35).change(carol, |row| row.expiration = Some(at(1000)));
    let retype = Draft::after(&views[3], bob, 35).with(|draft| draft.body.type_commitment = [7; 48]);
    let nothing = Draft::after(&views[3], alice, 35);
    let removed = Draft::after(&views[3], alice, 35).remove(bob).upload().upload_header();
    vec![
        valid("revision 1", None, &views[..1], &people),
        valid("the whole history", None, views, &people),
        valid("from the creator's last revision", None, &views[1..], &people),
        valid("from a pin", pin, &views[1..], &people),
        valid("the pin itself", seen, &views[3..], &people),
        valid("shown to a reader without access.view", None, &redacted, &people),
        valid("a self-removal without rights", seen, &after(leave, carol), &people),
        valid("an expiration moved", seen, &after(redate, bob), &people),
        valid("another type", seen, &after(retype, bob), &people),
        valid("nothing changed", seen, &after(nothing, alice), &people),
        valid("a user removed and keys changed", seen, &after(removed, alice), &people),
        typed,
    ]
}

fn shown_wrongly(story: &Story) -> Vec<Value> {
    let Story { alice, bob, carol, views } = story;
    let people = [alice, bob, carol];
    let pin = Some(pin_at(&views[3]));
    let dead = Some(Pin { revision: 5, hash: views[3].body().hash(), tombstone: true });
    let fork = Draft::after(&views[2], bob, 31).upload().sign(bob);
    let grown = Draft::after(&fork, bob, 32).upload().sign(bob);
    let mut foreign =
        faulty("another container than asked for", "manifest_mismatch", None, &views[..1], &people);
    foreign["container"] = id_of(bob).to_string().into();
    let mut early = faulty("dated more than 5 minutes ahead", "from_the_future", None, &views[..1], &people);
    early["now"] = (at(0).as_millis() - 300_001).into();
    let short = [alice, carol];
    let rotated = bob.rotated(KeyState::Retired, &mut super::story::Counter::new(77), at(31)).unwrap();
    let revoked = bob.rotated(KeyState::Revoked, &mut super::story::Counter::new(77), at(31)).unwrap();
    let late = Draft::after(&views[3], bob, 33).upload().sign(bob);
    let new = Draft::after(&views[3], &rotated, 35).upload().sign(&rotated);
    vec![
        faulty("rolled back", "rollback_detected", pin, &views[..3], &people),
        faulty("forked at the pin", "fork_detected", pin, std::slice::from_ref(&fork), &people),
        faulty("forked above the pin", "fork_detected", pin, &[views[3].clone(), grown], &people),
        faulty("begins above the pin", "revision_invalid", Some(pin_at(&views[1])), &views[2..], &people),
        faulty("after a tombstone", "rollback_detected", dead, &views[3..], &people),
        faulty("does not reach back to the creator", "revision_invalid", None, &views[2..], &people),
        faulty("a base and nothing on it", "revision_invalid", None, &views[1..2], &people),
        faulty(
            "a revision left out",
            "revision_invalid",
            None,
            &[views[0].clone(), views[2].clone()],
            &people,
        ),
        faulty("a signer's cards are missing", "card_chain_invalid", None, views, &short),
        faulty("a signer's cards are too few", "card_chain_invalid", pin, &[views[3].clone(), new], &people),
        faulty(
            "signed by a retired key",
            "key_not_valid",
            pin,
            &[views[3].clone(), late],
            &[alice, &rotated, carol],
        ),
        faulty("the head signed by a revoked key", "key_not_valid", None, views, &[alice, &revoked, carol]),
        foreign,
        early,
    ]
}

fn forged(story: &Story) -> Vec<Value> {
    let Story { alice, bob, carol, views } = story;
    let people = [alice, bob, carol];
    let bytes = |name: &str, error: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        let mut case = faulty(name, error, None, &views[..1], &people);
        let mut view = views[0].encode();
        edit(&mut view);
        case["views"] = json!([hex(&view)]);
        case
    };
    let at_byte = |name: &str, error: &str, position: usize| bytes(name, error, &|view| view[position] ^= 1);
    vec![
        at_byte("magic", "malformed", 0),
        at_byte("suite", "unknown_algorithm", 4),
        bytes("a reserved flag", "malformed", &|view| view[7] |= 0x40),
        bytes("padded without being present", "malformed", &|view| view[7] = 4),
        bytes("absent with a digest", "malformed", &|view| view[7] = 2),
        at_byte("container id", "manifest_mismatch", 8),
        at_byte("id salt", "foreign_container_id", 24),
        bytes("revision 0", "malformed", &|view| view[63] = 0),
        at_byte("a previous hash at revision 1", "malformed", 64),
        at_byte("created_by", "foreign_container_id", 112),
        at_byte("author", "card_chain_invalid", 136),
        at_byte("author's key index", "key_not_valid", 155),
        at_byte("author's card", "card_chain_invalid", 164),
        at_byte("type commitment", "signature_invalid", 220),
        at_byte("header length", "signature_invalid", 283),
        bytes("header over its limit", "malformed", &|view| view[278] = 0x10),
        bytes("epoch 0", "malformed", &|view| view[275] = 0),
        bytes("an epoch above the revision", "malformed", &|view| view[275] = 9),
        at_byte("content digest", "signature_invalid", 380),
        at_byte("access root", "manifest_mismatch", 464),
        at_byte("signature", "signature_invalid", 512),
        at_byte("number of rows in the view", "malformed", 579),
        bytes("a row that is neither", "malformed", &|view| view[580] = 2),
        at_byte("a row's salt", "manifest_mismatch", 580 + 196),
        bytes("cut off", "malformed", &|view| view.truncate(view.len() - 1)),
        bytes("a byte behind", "malformed", &|view| view.push(0)),
    ]
}

/// Every rule broken by a signer who signs it all the same.
fn unruly(story: &Story) -> Vec<Value> {
    let Story { alice, bob, carol, views } = story;
    let dave = person(4);
    let people = [alice, bob, carol, &dave];
    let seen = pin_at(&views[3]);
    let next = |name: &str, error: &str, by: &KeyRing, edit: &dyn Fn(Draft) -> Draft| {
        let view = edit(Draft::after(&views[3], by, 35)).sign(by);
        faulty(name, error, Some(seen), &[views[3].clone(), view], &people)
    };
    let bob_with = |name: &str, permissions: Permissions, edit: &dyn Fn(Draft) -> Draft| {
        let base =
            Draft::create(alice).grant(bob, permissions).grant(carol, Permissions::RECIPIENT).sign(alice);
        let view = edit(Draft::after(&base, bob, 35)).sign(bob);
        faulty(name, "not_authorised", Some(pin_at(&base)), &[base, view], &people)
    };
    let all = Permissions::CREATOR;
    let upload = |draft: Draft| draft.upload();
    let retype = |draft: Draft| draft.with(|draft| draft.body.type_commitment = [7; 48]);
    let broken = "revision_invalid";
    vec![
        next("a stranger", "not_authorised", &dave, &upload),
        bob_with("upload without container.upload", all - Permissions::CONTAINER_UPLOAD, &upload),
        bob_with("upload without access.view", all - Permissions::ACCESS_VIEW, &upload),
        bob_with("upload without access.modify", all - Permissions::ACCESS_MODIFY, &upload),
        bob_with("half an upload without container.decrypt", all - Permissions::CONTAINER_DECRYPT, &upload),
        bob_with("type without container.type.modify", all - Permissions::CONTAINER_TYPE_MODIFY, &retype),
        bob_with("a list without access.modify", all - Permissions::ACCESS_MODIFY, &|draft| {
            draft.remove(carol)
        }),
        bob_with("nothing without access.modify", all - Permissions::ACCESS_MODIFY, &|draft| draft),
        bob_with("keys given without container.decrypt", all - Permissions::CONTAINER_DECRYPT, &|draft| {
            draft.grant(&dave, Permissions::RECIPIENT)
        }),
        {
            let base = Draft::create(alice)
                .grant(bob, all)
                .with(|draft| draft.row(bob).expiration = Some(at(35)))
                .sign(alice);
            let view = Draft::after(&base, bob, 35).upload().sign(bob);
            faulty("an expired signer", "not_authorised", Some(pin_at(&base)), &[base, view], &people)
        },
        next("an epoch kept at an upload", broken, bob, &|draft| {
            draft.upload().with(|draft| draft.body.content.epoch -= 1)
        }),
        next("a section that does not name its revision", broken, bob, &|draft| {
            draft.upload().with(|draft| draft.body.content.changed_by = alice.user_id())
        }),
        next("an unchanged section described anew", broken, bob, &|draft| {
            draft.with(|draft| draft.body.header.changed_in = 5)
        }),
        next("created_at changes", broken, bob, &|draft| draft.with(|draft| draft.body.created_at = at(1))),
        next("dated before the revision before", broken, bob, &|draft| {
            draft.upload().with(|draft| {
                (draft.body.modified_at, draft.body.content.changed_at) = (at(29), at(29));
            })
        }),
        next("a blob of the old epoch", broken, bob, &|draft| {
            let old = draft.clone().row(carol).wrapped;
            draft.upload().with(|draft| draft.row(carol).wrapped = old)
        }),
        next("container.decrypt without a blob", broken, bob, &|draft| {
            draft.change(carol, |row| row.wrapped = None)
        }),
        next("a changed entry with its old salt", broken, bob, &|draft| {
            let salt = draft.clone().row(carol).salt;
            draft.change(carol, |row| (row.permissions, row.salt) = (all, salt))
        }),
        next("only the salt of an entry changed", broken, bob, &|draft| {
            draft.with(|draft| draft.row(carol).salt[0] ^= 1)
        }),
        next("a changed entry that does not say so", broken, bob, &|draft| {
            draft.change(carol, |row| (row.permissions, row.modified) = (all, None))
        }),
        next("a new entry in another's name", broken, bob, &|draft| {
            draft
                .grant(&dave, Permissions::RECIPIENT)
                .with(|draft| draft.row(&dave).created_by = alice.user_id())
        }),
        next("a blob sealed in another's name", broken, bob, &|draft| {
            draft
                .upload()
                .with(|draft| draft.row(carol).wrapped.as_mut().unwrap().sealed_by = alice.user_id())
        }),
        next("signed by another than the author", "signature_invalid", bob, &|draft| {
            draft.upload().with(|draft| draft.body.author = Author::of(alice))
        }),
    ]
}

fn tombstones(story: &Story) -> Vec<Value> {
    let Story { alice, bob, views, .. } = story;
    let sole = Draft::create(alice).sign(alice);
    let people = [alice, bob];
    let ended = |name: &str, view: &ManifestView, tombstone: Vec<u8>| {
        let mut case = run(name, None, std::slice::from_ref(view), &people);
        case["tombstone"] = hex(&tombstone).into();
        case
    };
    let mut good = ended("tombstone", &sole, Tombstone::sign(&sole, at(35), alice).encode());
    good["head"] = fields(&sole);
    let wrong = |name: &str, error: &str, view: &ManifestView, tombstone: Vec<u8>| {
        let mut case = ended(&format!("tombstone: {name}"), view, tombstone);
        case["valid"] = false.into();
        case["error"] = error.into();
        case
    };
    let bytes = unhex(&good["tombstone"]);
    let flip = |name: &str, error: &str, position: usize| {
        let mut altered = bytes.clone();
        altered[position] ^= 1;
        wrong(name, error, &sole, altered)
    };
    let second = Draft::after(&sole, alice, 10).upload().sign(alice);
    let stale = Tombstone::sign(&sole, at(35), alice).encode();
    let mut replayed = wrong("of an older revision", "manifest_mismatch", &sole, stale);
    replayed["views"] = json!([hex(&sole.encode()), hex(&second.encode())]);
    vec![
        flip("magic", "malformed", 0),
        flip("suite", "unknown_algorithm", 5),
        flip("container", "manifest_mismatch", 6),
        flip("revision", "manifest_mismatch", 29),
        flip("previous", "manifest_mismatch", 30),
        flip("time", "signature_invalid", 85),
        flip("author", "not_authorised", 86),
        flip("signature", "signature_invalid", 225),
        wrong(
            "others have access",
            "not_authorised",
            &views[0],
            Tombstone::sign(&views[0], at(35), alice).encode(),
        ),
        wrong("by a stranger", "not_authorised", &sole, Tombstone::sign(&sole, at(35), bob).encode()),
        wrong("too early", "revision_invalid", &sole, {
            Tombstone::sign(&sole, Timestamp::from_millis(1), alice).encode()
        }),
        wrong("too far ahead", "from_the_future", &sole, Tombstone::sign(&sole, at(1000), alice).encode()),
        replayed,
        good,
    ]
}

pub(super) fn generate() -> Value {
    let story = story();
    let parts = [honest(&story), shown_wrongly(&story), forged(&story), unruly(&story), tombstones(&story)];
    frame("MAN1, TMB1 and the rules for revisions", "11, 12, 13", parts.concat())
}

fn verify(case: &Value) -> Result<(), CryptoError> {
    let id: ContainerId = case["container"].as_str().unwrap().parse().unwrap();
    let list = |value: &Value| value.as_array().unwrap().iter().map(unhex).collect::<Vec<_>>();
    let chains = case["cards"].as_array().unwrap().iter();
    let cards: BTreeMap<UserId, CardChain> = chains
        .map(|cards| CardChain::first_contact(&list(cards)).unwrap())
        .map(|chain| (chain.user_id(), chain))
        .collect();
    let pin = case["pin"].is_object().then(|| Pin {
        revision: case["pin"]["revision"].as_u64().unwrap(),
        hash: array(&case["pin"]["hash"]),
        tombstone: case["pin"]["tombstone"].as_bool().unwrap(),
    });
    let now = Timestamp::from_millis(case["now"].as_u64().unwrap());
    let views =
        list(&case["views"]).iter().map(|view| ManifestView::decode(view)).collect::<Result<Vec<_>, _>>()?;
    let head = verify_run(id, pin, views, &cards, now)?;
    if let Some(text) = case["type_opening"].as_str() {
        let opening = TypeOpening::decode(&unhex(&json!(text)))?;
        opening.check(head.view().body())?;
    }
    if case["tombstone"].is_string() {
        let tombstone = Tombstone::decode(&unhex(&case["tombstone"]))?;
        assert!(head.check_tombstone(&tombstone, &cards, now)?.tombstone);
    }
    assert_eq!(fields(head.view()), case["head"], "{}", case["name"]);
    if case["checkpoint"].is_string() {
        assert_eq!(checkpoint(&[(id, head.pin())].into()), case["checkpoint"], "{}", case["name"]);
    }
    Ok(())
}

/// §11 by the document: hashes of entries, list and manifest over the bytes as they stand.
fn check_hashes(case: &Value) {
    let view = unhex(case["views"].as_array().unwrap().last().unwrap());
    assert_eq!(hex(&plain::h("manifest", &[&view[..512]])), case["head"]["hash"], "{}", case["name"]);
    let decoded = ManifestView::decode(&view).unwrap();
    let mut rest = &view[580..];
    let mut hashes = Vec::new();
    while let Some((tag, row)) = rest.split_first() {
        let length = if *tag == 0 { 48 } else { 196 };
        let (row, behind) = row.split_at(length);
        rest = behind;
        hashes.push(if *tag == 0 { row.to_vec() } else { plain::h("access-entry", &[row]).to_vec() });
    }
    assert!(hashes.is_sorted(), "{}", case["name"]);
    let root = plain::access_root(&hashes);
    assert_eq!((hex(&root), json!(hex(&root))), (hex(&view[464..512]), case["head"]["access_root"].clone()));
    assert_eq!(AccessSlots::sorted(decoded.access().slots().to_vec()).unwrap().root(), root);
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        assert_eq!(verify(case), Ok(()), "{}", case["name"]);
        check_hashes(case);
    }
    for case in cases(file, false) {
        let error = verify(case).map_err(|error| error.code());
        assert_eq!(error, Err(case["error"].as_str().unwrap()), "{}", case["name"]);
    }
}
