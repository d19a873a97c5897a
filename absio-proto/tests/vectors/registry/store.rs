//! The local store: names, sealed values, digest, state, key file at rest (§18).

use super::{Script, array, bytes_of, cases, frame, hex, unhex};
use absio_proto::crypto::{SealedKeyFile, Secret};
use absio_proto::effect::{BlobId, CellId};
use absio_proto::model::{Timestamp, UserId};
use absio_proto::ofs::{Kind, RootSalt, State, StoreKeys, Sum};
use serde_json::{Value, json};

const KINDS: [Kind; 5] = [Kind::State, Kind::Container, Kind::Peer, Kind::Cursor, Kind::Outbox];
const ID: [u8; 16] = [0xc1; 16];

fn user() -> UserId {
    UserId::from_bytes([0xab; 16])
}

fn secret() -> [u8; 32] {
    bytes_of("store secret")
}

fn keys_of(case: &Value) -> StoreKeys {
    let user = UserId::from_bytes(array(&case["user_id"]));
    StoreKeys::derive(user, &Secret::new(array(&case["store_secret"])))
}

/// A case of the partition that all of them are about.
fn case(name: &str, valid: bool, rest: Value) -> Value {
    let mut case = json!({
        "name": name, "valid": valid, "user_id": hex(user().as_bytes()), "store_secret": hex(&secret()),
    });
    if let (Some(case), Value::Object(rest)) = (case.as_object_mut(), rest) {
        case.extend(rest);
    }
    case
}

fn sealed(keys: &StoreKeys, generation: u64, data: &[u8], salt: &[u8; 32]) -> Vec<u8> {
    keys.seal_record(&keys.name(Kind::Container, &ID), generation, data, &mut Script::new(&[salt])).unwrap()
}

fn key_file() -> Vec<u8> {
    let mut bytes = b"KEYF\x00\x01".to_vec();
    bytes.extend_from_slice(user().as_bytes());
    bytes.extend_from_slice(&1u64.to_be_bytes());
    bytes.resize(420, 9);
    bytes
}

pub(super) fn generate() -> Value {
    let keys = StoreKeys::derive(user(), &Secret::new(secret()));
    let mut made: Vec<Value> = KINDS
        .iter()
        .map(|&kind| {
            let id: &[u8] = if kind == Kind::State { &[] } else { &ID };
            let name = hex(&keys.name(kind, id));
            case(
                &format!("name of kind {}", kind as u8),
                true,
                json!({ "kind": kind as u8, "id": hex(id), "record": name }),
            )
        })
        .collect();
    for slot in [0, 1] {
        let cell = hex(&keys.anchor_cell(slot).0);
        made.push(case(&format!("anchor {slot}"), true, json!({ "anchor": slot, "cell": cell })));
    }
    let random = [0x51; 10];
    made.push(case("blob", true, json!({ "random": hex(&random), "blob": hex(&keys.blob_id(random).0) })));
    for (index, length) in [0usize, 1, 252, 253, 4092, 4093, 5000].into_iter().enumerate() {
        let salt = bytes_of(&format!("salt {index}"));
        let data = vec![0x5a; length];
        let value = sealed(&keys, index as u64 + 1, &data, &salt);
        made.push(case(
            &format!("record of {length} bytes"),
            true,
            json!({
                "kind": 2, "id": hex(&ID), "generation": index + 1, "salt": hex(&salt), "data": hex(&data),
                "value": hex(&value),
                "element": hex(&keys.element(&keys.name(Kind::Container, &ID), &value).unwrap().0),
            }),
        ));
    }
    made.push(sum_case());
    made.push(state_case());
    let (anchor, salt) = (keys.anchor_cell(1), bytes_of("anchor salt"));
    let value = keys.seal_anchor(&anchor, 7, b"state", &mut Script::new(&[&salt])).unwrap();
    made.push(case("anchor 1, sealed", true, json!({ "cell": hex(&anchor.0), "generation": 7, "salt": hex(&salt), "data": hex(b"state"), "value": hex(&value) })));
    let blob = keys.blob_id(random);
    let value = keys.seal_envelope(&blob, 1, b"record", &mut Script::new(&[&salt])).unwrap();
    made.push(case("envelope, second part", true, json!({ "blob": hex(&blob.0), "generation": 1, "salt": hex(&salt), "data": hex(b"record"), "value": hex(&value) })));
    made.push(key_file_case());
    made.extend(journal_cases(&keys));
    made.extend(faults(&keys));
    frame("store", "18", made)
}

fn sum_case() -> Value {
    let elements = [[0xff; 32], [0x80; 32], bytes_of("element")];
    let sum = elements.iter().fold(Sum::default(), |sum, element| sum.plus(Sum(*element)));
    let elements: Vec<String> = elements.iter().map(|element| hex(element)).collect();
    json!({ "name": "sum", "valid": true, "elements": elements, "sum": hex(&sum.0) })
}

fn state() -> State {
    State {
        sequence: 9,
        count: 3,
        sum: Sum(bytes_of("sum")),
        blobs: 1,
        time: Timestamp::from_millis(1_767_225_600_000),
        incomplete_since: None,
    }
}

fn state_case() -> Value {
    let state = state();
    json!({
        "name": "state", "valid": true, "sequence": state.sequence, "count": state.count,
        "sum": hex(&state.sum.0), "blobs": state.blobs, "time": state.time.as_millis(),
        "incomplete_since": 0, "state": hex(&state.encode()),
    })
}

