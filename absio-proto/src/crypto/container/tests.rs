use super::*;
use crate::crypto::algorithm::MacIndex;
use crate::crypto::test_entropy::TestEntropy;
use crate::limits;
use serde_json::json;

fn sample() -> Container {
    Container::new().with_header(json!({"name": "a"})).with_content(b"content".to_vec())
}

fn encrypted() -> Container {
    let mut container = sample();
    container.encrypt(None, &mut TestEntropy::new(1)).unwrap();
    container
}

fn keys(byte: u8) -> ContainerKeys {
    ContainerKeys::new(Secret::new([byte; 32]), Secret::new([byte + 1; 32]))
}

#[test]
fn s084_data_alone_is_an_encrypted_container() {
    let container: Container = Container::from_data(vec![1, 2, 3]);
    assert!(container.encrypted());
    assert!(container.content.is_none() && container.header.is_none());
}

#[test]
fn s085_fields_make_an_unencrypted_container() {
    let id = ContainerId::from_bytes([1; 16]);
    let container = sample().with_id(id).with_type("t");
    assert!(!container.encrypted());
    assert_eq!((container.id, container.container_type.as_deref()), (Some(id), Some("t")));
    assert_eq!(container.content.as_deref(), Some(&b"content"[..]));
}

#[test]
fn s086_the_payload_type_reads_the_content() {
    let mut container = Container::<JsonPayload>::new().with_content(json!({"a": 1}));
    let keys = container.encrypt(None, &mut TestEntropy::new(1)).unwrap().duplicate();
    let data = container.into_data().unwrap();
    let mut json = Container::<JsonPayload>::from_data(data.clone());
    json.decrypt(Some(keys.duplicate())).unwrap();
    assert_eq!(json.content, Some(JsonPayload(json!({"a": 1}))));
    let mut raw: Container = Container::from_data(data);
    raw.decrypt(Some(keys)).unwrap();
    assert_eq!(raw.content.as_deref(), Some(&br#"{"a":1}"#[..]));

    let mut text = Container::<RawPayload>::new().with_content(b"not json".to_vec());
    let keys = text.encrypt(None, &mut TestEntropy::new(1)).unwrap().duplicate();
    let mut json = Container::<JsonPayload>::from_data(text.into_data().unwrap());
    assert_eq!(json.decrypt(Some(keys)), Err(CryptoError::Decrypt.into()));
    assert!(json.encrypted(), "it stays as it was");
}

#[test]
fn s087_s088_encrypt_draws_keys_and_keeps_them() {
    let mut entropy = TestEntropy::new(1);
    let (mut first, mut second) = (sample(), sample());
    assert!(first.container_keys().is_none());
    let one = first.encrypt(None, &mut entropy).unwrap().duplicate();
    let two = second.encrypt(None, &mut entropy).unwrap().duplicate();
    assert!(one != two && first.container_keys() == Some(&one));
    assert!(first.encrypted() && first.data().is_some());
    assert!(first.encrypt(None, &mut entropy).is_err(), "twice in a row");
}

/// S-041, S-089 and security case 27: with the same keys, every byte of ciphertext differs.
#[test]
fn s041_s089_mc_reencrypt_same_keys_differs() {
    let mut entropy = TestEntropy::new(1);
    let (mut first, mut second) = (sample(), sample());
    assert!(*first.encrypt(Some(keys(1)), &mut entropy).unwrap() == keys(1));
    assert!(*second.encrypt(Some(keys(1)), &mut entropy).unwrap() == keys(1));
    let one = ContainerData::split(first.data().unwrap()).unwrap().content.unwrap();
    let two = ContainerData::split(second.data().unwrap()).unwrap().content.unwrap();
    assert_eq!(one.len(), two.len());
    assert_ne!(one[104..], two[104..], "the keystream does not repeat");
    // Negative control: with one salt for both, it would.
    let (mut third, mut fourth) = (sample(), sample());
    third.encrypt(Some(keys(1)), &mut TestEntropy::new(9)).unwrap();
    fourth.encrypt(Some(keys(1)), &mut TestEntropy::new(9)).unwrap();
    assert_eq!(third.data(), fourth.data());
}

#[test]
fn s090_s094_encrypt_and_decrypt_take_turns() {
    let mut container = encrypted();
    assert!(container.encrypted());
    assert_eq!(container.decrypt(None), Ok(Assurance::Unsigned));
    assert!(!container.encrypted() && container.data().is_none());
    assert_eq!(container.header, Some(json!({"name": "a"})));
    assert_eq!(container.content.as_deref(), Some(&b"content"[..]));
    container.encrypt(None, &mut TestEntropy::new(2)).unwrap();
    assert!(container.encrypted() && container.content.is_none());
    assert!(container.decrypt(None).is_ok());
    assert_eq!(container.decrypt(None), Err(InputError::NotEncrypted.into()));
}

#[test]
fn s091_s092_given_keys_open_bytes_and_no_keys_are_an_error() {
    let container = encrypted();
    let keys = container.container_keys().unwrap().duplicate();
    let mut other: Container = Container::from_data(container.data().unwrap().to_vec());
    assert_eq!(other.decrypt(None), Err(InputError::NoContainerKeys.into()));
    other.decrypt(Some(keys)).unwrap();
    assert_eq!(other.content.as_deref(), Some(&b"content"[..]));
}

#[test]
fn s027_s081_any_json_comes_back_and_absent_stays_absent() {
    for header in [json!(null), json!([1, "a"]), json!("x"), json!(1.5), json!({"ä": {"日本": ["🦀"]}})]
    {
        let mut container: Container = Container::new().with_header(header.clone());
        container.encrypt(None, &mut TestEntropy::new(1)).unwrap();
        container.decrypt(None).unwrap();
        assert_eq!((container.header, container.content), (Some(header), None));
    }
    let mut empty: Container = Container::new();
    empty.encrypt(None, &mut TestEntropy::new(1)).unwrap();
    empty.decrypt(None).unwrap();
    assert_eq!((empty.header, empty.content), (None, None));
    let mut nothing: Container = Container::new().with_content(Vec::new());
    nothing.encrypt(None, &mut TestEntropy::new(1)).unwrap();
    nothing.decrypt(None).unwrap();
    assert_eq!(nothing.content, Some(Vec::new()), "empty is not absent (S-026)");
}

#[test]
fn s093_s096_s097_metadata_shows_through() {
    let user = UserId::from_bytes([1; 16]);
    let metadata = Metadata {
        id: ContainerId::from_bytes([2; 16]),
        revision: 1,
        created_at: Timestamp::from_millis(5),
        created_by: user,
        modified_at: None,
        modified_by: None,
        content_at: None,
        container_type: None,
        access: BTreeMap::new(),
        access_complete: true,
        header_length: None,
        length: Some(7),
    };
    let mut container = sample();
    assert_eq!((container.created_at(), container.created_by(), container.length()), (None, None, None));
    container.metadata = Some(metadata);
    assert_eq!(container.created_at(), Some(Timestamp::from_millis(5)));
    assert_eq!((container.created_by(), container.modified_by()), (Some(user), None));
    assert_eq!((container.modified_at(), container.length()), (None, Some(7)));
    assert!(container.access().is_some_and(BTreeMap::is_empty));
    let encrypted = encrypted();
    assert_eq!(encrypted.length(), encrypted.data().map(|data| data.len() as u64));
}

#[test]
fn s095_the_header_opens_without_the_content() {
    let container = encrypted();
    let data = container.data().unwrap();
    let header = ContainerData::split(data).unwrap().header.unwrap();
    let cut = 8 + header.len();
    for length in cut..data.len() {
        let keys = container.container_keys().unwrap().duplicate();
        let mut part: Container = Container::from_data(data[..length].to_vec()).with_keys(keys);
        assert_eq!(part.decrypt_header(None).unwrap(), Some(json!({"name": "a"})));
        assert!(length == cut || part.decrypt(None).is_err(), "cut at {length}");
    }
    let keys = container.container_keys();
    for length in 0..cut {
        let part: Container = Container::from_data(data[..length].to_vec());
        assert!(part.decrypt_header(keys).is_err(), "cut at {length}");
    }
}

#[test]
fn s098_an_empty_container_has_nothing() {
    let container: Container = Container::new();
    assert!(container.id.is_none() && container.header.is_none() && container.content.is_none());
    assert!(container.container_type.is_none() && container.container_keys().is_none());
    assert!(container.data().is_none() && !container.encrypted());
}

#[test]
fn s099_text_form() {
    let id: ContainerId = "d21ba58c-9e50-472a-9ce2-5a2595704e7a".parse().unwrap();
    let shown = |container: Container| container.with_id(id).to_string();
    assert_eq!(shown(encrypted()), "<Container(d21ba58c-9e50-472a-9ce2-5a2595704e7a) Encrypted: True>");
    assert_eq!(shown(sample()), "<Container(d21ba58c-9e50-472a-9ce2-5a2595704e7a) Encrypted: False>");
    assert_eq!(format!("{:?}", sample()), "<Container(None) Encrypted: False>");
}

/// S-059: a flipped bit anywhere is an error, never a plaintext.
#[test]
fn s059_any_flipped_bit_is_an_error() {
    let container = encrypted();
    let data = container.data().unwrap();
    for bit in 0..data.len() * 8 {
        let mut altered = data.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let keys = container.container_keys().unwrap().duplicate();
        let mut other: Container = Container::from_data(altered);
        assert!(other.decrypt(Some(keys)).is_err(), "bit {bit}");
        assert!(other.encrypted() && other.content.is_none() && other.header.is_none());
    }
}

#[test]
fn another_id_or_mac_is_told() {
    let id = ContainerId::from_bytes([1; 16]);
    let mut container = sample().with_id(id);
    let given = keys(1).with_mac_index(MacIndex::HmacSha384);
    container.encrypt(Some(given), &mut TestEntropy::new(1)).unwrap();
    let data = container.data().unwrap().to_vec();
    let open = |id| {
        let other: Container = Container::from_data(data.clone());
        Container { id, ..other }.decrypt(Some(keys(1)))
    };
    assert_eq!(open(Some(id)), Ok(Assurance::Unsigned));
    assert_eq!(open(None), Ok(Assurance::Unsigned));
    assert_eq!(open(Some(ContainerId::from_bytes([2; 16]))), Err(CryptoError::Decrypt.into()));
}

/// Security case 35: what a malicious writer may put into a header.
#[test]
fn s028_mp_json_depth_dup_size_utf8() {
    let deep = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat().into_bytes();
    assert!(decode_header(&deep(limits::JSON_DEPTH)).is_ok());
    assert!(decode_header(&deep(limits::JSON_DEPTH + 1)).is_err());
    assert!(decode_header(&deep(100_000)).is_err());
    assert!(decode_header(br#"{"a":1,"b":1}"#).is_ok());
    assert!(decode_header(br#"{"a":1,"a":2}"#).is_err());
    assert!(decode_header(br#"{"a":1,"\u0061":2}"#).is_err());
    for text in [&b"\"\xff\""[..], b"NaN", b"1e999", b"1 2", b"", b"{", b"\xef\xbb\xbf1", b"'a'"] {
        assert!(decode_header(text).is_err(), "{text:?}");
    }
    let too_deep = serde_json::from_slice(&deep(limits::JSON_DEPTH + 1)).unwrap();
    assert!(matches!(encode_header(&too_deep), Err(InputError::InvalidHeader { .. })));
}

/// Security case 35: a header of any size is refused before it is parsed, and none too large is written.
#[test]
fn mp_json_size() {
    let string = |length: usize| Value::String("a".repeat(length - 2));
    assert!(encode_header(&string(limits::HEADER)).is_ok());
    assert!(matches!(encode_header(&string(limits::HEADER + 1)), Err(InputError::TooLarge { .. })));
    let quoted = |length: usize| [b"\"", &vec![b'a'; length - 2][..], b"\""].concat();
    assert!(decode_header(&quoted(limits::HEADER_MAX)).is_ok());
    assert!(decode_header(&quoted(limits::HEADER_MAX + 1)).is_err());
    // What is within the limit is read: the limit is what refuses.
    assert_eq!(decode_header(&quoted(10)).unwrap(), json!("aaaaaaaa"), "negative control");
}
