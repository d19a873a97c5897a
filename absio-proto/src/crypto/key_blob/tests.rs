use super::*;

struct Party {
    id: UserId,
    secret: StaticSecret,
    public: [u8; 32],
}

fn party(number: u8) -> Party {
    let secret = StaticSecret::from([number; 32]);
    let public = x25519_dalek::PublicKey::from(&secret).to_bytes();
    Party { id: UserId::from_bytes([number; 16]), secret, public }
}

fn context(recipient: &Party) -> BlobContext {
    BlobContext {
        container: ContainerId::from_bytes([9; 16]),
        header_epoch: 3,
        content_epoch: 4,
        sender: UserId::from_bytes([1; 16]),
        sender_index: 5,
        sender_public: [0x51; 32],
        recipient: recipient.id,
        recipient_index: 6,
        recipient_public: recipient.public,
    }
}

fn keys() -> ContainerKeys {
    ContainerKeys::new(Secret::new([0xa1; 32]), Secret::new([0xa2; 32]))
}

fn sealed(context: &BlobContext) -> Vec<u8> {
    seal_blobs(&keys(), &Secret::new([0xee; 32]), &[*context]).unwrap().remove(0)
}

#[test]
fn s112_the_recipient_opens_and_nobody_else() {
    let (bob, carol) = (party(2), party(3));
    let blob = sealed(&context(&bob));
    assert_eq!(blob.len(), KEY_BLOB_LENGTH);
    assert_eq!(KEY_BLOB_LENGTH, 224);
    assert!(open_blob(&blob, &context(&bob), &bob.secret).unwrap() == keys());
    assert_eq!(open_blob(&blob, &context(&bob), &carol.secret).unwrap_err(), CryptoError::Decrypt);
}

#[test]
fn one_ephemeral_serves_all_recipients_and_mac_index_travels() {
    let parties = [party(2), party(3), party(4)];
    let keys = keys().with_mac_index(MacIndex::HmacSha384);
    let contexts: Vec<_> = parties.iter().map(context).collect();
    let blobs = seal_blobs(&keys, &Secret::new([0xee; 32]), &contexts).unwrap();
    for ((party, context), blob) in parties.iter().zip(&contexts).zip(&blobs) {
        assert!(open_blob(blob, context, &party.secret).unwrap() == keys);
    }
    assert_eq!(blobs[0][80..112], blobs[1][80..112], "enc is shared");
    assert_ne!(blobs[0][112..], blobs[1][112..]);
}

/// Every other context refuses the blob, each field by itself. `weakened` is the negative control:
/// an opener that believed the wire (the context the blob was made for) would accept them all.
fn refused_in(other: BlobContext) {
    let bob = party(2);
    let blob = sealed(&context(&bob));
    assert_eq!(open_blob(&blob, &other, &bob.secret).unwrap_err(), CryptoError::Decrypt);
    let weakened = open_blob(&blob, &context(&bob), &bob.secret);
    assert!(weakened.is_ok(), "the blob is consistent in itself");
}

/// Security case 13.
#[test]
fn ms_blob_cross_container() {
    refused_in(BlobContext { container: ContainerId::from_bytes([8; 16]), ..context(&party(2)) });
}

/// Security case 14.
#[test]
fn ms_blob_old_epoch() {
    refused_in(BlobContext { header_epoch: 4, ..context(&party(2)) });
    refused_in(BlobContext { content_epoch: 5, ..context(&party(2)) });
}

/// Security case 15.
#[test]
fn ms_blob_cross_recipient() {
    let (bob, carol) = (party(2), party(3));
    refused_in(BlobContext { recipient: carol.id, ..context(&bob) });
    refused_in(BlobContext { recipient_index: 7, ..context(&bob) });
    refused_in(BlobContext { recipient_public: carol.public, ..context(&bob) });
}

/// Security case 17, as far as the blob itself tells: another author is another KDF context.
#[test]
fn mp_steal_authorship_in_the_blob() {
    let bob = party(2);
    refused_in(BlobContext { sender: UserId::from_bytes([0xe; 16]), ..context(&bob) });
    refused_in(BlobContext { sender_index: 1, ..context(&bob) });
    refused_in(BlobContext { sender_public: [0xe; 32], ..context(&bob) });
}

/// A blob as somebody else makes it for `target`, "from Alice", of keys that he knows.
fn made_by_somebody_else(target: &Party) -> Vec<u8> {
    seal_blobs(&keys(), &Secret::new([0x77; 32]), &[context(target)]).unwrap().remove(0)
}

/// Security case 16 with F4: Bob re-wraps Alice's keys for Carol as from Alice. The wrap itself cannot
/// stop a holder of the keys; the signed hash of the blob does.
#[test]
fn mp_forward_blob() {
    let (bob, carol) = (party(2), party(3));
    let signed = [&bob, &carol].map(|party| blob_hash(&sealed(&context(party))));
    let forged = made_by_somebody_else(&carol);
    let weakened = open_blob(&forged, &context(&carol), &carol.secret);
    assert!(weakened.is_ok_and(|opened| opened == keys()), "negative control: the wrap alone accepts");
    assert!(!signed.contains(&blob_hash(&forged)), "the manifest's hash does not");
    // What Alice made for Bob is not Carol's either.
    let forwarded = sealed(&context(&bob));
    assert_eq!(open_blob(&forwarded, &context(&carol), &carol.secret).unwrap_err(), CryptoError::Decrypt);
}

