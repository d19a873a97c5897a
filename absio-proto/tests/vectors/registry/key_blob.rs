//! Container ids, container keys, key blobs (§6, §7).

use super::{array, bytes_of, cases, frame, hex, plain, unhex};
use absio_proto::CryptoError;
use absio_proto::crypto::key_blob::{BlobContext, blob_hash, open_blob, seal_blobs};
use absio_proto::crypto::{ContainerKeys, MacIndex, Secret, check_container_id, container_id};
use absio_proto::model::{ContainerId, UserId};
use serde_json::{Value, json};
use x25519_dalek::{PublicKey, StaticSecret};

fn user(byte: u8) -> UserId {
    UserId::from_digest(&[byte; 48])
}

fn id_case() -> Value {
    let (creator, salt) = (user(1), bytes_of("id salt"));
    json!({
        "name": "container id", "valid": true, "kind": "container_id",
        "creator": creator.to_string(), "salt": hex(&salt), "container": container_id(creator, &salt).to_string(),
    })
}

fn keys_case(name: &str, mac_index: MacIndex) -> Value {
    let secrets = [bytes_of("header secret"), bytes_of("content secret")].map(Secret::new);
    let [header, content] = secrets;
    let keys = ContainerKeys::new(header, content).with_mac_index(mac_index);
    json!({
        "name": name, "valid": true, "kind": "container_keys", "mac_index": mac_index.as_byte(),
        "header_secret": hex(keys.header_secret().expose()),
        "content_secret": hex(keys.content_secret().expose()), "bytes": hex(&keys.to_bytes()),
    })
}

fn blob_case(name: &str, mac_index: MacIndex) -> Value {
    let recipient = StaticSecret::from(bytes_of("recipient"));
    let sender = ed25519_dalek::SigningKey::from_bytes(&bytes_of("sender")).verifying_key();
    let mut case = json!({
        "name": name, "valid": true, "kind": "key_blob",
        "container": ContainerId::from_bytes([0xc0; 16]).to_string(), "header_epoch": 3, "content_epoch": 4,
        "sender": user(1).to_string(), "sender_index": 5, "sender_public": hex(sender.as_bytes()),
        "recipient": user(2).to_string(), "recipient_index": 6,
        "recipient_public": hex(PublicKey::from(&recipient).as_bytes()),
        "recipient_secret": hex(&bytes_of("recipient")), "ephemeral_secret": hex(&bytes_of("ephemeral")),
        "keys": keys_case("", mac_index)["bytes"],
    });
    let blob = seal(&case);
    case["blob"] = hex(&blob).into();
    case["blob_hash"] = hex(&blob_hash(&blob)).into();
    case
}

fn context(case: &Value) -> BlobContext {
    let id = |field: &str| case[field].as_str().unwrap().parse().unwrap();
    let index = |field: &str| case[field].as_u64().unwrap().try_into().unwrap();
    BlobContext {
        container: case["container"].as_str().unwrap().parse().unwrap(),
        header_epoch: case["header_epoch"].as_u64().unwrap(),
        content_epoch: case["content_epoch"].as_u64().unwrap(),
        sender: id("sender"),
        sender_index: index("sender_index"),
        sender_public: array(&case["sender_public"]),
        recipient: id("recipient"),
        recipient_index: index("recipient_index"),
        recipient_public: array(&case["recipient_public"]),
    }
}

fn seal(case: &Value) -> Vec<u8> {
    let keys = ContainerKeys::from_bytes(&unhex(&case["keys"])).unwrap();
    seal_blobs(&keys, &Secret::new(array(&case["ephemeral_secret"])), &[context(case)]).unwrap().remove(0)
}

fn by_the_document(case: &Value) -> Vec<u8> {
    let context = context(case);
    let keys = unhex(&case["keys"]);
    let ephemeral: [u8; 32] = array(&case["ephemeral_secret"]);
    let enc = PublicKey::from(&StaticSecret::from(ephemeral)).to_bytes();
    let clear = [
        b"KBL1",
        &1_u16.to_be_bytes()[..],
        &keys[4..6],
        context.container.as_bytes(),
        &context.header_epoch.to_be_bytes(),
        &context.content_epoch.to_be_bytes(),
        context.sender.as_bytes(),
        &context.sender_index.to_be_bytes(),
        context.recipient.as_bytes(),
        &context.recipient_index.to_be_bytes(),
        &enc,
    ]
    .concat();
    let publics = (context.recipient_public, context.sender_public);
    plain::wrapped(["keyblob", "key/keyblob"], &clear, ephemeral, publics.0, publics.1, &keys[6..])
}

fn fault(good: &Value, name: &str, error: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let mut case = good.clone();
    case["name"] = format!("{}: {name}", good["name"].as_str().unwrap()).into();
    case["valid"] = false.into();
    case["error"] = error.into();
    case.as_object_mut().unwrap().remove("ephemeral_secret");
    edit(&mut case);
    case
}

fn edited(field: &'static str, edit: impl FnOnce(&mut Vec<u8>)) -> impl FnOnce(&mut Value) {
    move |case| {
        let mut bytes = unhex(&case[field]);
        edit(&mut bytes);
        case[field] = hex(&bytes).into();
    }
}