fn key_file_case() -> Value {
    let salt = RootSalt(bytes_of("root salt"));
    let file = SealedKeyFile::from_bytes(key_file()).unwrap();
    let cells: Vec<String> = salt.cells(user()).iter().map(|cell| hex(&cell.0)).collect();
    json!({
        "name": "key file at rest", "valid": true, "user_id": hex(user().as_bytes()), "root_salt": hex(&salt.0),
        "salt_cell": hex(&salt.encode()), "cells": cells, "key_file": hex(&key_file()),
        "content": hex(&salt.seal(&file)),
    })
}

/// `N` bytes that a name gives.
fn long<const N: usize>(name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (number, piece) in bytes.chunks_mut(32).enumerate() {
        piece.copy_from_slice(&bytes_of(&format!("{name} {number}"))[..piece.len()]);
    }
    bytes
}

/// The first two entries of an upload's journal (§19), and an entry under another number.
fn journal_cases(keys: &StoreKeys) -> Vec<Value> {
    let journal: [u8; 16] = long("journal");
    let length = 9_000_000u64.to_be_bytes();
    let begin = [
        &long::<32>("id salt")[..],
        &long::<32>("content secret"),
        &long::<104>("clear header"),
        &long::<16>("upload id"),
        &length,
    ]
    .concat();
    let entry = |number: u64, data: &[u8], valid: bool| {
        let salt: [u8; 32] = bytes_of(&format!("journal salt {number}"));
        let value = keys.seal_journal(&journal, number, data, &mut Script::new(&[&salt])).unwrap();
        let name = format!("journal entry {number}{}", if valid { "" } else { " as another" });
        let generation = if valid { number } else { number + 1 };
        case(
            &name,
            valid,
            json!({
                "journal": hex(&journal), "generation": generation, "salt": hex(&salt), "data": hex(data),
                "value": hex(&value),
            }),
        )
    };
    let root: [u8; 48] = long("root of a part");
    vec![entry(0, &begin, true), entry(1, &root, true), entry(1, &root, false)]
}

/// One fault each: the value opens for nobody.
fn faults(keys: &StoreKeys) -> Vec<Value> {
    let salt = bytes_of("salt of faults");
    let value = sealed(keys, 3, b"data", &salt);
    let fault = |name: &str, id: &[u8], value: Vec<u8>| {
        case(name, false, json!({ "kind": 2, "id": hex(id), "value": hex(&value), "error": "degraded" }))
    };
    let flipped = |byte: usize| {
        let mut value = value.clone();
        value[byte] ^= 1;
        value
    };
    vec![
        fault("another record's value", &[0xc2; 16], value.clone()),
        fault("another generation", &ID, flipped(7)),
        fault("another salt", &ID, flipped(20)),
        fault("an altered byte", &ID, flipped(60)),
        fault("an altered tag", &ID, flipped(value.len() - 1)),
        fault("cut short", &ID, value[..value.len() - 1].to_vec()),
        fault("a byte too many", &ID, [&value[..], &[0]].concat()),
        fault("nothing", &ID, Vec::new()),
    ]
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        check_valid(case);
    }
    for case in cases(file, false) {
        let keys = keys_of(case);
        if case["journal"].is_string() {
            let number = case["generation"].as_u64().unwrap();
            let opened = keys.open_journal(&array(&case["journal"]), number, &unhex(&case["value"]));
            assert!(opened.is_none(), "{}", case["name"]);
            continue;
        }
        let name = keys.name(Kind::Container, &unhex(&case["id"]));
        assert!(keys.open_record(&name, &unhex(&case["value"])).is_none(), "{}", case["name"]);
    }
}

fn check_valid(case: &Value) {
    let name = case["name"].as_str().unwrap();
    if let Some(expected) = case["state"].as_str() {
        assert_eq!(State::decode(&unhex(&case["state"])), Ok(state()), "{name}");
        return assert_eq!(hex(&state().encode()), expected);
    }
    if let Some(elements) = case["elements"].as_array() {
        let sum = elements.iter().fold(Sum::default(), |sum, element| sum.plus(Sum(array(element))));
        return assert_eq!(sum.0, array(&case["sum"]), "{name}");
    }
    if case["root_salt"].is_string() {
        let (salt, user) = (RootSalt(array(&case["root_salt"])), UserId::from_bytes(array(&case["user_id"])));
        assert_eq!(RootSalt::decode(&unhex(&case["salt_cell"])), Some(salt), "{name}");
        let opened = salt.open(user, &unhex(&case["content"])).unwrap();
        return assert_eq!(opened.as_bytes(), unhex(&case["key_file"]), "{name}");
    }
    let keys = keys_of(case);
    if case["record"].is_string() {
        let kind = KINDS.into_iter().find(|kind| case["kind"] == *kind as u8).unwrap();
        return assert_eq!(keys.name(kind, &unhex(&case["id"])), unhex(&case["record"]), "{name}");
    }
    if let Some(slot) = case["anchor"].as_u64() {
        return assert_eq!(keys.anchor_cell(slot as u8).0, array(&case["cell"]), "{name}");
    }
    if case["random"].is_string() {
        let blob = BlobId(array(&case["blob"]));
        return assert!(keys.owns(&blob) && keys.blob_id(array(&case["random"])) == blob, "{name}");
    }
    let value = unhex(&case["value"]);
    let data = if case["cell"].is_string() {
        keys.open_anchor(&CellId(array(&case["cell"])), &value)
    } else if case["journal"].is_string() {
        keys.open_journal(&array(&case["journal"]), case["generation"].as_u64().unwrap(), &value)
    } else if case["blob"].is_string() {
        keys.open_envelope(&BlobId(array(&case["blob"])), case["generation"].as_u64().unwrap(), &value)
    } else {
        keys.open_record(&keys.name(Kind::Container, &unhex(&case["id"])), &value)
    };
    assert_eq!(data.map(|data| data.to_vec()), Some(unhex(&case["data"])), "{name}");
}