/// Security case 18: whoever has Bob's derivation secret makes blobs for Bob "from Alice". Nothing
/// symmetric between Bob and Alice vouches for Alice; her signature over the blob's hash does.
#[test]
fn mp_kci_forgery() {
    let bob = party(2);
    let stolen = StaticSecret::from(bob.secret.to_bytes());
    let genuine = sealed(&context(&bob));
    let signed = blob_hash(&genuine);
    assert!(open_blob(&genuine, &context(&bob), &stolen).is_ok(), "the thief reads what Bob reads");
    let others = ContainerKeys::new(Secret::new([0x0e; 32]), Secret::new([0x0f; 32]));
    for keys in [keys(), others] {
        let forged = seal_blobs(&keys, &Secret::new([0x77; 32]), &[context(&bob)]).unwrap().remove(0);
        let weakened = open_blob(&forged, &context(&bob), &bob.secret);
        assert!(weakened.is_ok_and(|opened| opened == keys), "negative control: the wrap alone accepts");
        assert_ne!(blob_hash(&forged), signed, "Alice did not sign this one");
    }
}

/// Security case 19: one blob opens under one key only, and has one length.
#[test]
fn mp_ambiguous_blob() {
    let (bob, carol) = (party(2), party(3));
    let blob = sealed(&context(&bob));
    assert!(open_blob(&blob, &context(&bob), &bob.secret).is_ok(), "negative control");
    // Under other keys the tag does not hold, whatever a second reader is told about the context.
    for number in 3..=255 {
        let other = party(number);
        for context in [context(&bob), context(&other)] {
            assert_eq!(open_blob(&blob, &context, &other.secret).unwrap_err(), CryptoError::Decrypt);
        }
    }
    assert!(open_blob(&blob, &context(&carol), &carol.secret).is_err());
    for length in (0..blob.len()).chain([blob.len() + 1, blob.len() * 2]) {
        let mut other = blob.clone();
        other.resize(length, 0);
        assert!(open_blob(&other, &context(&bob), &bob.secret).is_err(), "{length} bytes");
    }
}

/// Security case 20: all 1,792 single-bit flips (64 bytes fewer than the table's figure: F4).
#[test]
fn ms_blob_bitflip_all() {
    let bob = party(2);
    let blob = sealed(&context(&bob));
    let mut accepted = 0;
    for bit in 0..blob.len() * 8 {
        let mut altered = blob.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        // Security case 21: and each gives the same error.
        match open_blob(&altered, &context(&bob), &bob.secret) {
            Err(CryptoError::Decrypt) => {}
            _ => accepted += 1,
        }
    }
    assert_eq!((accepted, blob.len() * 8), (0, 1792));
    assert!(open_blob(&blob, &context(&bob), &bob.secret).is_ok());
}

/// Security case 8 in a blob: an `enc` of low order, and a recipient key of low order.
#[test]
fn mp_low_order_enc() {
    let bob = party(2);
    assert!(open_blob(&sealed(&context(&bob)), &context(&bob), &bob.secret).is_ok(), "negative control");
    let mut one = [0; 32];
    one[0] = 1;
    let mut high_bit = bob.public;
    high_bit[31] |= 0x80;
    for low in [[0; 32], one] {
        let mut blob = sealed(&context(&bob));
        blob[80..112].copy_from_slice(&low);
        assert!(open_blob(&blob, &context(&bob), &bob.secret).is_err());
    }
    for weak in [[0; 32], one, high_bit] {
        let context = BlobContext { recipient_public: weak, ..context(&bob) };
        let error = seal_blobs(&keys(), &Secret::new([0xee; 32]), &[context]).unwrap_err();
        assert_eq!(error, CryptoError::WeakKey);
    }
}

/// Security case 21: forty kinds of fault, one error, and the same words to whoever asked.
#[test]
fn ms_error_uniformity() {
    let bob = party(2);
    let good = sealed(&context(&bob));
    let mut faults: Vec<Vec<u8>> = Vec::new();
    for position in (0..good.len()).step_by(7) {
        let mut altered = good.clone();
        altered[position] = !altered[position];
        faults.push(altered);
    }
    faults.extend([0, 1, 111, 112, 223].map(|length| good[..length].to_vec()));
    faults.push([&good[..], &[0]].concat());
    faults.push(vec![0; KEY_BLOB_LENGTH]);
    let low_order = [&good[..80], &[0; 32], &good[112..]].concat();
    faults.push(low_order);
    assert!(faults.len() >= 40, "{} kinds", faults.len());
    let words = CryptoError::Decrypt.to_string();
    for fault in faults {
        let error = open_blob(&fault, &context(&bob), &bob.secret).unwrap_err();
        assert_eq!((&error, error.to_string()), (&CryptoError::Decrypt, words.clone()));
    }
    assert!(open_blob(&good, &context(&bob), &bob.secret).is_ok(), "negative control");
}