fn blob_faults(good: &Value) -> Vec<Value> {
    let regions = [
        (0, "magic"),
        (5, "suite"),
        (6, "cipher_index"),
        (7, "mac_index"),
        (8, "container"),
        (31, "header epoch"),
        (39, "content epoch"),
        (40, "sender"),
        (59, "sender index"),
        (60, "recipient"),
        (79, "recipient index"),
        (80, "enc"),
        (112, "first secret"),
        (175, "second secret"),
        (176, "tag"),
        (223, "last byte"),
    ];
    let flips = regions.map(|(position, name)| {
        fault(
            good,
            &format!("{name} altered in the blob"),
            "decrypt",
            edited("blob", |blob| blob[position] ^= 1),
        )
    });
    let other = [
        ("container", json!(ContainerId::from_bytes([0xc1; 16]).to_string())),
        ("header_epoch", json!(4)),
        ("content_epoch", json!(5)),
        ("sender", json!(user(9).to_string())),
        ("sender_index", json!(6)),
        ("sender_public", json!(hex(&[7; 32]))),
        ("recipient", json!(user(9).to_string())),
        ("recipient_index", json!(7)),
        ("recipient_public", json!(hex(&[9; 32]))),
        ("recipient_secret", json!(hex(&bytes_of("another")))),
    ];
    let contexts = other.map(|(field, value)| {
        fault(good, &format!("another {field} expected"), "decrypt", |case| case[field] = value)
    });
    let lengths = [
        fault(good, "a byte short", "decrypt", edited("blob", |blob| blob.truncate(blob.len() - 1))),
        fault(good, "a byte long", "decrypt", edited("blob", |blob| blob.push(0))),
        fault(good, "empty", "decrypt", edited("blob", Vec::clear)),
        fault(good, "enc all zero", "decrypt", edited("blob", |blob| blob[80..112].fill(0))),
        fault(good, "enc not canonical", "decrypt", edited("blob", |blob| blob[111] |= 0x80)),
    ];
    flips.into_iter().chain(contexts).chain(lengths).collect()
}

pub(super) fn generate() -> Value {
    let (id, keys) = (id_case(), keys_case("container keys", MacIndex::HmacSha256));
    let blob = blob_case("key blob", MacIndex::HmacSha256);
    let mut all = vec![
        fault(&id, "another creator", "foreign_container_id", |case| {
            case["creator"] = user(2).to_string().into()
        }),
        fault(&id, "another salt", "foreign_container_id", edited("salt", |salt| salt[0] ^= 1)),
        fault(&keys, "another magic", "malformed", edited("bytes", |bytes| bytes[0] ^= 1)),
        fault(&keys, "a byte short", "malformed", edited("bytes", |bytes| bytes.truncate(bytes.len() - 1))),
        fault(&keys, "a byte long", "malformed", edited("bytes", |bytes| bytes.push(0))),
        fault(&keys, "cipher 1", "unknown_algorithm", edited("bytes", |bytes| bytes[4] = 1)),
        fault(&keys, "MAC 2", "unknown_algorithm", edited("bytes", |bytes| bytes[5] = 2)),
    ];
    all.extend(blob_faults(&blob));
    all.push(keys_case("container keys with HMAC-SHA-384", MacIndex::HmacSha384));
    all.push(blob_case("key blob with HMAC-SHA-384", MacIndex::HmacSha384));
    all.extend([id, keys, blob]);
    frame("container id, CKY1, KBL1", "6, 7", all)
}

fn opened(case: &Value) -> Result<(), CryptoError> {
    match case["kind"].as_str().unwrap() {
        "container_id" => {
            let [container, creator] = ["container", "creator"].map(|field| case[field].as_str().unwrap());
            check_container_id(container.parse().unwrap(), creator.parse().unwrap(), &array(&case["salt"]))
        }
        "container_keys" => ContainerKeys::from_bytes(&unhex(&case["bytes"])).map(drop),
        _ => {
            let secret = StaticSecret::from(array::<32>(&case["recipient_secret"]));
            let keys = open_blob(&unhex(&case["blob"]), &context(case), &secret)?;
            assert_eq!(hex(&keys.to_bytes()), case["keys"], "{}", case["name"]);
            Ok(())
        }
    }
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        assert_eq!(opened(case), Ok(()), "{}", case["name"]);
        match case["kind"].as_str().unwrap() {
            "container_keys" => {
                let keys = ContainerKeys::from_bytes(&unhex(&case["bytes"])).unwrap();
                assert_eq!(hex(keys.header_secret().expose()), case["header_secret"]);
                assert_eq!(hex(keys.content_secret().expose()), case["content_secret"]);
                assert_eq!(keys.mac_index().as_byte(), case["mac_index"]);
            }
            "key_blob" => {
                assert_eq!(hex(&seal(case)), case["blob"], "{}", case["name"]);
                assert_eq!(hex(&by_the_document(case)), case["blob"], "{}: the document", case["name"]);
                assert_eq!(hex(&plain::h("blob", &[&unhex(&case["blob"])])), case["blob_hash"]);
            }
            _ => {}
        }
    }
    for case in cases(file, false) {
        let error = opened(case).map_err(|error| error.code());
        assert_eq!(error, Err(case["error"].as_str().unwrap()), "{}", case["name"]);
    }
}
