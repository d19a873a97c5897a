//! Sealed messages (§8) and container data (§10).

use super::{Script, array, bytes_of, cases, frame, hex, plain, unhex};
use absio_proto::crypto::container::{Container, RawPayload};
use absio_proto::crypto::message::{MessageContext, SealedMessage, seal_message};
use absio_proto::crypto::suite::{SignatureLabel, sign};
use absio_proto::crypto::{ContainerKeys, Secret};
use absio_proto::model::{ContainerId, Timestamp, UserId};
use absio_proto::{CryptoError, Error};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde_json::{Value, json};
use x25519_dalek::{PublicKey, StaticSecret};

fn sender() -> SigningKey {
    SigningKey::from_bytes(&bytes_of("message sender"))
}

fn context() -> MessageContext {
    MessageContext {
        sender: UserId::from_digest(&[1; 48]),
        sender_index: 3,
        recipient: UserId::from_digest(&[2; 48]),
        recipient_index: 4,
        subject: [0x5b; 16],
        sent_at: Timestamp::from_millis(1_700_000_000_000),
    }
}

fn message(name: &str, plaintext: &[u8]) -> Value {
    let recipient = StaticSecret::from(bytes_of("message recipient"));
    let public = PublicKey::from(&recipient).to_bytes();
    let sealed = seal(plaintext, public, bytes_of("message ephemeral"));
    json!({
        "name": name, "valid": true, "kind": "message", "sender_seed": hex(sender().as_bytes()),
        "sender_public": hex(sender().verifying_key().as_bytes()),
        "recipient_secret": hex(recipient.as_bytes()), "ephemeral_secret": hex(&bytes_of("message ephemeral")),
        "plaintext": hex(plaintext), "message": hex(&sealed),
    })
}

fn seal(plaintext: &[u8], recipient: [u8; 32], ephemeral: [u8; 32]) -> Vec<u8> {
    let by = sender().verifying_key();
    let signed = |bytes: &[u8]| sign(&sender(), SignatureLabel::Message, bytes);
    seal_message(&context(), &by, &recipient, &Secret::new(ephemeral), plaintext, signed).unwrap()
}

fn container(name: &str, header: Option<Value>, content: Option<&[u8]>) -> Value {
    let keys = ContainerKeys::new(Secret::new(bytes_of("con header")), Secret::new(bytes_of("con content")));
    let id = ContainerId::from_digest(&[7; 48]);
    let mut sealed = Container::<RawPayload>::new().with_id(id);
    sealed.header = header.clone();
    sealed.content = content.map(<[u8]>::to_vec);
    let mut salts = Script::new(&[&bytes_of("con salt 1"), &bytes_of("con salt 2")]);
    let text = hex(&keys.to_bytes());
    sealed.encrypt(Some(keys), &mut salts).unwrap();
    json!({
        "name": name, "valid": true, "kind": "container", "container": id.to_string(), "keys": text,
        "header": header.map(|header| header.to_string()), "content": content.map(hex),
        "data": hex(sealed.data().unwrap()),
    })
}

fn fault(good: &Value, name: &str, error: &str, field: &str, edit: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut case = good.clone();
    case["name"] = format!("{}: {name}", good["name"].as_str().unwrap()).into();
    case["valid"] = false.into();
    case["error"] = error.into();
    for made_of in ["sender_seed", "ephemeral_secret", "plaintext", "header", "content"] {
        case.as_object_mut().unwrap().remove(made_of);
    }
    let mut bytes = unhex(&case[field]);
    edit(&mut bytes);
    case[field] = hex(&bytes).into();
    case
}

fn message_faults(good: &Value) -> Vec<Value> {
    let flip = |name: &str, position: usize, error: &str| {
        fault(good, name, error, "message", move |bytes| bytes[position] ^= 1)
    };
    let resign = |bytes: &mut Vec<u8>, key: &SigningKey| {
        let signed = bytes.len() - 64;
        let signature = sign(key, SignatureLabel::Message, &bytes[..signed]);
        bytes[signed..].copy_from_slice(&signature);
    };
    let mut stolen = fault(good, "signed again by another", "decrypt", "message", |bytes| {
        resign(bytes, &SigningKey::from_bytes(&[9; 32]));
    });
    stolen["sender_public"] = hex(SigningKey::from_bytes(&[9; 32]).verifying_key().as_bytes()).into();
    vec![
        flip("another magic", 0, "malformed"),
        flip("another suite", 5, "unknown_algorithm"),
        flip("sender", 6, "signature_invalid"),
        flip("recipient", 26, "signature_invalid"),
        flip("subject", 46, "signature_invalid"),
        flip("sent at", 69, "signature_invalid"),
        flip("enc", 70, "signature_invalid"),
        flip("length", 105, "malformed"),
        flip("ciphertext", 106, "signature_invalid"),
        fault(good, "signature", "signature_invalid", "message", |bytes| *bytes.last_mut().unwrap() ^= 1),
        fault(good, "a length over the limit", "malformed", "message", |bytes| bytes[102] = 0xff),
        fault(good, "a byte short", "malformed", "message", |bytes| bytes.truncate(bytes.len() - 1)),
        fault(good, "a byte long", "malformed", "message", |bytes| bytes.push(0)),
        fault(good, "tag altered and signed again", "decrypt", "message", |bytes| {
            let position = bytes.len() - 65;
            bytes[position] ^= 1;
            resign(bytes, &sender());
        }),
        fault(good, "enc of low order, signed again", "decrypt", "message", |bytes| {
            bytes[70..102].fill(0);
            resign(bytes, &sender());
        }),
        fault(good, "another recipient's secret", "decrypt", "recipient_secret", |bytes| bytes[1] ^= 1),
        fault(good, "another sender's key", "signature_invalid", "sender_public", |bytes| {
            *bytes = SigningKey::from_bytes(&[9; 32]).verifying_key().as_bytes().to_vec();
        }),
        stolen,
    ]
}

