//! Login and retrieval proofs, and signed requests (§5).

use super::{array, bytes_of, cases, frame, hex, identity_card, unhex};
use absio_proto::crypto::{CardChain, KdfPolicy, LoginProof, RetrievalKey, RetrievalProof, SignedRequest};
use absio_proto::model::{ApiKey, Timestamp, UserId};
use serde_json::{Value, json};

const ORIGIN: &str = "https://absio.example:8443";
const PASSPHRASE: &str = "correct Horse battery 4 staple";

fn fields(kind: &str) -> Value {
    let ring = identity_card::ring();
    let mut case = json!({
        "valid": true, "kind": kind, "origin": ORIGIN, "user_id": ring.user_id().to_string(),
        "time": 1_700_000_123_456_u64,
    });
    if kind != "retrieval" {
        case["key_index"] = 1.into();
        case["cards"] = ring.chain().cards().iter().map(|card| hex(card)).collect();
    }
    if kind == "request" {
        case["idempotency_key"] = hex(&bytes_of("idempotency")[..16]).into();
        case["method"] = "PUT".into();
        case["path_and_query"] = "/v1/key-file?dry=0".into();
        case["body"] = hex(b"the body").into();
    } else {
        case["api_key"] = ApiKey::from_bytes([0x11; 16]).to_string().into();
        case["server_nonce"] = hex(&bytes_of("server nonce")).into();
        case["client_nonce"] = hex(&bytes_of("client nonce")).into();
    }
    case
}

fn text(case: &Value, field: &str) -> String {
    case[field].as_str().unwrap().into()
}

fn user(case: &Value) -> UserId {
    text(case, "user_id").parse().unwrap()
}

fn time(case: &Value) -> Timestamp {
    Timestamp::from_millis(case["time"].as_u64().unwrap())
}

fn index(case: &Value) -> u32 {
    case["key_index"].as_u64().unwrap().try_into().unwrap()
}

fn login(case: &Value) -> LoginProof {
    LoginProof {
        origin: text(case, "origin"),
        api_key: text(case, "api_key").parse().unwrap(),
        user_id: user(case),
        key_index: index(case),
        server_nonce: unhex(&case["server_nonce"]),
        client_nonce: array(&case["client_nonce"]),
        time: time(case),
    }
}

fn retrieval(case: &Value) -> RetrievalProof {
    RetrievalProof {
        origin: text(case, "origin"),
        api_key: text(case, "api_key").parse().unwrap(),
        user_id: user(case),
        server_nonce: unhex(&case["server_nonce"]),
        client_nonce: array(&case["client_nonce"]),
        time: time(case),
    }
}

fn request(case: &Value) -> SignedRequest {
    SignedRequest {
        origin: text(case, "origin"),
        user_id: user(case),
        key_index: index(case),
        idempotency_key: array(&case["idempotency_key"]),
        method: text(case, "method"),
        path_and_query: text(case, "path_and_query"),
        body_hash: SignedRequest::body_hash(&unhex(&case["body"])),
        time: time(case),
    }
}

fn payload(case: &Value) -> Vec<u8> {
    match text(case, "kind").as_str() {
        "login" => login(case).payload(),
        "retrieval" => retrieval(case).payload(),
        _ => request(case).payload(),
    }
}

fn retrieval_key(case: &Value) -> RetrievalKey {
    let policy = KdfPolicy::default();
    RetrievalKey::derive(&text(case, "passphrase"), &text(case, "origin"), user(case), &policy)
}

fn signed(kind: &str) -> Value {
    let mut case = fields(kind);
    let ring = identity_card::ring();
    case["name"] = kind.into();
    let signature = match kind {
        "login" => login(&case).sign(&ring).unwrap(),
        "retrieval" => {
            case["passphrase"] = PASSPHRASE.into();
            let key = retrieval_key(&case);
            case["public"] = hex(&key.public()).into();
            retrieval(&case).sign(&key)
        }
        _ => request(&case).sign(&ring).unwrap(),
    };
    case["payload"] = hex(&payload(&case)).into();
    case["signature"] = hex(&signature).into();
    case
}

/// Every field altered by itself, and the signature; then a proof of each kind taken for another.
fn faults(good: &Value) -> Vec<Value> {
    let kind = text(good, "kind");
    let names = [
        "origin",
        "api_key",
        "user_id",
        "key_index",
        "server_nonce",
        "client_nonce",
        "time",
        "signature",
        "idempotency_key",
        "method",
        "path_and_query",
        "body",
        "public",
    ];
    let present = names.iter().filter(|name| !good[**name].is_null());
    present
        .map(|name| {
            let mut case = good.clone();
            case["name"] = format!("{kind}: {name} altered").into();
            case["valid"] = false.into();
            case["error"] = "signature_invalid".into();
            case.as_object_mut().unwrap().remove("payload");
            case.as_object_mut().unwrap().remove("passphrase");
            match *name {
                "time" => case["time"] = (good["time"].as_u64().unwrap() + 1).into(),
                "key_index" => {
                    case["key_index"] = 2.into();
                    case["error"] = "key_not_valid".into();
                }
                "user_id" => {
                    case["user_id"] = UserId::from_bytes([0x80; 16]).to_string().into();
                    if kind != "retrieval" {
                        case["error"] = "key_not_valid".into();
                    }
                }
                "public" => {
                    case["public"] = hex(&[&[1][..], &[0; 31]].concat()).into();
                    case["error"] = "weak_key".into();
                }
                "origin" => case["origin"] = "https://absio.example".into(),
                "method" => case["method"] = "DELETE".into(),
                "path_and_query" => case["path_and_query"] = "/v1/key-file".into(),
                "api_key" => case["api_key"] = ApiKey::from_bytes([0x12; 16]).to_string().into(),
                _ => {
                    let mut bytes = unhex(&good[*name]);
                    bytes[0] ^= 1;
                    case[*name] = hex(&bytes).into();
                }
            }
            case
        })
        .collect()
}

pub(super) fn generate() -> Value {
    let good = ["login", "retrieval", "request"].map(signed);
    let faults: Vec<_> = good.iter().flat_map(faults).collect();
    frame("proofs", "5", good.into_iter().chain(faults).collect())
}

fn verify(case: &Value) -> Result<(), &'static str> {
    let signature = array(&case["signature"]);
    let chain = || {
        let cards: Vec<_> = case["cards"].as_array().unwrap().iter().map(unhex).collect();
        CardChain::first_contact(&cards).unwrap()
    };
    match text(case, "kind").as_str() {
        "login" => login(case).verify(&chain(), &signature),
        "retrieval" => retrieval(case).verify(&array(&case["public"]), &signature),
        _ => request(case).verify(&chain(), &signature),
    }
    .map_err(|error| error.code())
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        assert_eq!(payload(case), unhex(&case["payload"]), "{}", case["name"]);
        assert_eq!(verify(case), Ok(()), "{}", case["name"]);
        if case["passphrase"].is_string() {
            assert_eq!(retrieval_key(case).public(), array(&case["public"]));
        }
    }
    for case in cases(file, false) {
        assert_eq!(verify(case), Err(case["error"].as_str().unwrap()), "{}", case["name"]);
    }
}
