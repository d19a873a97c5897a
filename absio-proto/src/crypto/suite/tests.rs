//! Separation by purpose: every label with every other (security case 57 and `mc_label_matrix`).

use super::*;
use std::collections::BTreeSet;

const SEED: [u8; 32] = [5; 32];

#[test]
fn mc_label_matrix_signatures() {
    let key = SigningKey::from_bytes(&SEED);
    for made in SignatureLabel::ALL {
        let signature = sign(&key, *made, b"payload");
        for taken in SignatureLabel::ALL {
            let accepted = verify(&key.verifying_key(), *taken, b"payload", &signature, "test").is_ok();
            assert_eq!(accepted, made == taken, "{made:?} taken for {taken:?}");
        }
        let raw = ed25519_dalek::Signature::from_bytes(&signature);
        assert!(
            key.verifying_key().verify_strict(b"payload", &raw).is_err(),
            "a label signs the bare payload"
        );
    }
}

#[test]
fn mc_label_matrix_hashes_and_keys() {
    let mut outputs = BTreeSet::new();
    for label in HashLabel::ALL {
        assert!(outputs.insert(hash(*label, &[b"input"]).to_vec()), "hash {label:?}");
        let prk = extract(*label, &[b"input"]);
        assert!(outputs.insert(prk.expose().to_vec()), "extract {label:?}");
        for key_label in KeyLabel::ALL {
            let key: Secret<32> = expand(&prk, *key_label, &[b"context"]);
            assert!(outputs.insert(key.expose().to_vec()), "expand {label:?} {key_label:?}");
        }
    }
    let count = HashLabel::ALL.len() * (2 + KeyLabel::ALL.len());
    assert_eq!(outputs.len(), count);
}

#[test]
fn mc_label_matrix_no_text_begins_another() {
    let hashes = HashLabel::ALL.iter().map(|label| labelled(b"", label.text()));
    let keys = KeyLabel::ALL.iter().map(|label| labelled(b"", label.text()));
    let signatures = SignatureLabel::ALL.iter().map(|label| labelled(b"sig/", label.text()));
    let texts: Vec<Vec<u8>> = hashes.chain(keys).chain(signatures).collect();
    for (index, one) in texts.iter().enumerate() {
        assert!(one.starts_with(NAMESPACE) && one.ends_with(&[0]));
        assert_eq!(one.iter().filter(|byte| **byte == 0).count(), 1, "a label holds its terminator");
        for (other_index, other) in texts.iter().enumerate() {
            assert!(index == other_index || !other.starts_with(one), "{one:?} begins {other:?}");
        }
    }
}

#[test]
fn every_label_stands_in_the_document() {
    let document = include_str!("../../../../docs/protocol.md");
    let names = HashLabel::ALL.iter().map(|label| label.text());
    let names = names.chain(KeyLabel::ALL.iter().map(|label| label.text()));
    for name in names.chain(SignatureLabel::ALL.iter().map(|label| label.text())) {
        assert!(document.contains(&format!("| `{name}` |")), "{name} is not in the table of labels");
    }
}

#[test]
fn a_context_in_parts_is_its_concatenation() {
    let prk = extract(HashLabel::Segment, &[b"in", b"put"]);
    assert_eq!(prk, extract(HashLabel::Segment, &[b"input"]));
    let whole: Secret<80> = expand(&prk, KeyLabel::Segment, &[b"context"]);
    assert_eq!(whole, expand(&prk, KeyLabel::Segment, &[b"con", b"", b"text"]));
    assert_eq!(hash(HashLabel::Card, &[b"in", b"put"]), hash(HashLabel::Card, &[b"input"]));
}
