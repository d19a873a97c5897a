//! Hashes and signatures under every label (§2).

use super::{array, cases, frame, hex, unhex};
use absio_proto::crypto::suite::{self, HashLabel, SignatureLabel};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

const PAYLOAD: &[u8] = b"payload";

pub(super) fn generate() -> Value {
    let key = SigningKey::from_bytes(&super::bytes_of("labels signing key"));
    let hashes = HashLabel::ALL.iter().map(|&label| {
        json!({
            "name": format!("hash {}", label.text()), "valid": true, "label": label.text(),
            "input": hex(PAYLOAD), "hash": hex(&suite::hash(label, &[PAYLOAD])),
        })
    });
    let signatures = SignatureLabel::ALL.iter().map(|&label| signature_case(&key, label, label));
    let crossed = SignatureLabel::ALL.iter().zip(SignatureLabel::ALL.iter().cycle().skip(1));
    let crossed = crossed.map(|(&made, &taken)| signature_case(&key, made, taken));
    frame("labels", "2", hashes.chain(signatures).chain(crossed).collect())
}

fn signature_case(key: &SigningKey, made: SignatureLabel, taken: SignatureLabel) -> Value {
    let signature = suite::sign(key, made, PAYLOAD);
    let mut case = json!({
        "name": format!("sign {} taken for {}", made.text(), taken.text()), "valid": made == taken,
        "purpose": taken.text(), "payload": hex(PAYLOAD), "public": hex(key.verifying_key().as_bytes()),
        "signature": hex(&signature),
    });
    if made == taken {
        case["seed"] = hex(key.as_bytes()).into();
    } else {
        case["error"] = "signature_invalid".into();
    }
    case
}

fn purpose(case: &Value) -> SignatureLabel {
    *SignatureLabel::ALL.iter().find(|label| case["purpose"] == label.text()).unwrap()
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        if let Some(label) = case["label"].as_str() {
            let label = *HashLabel::ALL.iter().find(|known| known.text() == label).unwrap();
            assert_eq!(
                suite::hash(label, &[&unhex(&case["input"])]),
                array(&case["hash"]),
                "{}",
                case["name"]
            );
        } else {
            let key = SigningKey::from_bytes(&array(&case["seed"]));
            assert_eq!(key.verifying_key().to_bytes(), array(&case["public"]));
            let signature = suite::sign(&key, purpose(case), &unhex(&case["payload"]));
            assert_eq!(signature, array(&case["signature"]), "{}", case["name"]);
            assert_eq!(verify(case), Ok(()), "{}", case["name"]);
        }
    }
    for case in cases(file, false) {
        assert_eq!(verify(case), Err(case["error"].as_str().unwrap()), "{}", case["name"]);
    }
}

fn verify(case: &Value) -> Result<(), &'static str> {
    let key = absio_proto::crypto::public_key::import_signing(&array(&case["public"])).unwrap();
    suite::verify(&key, purpose(case), &unhex(&case["payload"]), &array(&case["signature"]), "vector")
        .map_err(|error| error.code())
}
