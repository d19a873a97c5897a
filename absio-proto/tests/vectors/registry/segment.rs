//! Segments and range proofs (§9).

use super::{array, bytes_of, cases, frame, hex, plain, unhex};
use absio_proto::CryptoError;
use absio_proto::crypto::segment::{
    Padding, RangeProof, SegmentContext, SegmentDigest, SegmentHeader, SegmentKind, SegmentOpener,
    SegmentParameters, SegmentVerifier, open_segment, prove_range, seal_segment,
};
use absio_proto::crypto::{CipherIndex, MacIndex, Secret};
use absio_proto::model::ContainerId;
use serde_json::{Value, json};

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
}

fn case(name: &str, kind: u8, mac_index: u8, padding: u8, length: usize) -> Value {
    let mut case = json!({
        "name": name, "valid": true, "kind": kind, "chunk_log2": 12, "epoch": 7,
        "container": hex(&[0xc0; 16]), "mac_index": mac_index, "padding": padding,
        "salt": hex(&bytes_of("segment salt")), "secret": hex(&bytes_of("segment secret")),
        "data": hex(&text(length)),
    });
    let (segment, digest) = sealed(&case);
    case["segment"] = hex(&segment).into();
    case["length"] = digest.length.into();
    case["digest"] = hex(&digest.digest).into();
    case
}

fn number(case: &Value, field: &str) -> u8 {
    case[field].as_u64().unwrap().try_into().unwrap()
}

fn context(case: &Value) -> SegmentContext {
    SegmentContext {
        kind: if number(case, "kind") == 1 { SegmentKind::Header } else { SegmentKind::Content },
        container: ContainerId::from_bytes(array(&case["container"])),
        epoch: case["epoch"].as_u64().unwrap(),
    }
}

fn sealed(case: &Value) -> (Vec<u8>, SegmentDigest) {
    let padding = Padding::from_byte(number(case, "padding")).unwrap();
    let parameters = SegmentParameters {
        context: context(case),
        chunk_log2: number(case, "chunk_log2"),
        cipher_index: CipherIndex::Aes256Ctr,
        mac_index: MacIndex::from_byte(number(case, "mac_index")).unwrap(),
        padding,
        salt: array(&case["salt"]),
    };
    let data = unhex(&case["data"]);
    seal_segment(parameters, &Secret::new(array(&case["secret"])), &padding.pad(&data)).unwrap()
}

fn by_the_document(case: &Value) -> (Vec<u8>, u64, [u8; 48]) {
    let context = plain::Context {
        kind: number(case, "kind"),
        chunk_log2: number(case, "chunk_log2"),
        container: array(&case["container"]),
        epoch: case["epoch"].as_u64().unwrap(),
        mac_index: number(case, "mac_index"),
        padding: number(case, "padding"),
        salt: array(&case["salt"]),
    };
    plain::segment(&context, &array(&case["secret"]), &unhex(&case["data"]))
}

fn signed(case: &Value) -> SegmentDigest {
    SegmentDigest { length: case["length"].as_u64().unwrap(), digest: array(&case["digest"]) }
}

/// Opens as a case says: a whole segment, or a range of it.
fn open(case: &Value) -> Result<Vec<u8>, CryptoError> {
    let (segment, secret) = (unhex(&case["segment"]), Secret::new(array(&case["secret"])));
    if case["first"].is_null() {
        return open_segment(&segment, &context(case), &signed(case), &secret);
    }
    let header = SegmentHeader::decode(&segment)?;
    let opener = SegmentOpener::new(header, &context(case), signed(case).length, &secret)?;
    let proof = RangeProof::decode(&unhex(&case["proof"]))?;
    opener.open_range(case["first"].as_u64().unwrap(), &unhex(&case["chunks"]), &proof, &signed(case))
}

fn fault(good: &Value, name: &str, error: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let mut case = good.clone();
    case["name"] = format!("{}: {name}", good["name"].as_str().unwrap()).into();
    case["valid"] = false.into();
    case["error"] = error.into();
    case.as_object_mut().unwrap().remove("data");
    edit(&mut case);
    case
}

fn edit_bytes(field: &'static str, edit: impl FnOnce(&mut Vec<u8>)) -> impl FnOnce(&mut Value) {
    move |case| {
        let mut bytes = unhex(&case[field]);
        edit(&mut bytes);
        case[field] = hex(&bytes).into();
    }
}