fn container_faults(good: &Value) -> Vec<Value> {
    let content_at = 8 + u32::from_be_bytes(unhex(&good["data"])[4..8].try_into().unwrap()) as usize;
    let mut named = fault(good, "another container expected", "decrypt", "data", |_| {});
    named["container"] = ContainerId::from_digest(&[8; 48]).to_string().into();
    vec![
        fault(good, "another magic", "malformed", "data", |data| data[3] ^= 1),
        fault(good, "a header length past the end", "malformed", "data", |data| data[5] = 1),
        fault(good, "a header length over the limit", "malformed", "data", |data| data[4] = 0xff),
        fault(good, "cut in the header", "malformed", "data", |data| data.truncate(content_at - 1)),
        fault(good, "cut in the content", "decrypt", "data", |data| data.truncate(data.len() - 1)),
        fault(good, "header altered", "decrypt", "data", move |data| data[content_at - 1] ^= 1),
        fault(good, "content altered", "decrypt", "data", |data| *data.last_mut().unwrap() ^= 1),
        fault(good, "the content in the header's place", "decrypt", "data", move |data| {
            let content = data[content_at..].to_vec();
            let length = u32::try_from(content.len()).unwrap();
            *data = [b"CON1", &length.to_be_bytes()[..], &content].concat();
        }),
        fault(good, "other keys", "decrypt", "keys", |keys| keys[6] ^= 1),
        named,
    ]
}

pub(super) fn generate() -> Value {
    let good = message("message", b"meet at noon");
    let shared =
        container("header and content", Some(json!({ "name": "a", "n": [1, 2.5, null] })), Some(b"content"));
    let mut all = vec![
        message("an empty message", b""),
        container("content only", None, Some(b"content")),
        container("header only", Some(json!("text")), None),
        container("a null header and an empty content", Some(Value::Null), Some(b"")),
        container("nothing", None, None),
    ];
    all.extend(message_faults(&good));
    all.extend(container_faults(&shared));
    all.extend([good, shared]);
    frame("MSG1, CON1", "8, 10", all)
}

fn open(case: &Value) -> Result<(), CryptoError> {
    if case["kind"] == "message" {
        let bytes = unhex(&case["message"]);
        let public = VerifyingKey::from_bytes(&array(&case["sender_public"])).unwrap();
        let secret = StaticSecret::from(array::<32>(&case["recipient_secret"]));
        let plaintext = SealedMessage::parse(&bytes)?.open(&public, &secret)?;
        assert_eq!(hex(&plaintext), case["plaintext"], "{}", case["name"]);
        return Ok(());
    }
    let id = case["container"].as_str().unwrap().parse().unwrap();
    let keys = ContainerKeys::from_bytes(&unhex(&case["keys"])).unwrap();
    let mut container = Container::<RawPayload>::from_data(unhex(&case["data"])).with_id(id);
    container.decrypt(Some(keys)).map_err(|error| match error {
        Error::Crypto(error) => error,
        other => panic!("{other}"),
    })?;
    let header = container.header.map(|header| header.to_string());
    assert_eq!(json!(header), case["header"], "{}", case["name"]);
    assert_eq!(json!(container.content.map(|content| hex(&content))), case["content"], "{}", case["name"]);
    Ok(())
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        assert_eq!(open(case), Ok(()), "{}", case["name"]);
        if case["kind"] == "message" {
            let bytes = unhex(&case["message"]);
            let ephemeral = array(&case["ephemeral_secret"]);
            let recipient = PublicKey::from(&StaticSecret::from(array::<32>(&case["recipient_secret"])));
            let plaintext = unhex(&case["plaintext"]);
            assert_eq!(seal(&plaintext, recipient.to_bytes(), ephemeral), bytes, "{}", case["name"]);
            let labels = ["message", "key/message"];
            let sender_public = array(&case["sender_public"]);
            let by_document = plain::wrapped(
                labels,
                &bytes[..106],
                ephemeral,
                recipient.to_bytes(),
                sender_public,
                &plaintext,
            );
            assert_eq!(by_document, bytes[..bytes.len() - 64], "{}: the document", case["name"]);
        }
    }
    for case in cases(file, false) {
        let error = open(case).map_err(|error| error.code());
        assert_eq!(error, Err(case["error"].as_str().unwrap()), "{}", case["name"]);
    }
}