fn segment_faults(good: &Value) -> Vec<Value> {
    let set = |position: usize, byte: u8| edit_bytes("segment", move |bytes| bytes[position] = byte);
    let flip = |position: usize| edit_bytes("segment", move |bytes| bytes[position] ^= 1);
    let mut faults = vec![
        fault(good, "another magic", "malformed", set(3, b'2')),
        fault(good, "suite 2", "unknown_algorithm", set(5, 2)),
        fault(good, "kind 3", "malformed", set(6, 3)),
        fault(good, "kind changed in the header", "decrypt", set(6, 1)),
        fault(good, "chunk size too small", "malformed", set(7, 11)),
        fault(good, "chunk size too large", "malformed", set(7, 21)),
        fault(good, "another chunk size", "decrypt", set(7, 13)),
        fault(good, "container changed in the header", "decrypt", flip(8)),
        fault(good, "epoch changed in the header", "decrypt", flip(31)),
        fault(good, "epoch 0", "malformed", set(31, 0)),
        fault(good, "cipher 1", "unknown_algorithm", set(32, 1)),
        fault(good, "MAC 2", "unknown_algorithm", set(33, 2)),
        fault(good, "another MAC", "decrypt", set(33, 1)),
        fault(good, "padding 3", "unknown_algorithm", set(34, 3)),
        fault(good, "another padding", "decrypt", set(34, 1)),
        fault(good, "a reserved byte", "malformed", set(39, 1)),
        fault(good, "the salt", "decrypt", flip(40)),
        fault(good, "the commitment", "decrypt", flip(72)),
        fault(good, "the first ciphertext byte", "decrypt", flip(104)),
        fault(good, "the first tag", "decrypt", flip(104 + 4096)),
        fault(
            good,
            "the last tag",
            "decrypt",
            edit_bytes("segment", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ),
        fault(
            good,
            "cut by a byte",
            "decrypt",
            edit_bytes("segment", |bytes| bytes.truncate(bytes.len() - 1)),
        ),
        fault(good, "cut at a chunk", "decrypt", edit_bytes("segment", |bytes| bytes.truncate(104 + 4128))),
        fault(good, "cut in the header", "malformed", edit_bytes("segment", |bytes| bytes.truncate(103))),
        fault(good, "a byte behind", "decrypt", edit_bytes("segment", |bytes| bytes.push(0))),
        fault(
            good,
            "two chunks swapped",
            "decrypt",
            edit_bytes("segment", |bytes| {
                let first = bytes[104..104 + 4128].to_vec();
                bytes.copy_within(104 + 4128..104 + 2 * 4128, 104);
                bytes[104 + 4128..104 + 2 * 4128].copy_from_slice(&first);
            }),
        ),
        fault(
            good,
            "a chunk doubled",
            "decrypt",
            edit_bytes("segment", |bytes| {
                let first = bytes[104..104 + 4128].to_vec();
                bytes.splice(104..104, first);
            }),
        ),
        fault(
            good,
            "a chunk dropped",
            "decrypt",
            edit_bytes("segment", |bytes| drop(bytes.drain(104..104 + 4128))),
        ),
        fault(good, "another kind expected", "decrypt", |case| case["kind"] = 1.into()),
        fault(good, "another container expected", "decrypt", |case| case["container"] = hex(&[1; 16]).into()),
        fault(good, "another epoch expected", "decrypt", |case| case["epoch"] = 8.into()),
        fault(good, "another length signed", "decrypt", |case| case["length"] = 4096.into()),
        fault(good, "a length over the limit", "malformed", |case| {
            case["length"] = ((1_u64 << 44) + 1).into()
        }),
        fault(good, "another digest signed", "decrypt", edit_bytes("digest", |bytes| bytes[0] ^= 1)),
        fault(good, "another secret", "decrypt", edit_bytes("secret", |bytes| bytes[0] ^= 1)),
    ];
    // Another reader knows the keys and makes a segment of its own: every tag holds, the digest does not.
    let mut forged = good.clone();
    forged["data"] = hex(&text(8300).iter().map(|byte| byte ^ 1).collect::<Vec<_>>()).into();
    let rewritten = hex(&sealed(&forged).0);
    faults.push(fault(good, "rewritten by another reader", "decrypt", |case| {
        case["segment"] = rewritten.into()
    }));
    faults
}

fn padding_fault() -> Value {
    let good = case("padded header", 1, 0, 1, 20);
    let mut raw = good.clone();
    let mut bytes = Padding::Buckets.pad(&text(20)).into_owned();
    bytes[500] = 1;
    raw["padding"] = 1.into();
    let parameters = SegmentParameters {
        chunk_log2: 12,
        padding: Padding::Buckets,
        ..SegmentParameters::new(context(&good), array(&good["salt"]))
    };
    let (segment, digest) = seal_segment(parameters, &Secret::new(array(&good["secret"])), &bytes).unwrap();
    fault(&good, "a padding byte is not zero", "malformed", |case| {
        case["segment"] = hex(&segment).into();
        case["digest"] = hex(&digest.digest).into();
    })
}

fn range(good: &Value, name: &str, first: u64, count: u64) -> Value {
    let segment = unhex(&good["segment"]);
    let mut case = good.clone();
    let layout =
        |length| absio_proto::crypto::segment::Layout::new(12, MacIndex::HmacSha256, length).unwrap();
    let (offset, length) = layout(signed(good).length).sealed_range(first, count).unwrap();
    let data = unhex(&good["data"]);
    let end = data.len().min((first + count) as usize * 4096);
    case["name"] = name.into();
    case["first"] = first.into();
    case["chunks"] = hex(&segment[offset as usize..(offset + length) as usize]).into();
    case["proof"] = hex(&prove_range(&segment, first, count).unwrap().encode()).into();
    case["data"] = hex(&data[first as usize * 4096..end]).into();
    case["segment"] = hex(&segment[..104]).into();
    case
}

fn range_faults(good: &Value) -> Vec<Value> {
    vec![
        fault(good, "at another place", "decrypt", |case| case["first"] = 2.into()),
        fault(good, "past the end", "decrypt", |case| case["first"] = u64::MAX.into()),
        fault(good, "a hash altered", "decrypt", edit_bytes("proof", |bytes| bytes[1] ^= 1)),
        fault(
            good,
            "a hash missing",
            "decrypt",
            edit_bytes("proof", |bytes| {
                bytes[0] -= 1;
                bytes.truncate(bytes.len() - 48);
            }),
        ),
        fault(
            good,
            "a hash too many",
            "decrypt",
            edit_bytes("proof", |bytes| {
                bytes[0] += 1;
                bytes.extend([0; 48]);
            }),
        ),
        fault(good, "the count is wrong", "malformed", edit_bytes("proof", |bytes| bytes[0] += 1)),
        fault(good, "more hashes than any tree", "malformed", edit_bytes("proof", |bytes| bytes[0] = 67)),
        fault(good, "a chunk altered", "decrypt", edit_bytes("chunks", |bytes| bytes[0] ^= 1)),
        fault(good, "another digest signed", "decrypt", edit_bytes("digest", |bytes| bytes[0] ^= 1)),
    ]
}

/// A fault written as what differs from the case it is made `of`; of a segment only the splice does:
/// at `offset`, `removed` bytes give way to `inserted`.
fn condensed(case: &Value, of: &Value) -> Value {
    let mut short = json!({ "of": of["name"] });
    for (field, value) in case.as_object().unwrap() {
        if field == "segment" && of["segment"] != *value {
            let (old, new) = (unhex(&of["segment"]), unhex(value));
            let offset = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
            let tails = old[offset..].iter().rev().zip(new[offset..].iter().rev());
            let tail = tails.take_while(|(old, new)| old == new).count();
            short["splice"] = json!({
                "offset": offset, "removed": old.len() - tail - offset,
                "inserted": hex(&new[offset..new.len() - tail]),
            });
        } else if of[field] != *value {
            short[field] = value.clone();
        }
    }
    short
}

/// The whole case again.
fn whole(file: &Value, short: &Value) -> Value {
    let of = |case: &&Value| case["name"] == short["of"];
    let Some(base) = file["cases"].as_array().unwrap().iter().find(of) else { return short.clone() };
    let mut case = base.clone();
    for (field, value) in short.as_object().unwrap() {
        case[field] = value.clone();
    }
    if let Some(splice) = short.get("splice") {
        let mut segment = unhex(&base["segment"]);
        let position = |field: &str| splice[field].as_u64().unwrap() as usize;
        let end = position("offset") + position("removed");
        segment.splice(position("offset")..end, unhex(&splice["inserted"]));
        case["segment"] = hex(&segment).into();
    }
    case
}

pub(super) fn generate() -> Value {
    let three_chunks = case("three chunks", 2, 0, 0, 8300);
    let mut all = vec![
        case("empty", 2, 0, 0, 0),
        case("one byte", 2, 0, 0, 1),
        case("one chunk and an empty last", 2, 0, 0, 4096),
        case("HMAC-SHA-384", 2, 1, 0, 4100),
        case("header, padded to buckets", 1, 0, 1, 20),
        case("header, exactly a bucket", 1, 1, 1, 1016),
        case("content, padded by Padmé", 2, 0, 2, 1000),
    ];
    all.push(range(&three_chunks, "range: the first chunk", 0, 1));
    all.push(range(&three_chunks, "range: the last two", 1, 2));
    all.push(range(&three_chunks, "range: everything", 0, 3));
    let middle = range(&three_chunks, "range: the middle chunk", 1, 1);
    all.extend(segment_faults(&three_chunks).iter().map(|case| condensed(case, &three_chunks)));
    all.push(padding_fault());
    all.extend(range_faults(&middle).iter().map(|case| condensed(case, &middle)));
    all.extend([middle, three_chunks]);
    frame("SEG1", "9", all)
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        assert_eq!(open(case).unwrap(), unhex(&case["data"]), "{}", case["name"]);
        if case["first"].is_null() {
            let (segment, digest) = sealed(case);
            assert_eq!(hex(&segment), case["segment"], "{}", case["name"]);
            assert_eq!(digest, signed(case), "{}", case["name"]);
            let (segment, length, digest) = by_the_document(case);
            assert_eq!(hex(&segment), case["segment"], "{}: the document", case["name"]);
            assert_eq!(SegmentDigest { length, digest }, signed(case), "{}: the document", case["name"]);
            let mut verifier = SegmentVerifier::new(length);
            verifier.update(&segment).unwrap();
            assert_eq!(verifier.finish().unwrap().1, signed(case), "{}: without keys", case["name"]);
        }
    }
    for case in cases(file, false) {
        let error = open(&whole(file, case)).map_err(|error| error.code());
        assert_eq!(error, Err(case["error"].as_str().unwrap()), "{}", case["name"]);
    }
}
