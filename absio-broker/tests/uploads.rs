//! Large content in parts, and what becomes of parts that nobody needs.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::{Fixture, SeededEntropy};
use absio_proto::RemoteCode;
use absio_proto::crypto::segment::{
    HEADER_LENGTH, RangeProof, SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, prove_range,
    seal_segment,
};
use absio_proto::crypto::{Secret, container_id};
use absio_proto::driver::blocking::Store;
use absio_proto::limits;
use absio_proto::model::{ContainerId, Portion};
use absio_proto::wire::{
    Availability, Base64, BeginUpload, Route, UploadBegun, UploadId, UploadStatus, from_json, to_json,
};
use std::time::Duration;
use support::{Actor, Edit};

/// A content of a little over two parts, in the smallest chunks.
const LENGTH: usize = 2 * (4 << 20) + 5000;

struct Sealed {
    segment: Vec<u8>,
    digest: SegmentDigest,
}

fn seal<S: Store>(actor: &Actor<S>, container: ContainerId, epoch: u64, length: usize) -> Sealed {
    seal_in_chunks(actor, container, epoch, length, 12)
}

fn seal_in_chunks<S: Store>(
    actor: &Actor<S>,
    container: ContainerId,
    epoch: u64,
    length: usize,
    chunk_log2: u8,
) -> Sealed {
    let context = SegmentContext { kind: SegmentKind::Content, container, epoch };
    let parameters = SegmentParameters { chunk_log2, ..SegmentParameters::new(context, actor.random()) };
    let plaintext: Vec<u8> = (0..length).map(|i| i as u8).collect();
    let (segment, digest) = seal_segment(parameters, &Secret::new(actor.random()), &plaintext).unwrap();
    Sealed { segment, digest }
}

fn begin<S: Store>(
    actor: &Actor<S>,
    container: ContainerId,
    sealed: &Sealed,
) -> Result<UploadBegun, RemoteCode> {
    let body = BeginUpload {
        container_id: container,
        segment_header: Base64(sealed.segment[..HEADER_LENGTH].to_vec()),
        total_length: sealed.digest.length,
    };
    actor.ask(&Route::BeginUpload, to_json(&body)).map(|body| from_json("begun", &body).unwrap())
}

/// The sealed bytes of each part.
fn parts(sealed: &Sealed, begun: &UploadBegun) -> Vec<Vec<u8>> {
    let stride = begun.chunks_per_part as usize * (4096 + 32);
    sealed.segment[HEADER_LENGTH..].chunks(stride).map(<[u8]>::to_vec).collect()
}

fn put<S: Store>(actor: &Actor<S>, upload: UploadId, part: u64, bytes: &[u8]) -> Result<(), RemoteCode> {
    actor.ask(&Route::PutPart { upload, part }, bytes.to_vec()).map(|_| ())
}

fn status<S: Store>(actor: &Actor<S>, upload: UploadId) -> Result<UploadStatus, RemoteCode> {
    actor.ask(&Route::UploadStatus(upload), Vec::new()).map(|body| from_json("status", &body).unwrap())
}

fn chunks<S: Store>(
    actor: &Actor<S>,
    container: ContainerId,
    first: u64,
    count: u64,
    bytes: bool,
) -> Result<Vec<u8>, RemoteCode> {
    actor.ask(&Route::Chunks { container, epoch: 2, first, count, bytes }, Vec::new())
}

/// Uploads `sealed` as the content of a new container.
fn upload<S: Store>(actor: &Actor<S>, sealed: impl FnOnce(ContainerId) -> Sealed) -> (ContainerId, Sealed) {
    let view = actor.create(&Edit::default());
    let id = view.body().container;
    let sealed = sealed(id);
    let begun = begin(actor, id, &sealed).unwrap();
    let chunk = limits::PART / begun.chunks_per_part;
    let stride = (begun.chunks_per_part * (chunk + 32)) as usize;
    for (number, part) in (0..).zip(sealed.segment[HEADER_LENGTH..].chunks(stride)) {
        put(actor, begun.upload_id, number, part).unwrap();
    }
    let edit = Edit { upload: Some((begun.upload_id, Vec::new(), sealed.digest)), ..Edit::default() };
    actor.update(&view, &edit).unwrap();
    (id, sealed)
}

fn range<S: Store>(
    actor: &Actor<S>,
    container: ContainerId,
    epoch: u64,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, RemoteCode> {
    actor.ask(&Route::Content { container, epoch, offset, length }, Vec::new())
}

#[test]
fn s026_a_large_content_goes_up_in_any_order_and_comes_down_in_any_range() {
    let fixture = Fixture::seeded(1);
    let (alice, eve) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let view = alice.create(&Edit::default());
    let id = view.body().container;
    let sealed = seal(&alice, id, 2, LENGTH);
    let begun = begin(&alice, id, &sealed).unwrap();
    assert_eq!((begun.parts, begun.chunks_per_part), (3, 1024));
    let parts = parts(&sealed, &begun);
    let upload = begun.upload_id;
    let edit = Edit { upload: Some((upload, Vec::new(), sealed.digest)), ..Edit::default() };
    for number in [2, 0] {
        put(&alice, upload, number, &parts[number as usize]).unwrap();
        put(&alice, upload, number, &parts[number as usize]).expect("again with equal bytes");
    }
    assert_eq!(status(&alice, upload).unwrap(), UploadStatus { parts: 3, received: vec![(0, 1), (2, 1)] });
    assert_eq!(alice.update(&view, &edit).err(), Some(RemoteCode::InvalidObject), "a part is missing");

    let mut other = parts[0].clone();
    other[9] ^= 1;
    assert_eq!(put(&alice, upload, 0, &other), Err(RemoteCode::Conflict));
    assert_eq!(put(&alice, upload, 1, &parts[1][1..]), Err(RemoteCode::BadRequest));
    assert_eq!(put(&alice, upload, 3, &parts[1]), Err(RemoteCode::BadRequest));
    assert_eq!(put(&alice, upload, u64::MAX, &parts[1]), Err(RemoteCode::BadRequest));
    assert_eq!(put(&eve, upload, 1, &parts[1]), Err(RemoteCode::UploadNotFound));
    assert_eq!(put(&alice, UploadId([0; 16]), 1, &parts[1]), Err(RemoteCode::UploadNotFound));

    put(&alice, upload, 1, &parts[1]).unwrap();
    let second = alice.update(&view, &edit).unwrap();
    assert_eq!(status(&alice, upload), Err(RemoteCode::UploadNotFound), "it is the content now");
    let got = alice.get(id).unwrap();
    assert_eq!(got.content, Availability::Parts);
    let total = sealed.segment.len() as u64;
    let joint = HEADER_LENGTH as u64 + parts[0].len() as u64;
    for (offset, length) in
        [(0, 50), (50, 100), (0, 104), (joint - 3, 6), (joint, 1), (4000, 4_300_000), (total - 7, 100)]
    {
        let bytes = range(&alice, id, 2, offset, length).unwrap();
        let end = (offset + length).min(total);
        assert_eq!(bytes, sealed.segment[offset as usize..end as usize], "{offset} {length}");
    }
    assert!(range(&alice, id, 2, total, 10).unwrap().is_empty());
    assert!(range(&alice, id, 2, u64::MAX, 10).unwrap().is_empty());
    assert_eq!(range(&alice, id, 1, 0, 10), Err(RemoteCode::Conflict), "another epoch");
    assert_eq!(range(&alice, id, 2, 0, limits::CONTENT_RANGE + 1), Err(RemoteCode::BadRequest));
    assert_eq!(range(&eve, id, 2, 0, 10), Err(RemoteCode::ContainerNotFound));

    // Replaced, the parts are taken away.
    fixture.sweep();
    alice.update(&second, &Edit { content: Some(Some(vec![1])), ..Edit::default() }).unwrap();
    assert_eq!(fixture.housekeep().blobs, 3);
    assert_eq!(fixture.sweep().blobs, 0);
}

#[test]
fn ms_an_upload_must_be_what_the_manifest_signs() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let view = alice.create(&Edit::default());
    let id = view.body().container;
    let (one, two) = (seal(&alice, id, 2, LENGTH), seal(&alice, id, 2, LENGTH));
    let begun = begin(&alice, id, &one).unwrap();
    for (number, part) in parts(&one, &begun).iter().enumerate() {
        put(&alice, begun.upload_id, number as u64, part).unwrap();
    }
    let signed = |digest| Edit { upload: Some((begun.upload_id, Vec::new(), digest)), ..Edit::default() };
    assert_eq!(alice.update(&view, &signed(two.digest)).err(), Some(RemoteCode::InvalidObject));
    let other = alice.create(&Edit::default());
    assert_eq!(alice.update(&other, &signed(one.digest)).err(), Some(RemoteCode::UploadNotFound));
    assert!(alice.update(&view, &signed(one.digest)).is_ok());
}

#[test]
fn x13_uploads_that_cannot_begin() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let id = container_id(alice.id(), &[1; 32]);
    let sealed = seal(&alice, id, 1, 10);
    assert!(begin(&alice, id, &sealed).is_ok(), "before the container exists");
    let other = container_id(alice.id(), &[2; 32]);
    assert_eq!(begin(&alice, other, &sealed).err(), Some(RemoteCode::InvalidObject));
    let huge = |length| Sealed {
        segment: sealed.segment.clone(),
        digest: SegmentDigest { length, ..sealed.digest },
    };
    assert!(begin(&alice, id, &huge(limits::CONTENT)).is_ok(), "at the limit");
    assert_eq!(begin(&alice, id, &huge(limits::CONTENT + 1)).err(), Some(RemoteCode::TooLarge));
    assert_eq!(begin(&alice, id, &huge(u64::MAX)).err(), Some(RemoteCode::TooLarge));
    let mut broken = seal(&alice, id, 1, 10);
    broken.segment[0] = 0;
    assert_eq!(begin(&alice, id, &broken).err(), Some(RemoteCode::InvalidObject));
}

#[test]
fn uploads_nobody_finishes_are_dropped_after_a_day_without_a_part() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let id = container_id(alice.id(), &[1; 32]);
    let sealed = seal(&alice, id, 1, LENGTH);
    let (kept, dropped) = (begin(&alice, id, &sealed).unwrap(), begin(&alice, id, &sealed).unwrap());
    let bytes = parts(&sealed, &kept);
    put(&alice, dropped.upload_id, 0, &bytes[0]).unwrap();
    fixture.clock().advance(Duration::from_secs(23 * 3600));
    alice.log_in();
    put(&alice, kept.upload_id, 0, &bytes[0]).unwrap();
    fixture.clock().advance(Duration::from_secs(3601));
    let swept = fixture.housekeep();
    assert_eq!((swept.uploads, swept.blobs), (1, 1));
    alice.log_in();
    assert_eq!(status(&alice, dropped.upload_id), Err(RemoteCode::UploadNotFound));
    assert_eq!(status(&alice, kept.upload_id).unwrap().received, [(0, 1)]);
    assert_eq!(put(&alice, dropped.upload_id, 1, &bytes[1]), Err(RemoteCode::UploadNotFound));
    alice.ask(&Route::AbortUpload(kept.upload_id), Vec::new()).unwrap();
    assert_eq!(status(&alice, kept.upload_id), Err(RemoteCode::UploadNotFound));
    assert_eq!(fixture.housekeep().blobs, 1);
    assert_eq!(fixture.sweep().blobs, 0);
}

#[test]
fn s052_metadata_of_a_large_container_brings_no_bytes() {
    let fixture = Fixture::on(absio_store::MemoryStore::new(), SeededEntropy::new(1));
    let alice = Actor::new(&fixture, 2);
    let view = alice.create(&Edit { content: Some(Some(vec![1; 3 << 20])), ..Edit::default() });
    fixture.record();
    alice.get_portion(view.body().container, Portion::Header, None).unwrap();
    let answer = fixture.recorded().pop().unwrap().outcome.unwrap();
    assert!(answer.body.len() < 2000, "{} bytes", answer.body.len());
}

/// Every chunk that is served is proven against what the manifest signs, wherever the range lies.
fn serves_proofs(
    actor: &Actor<impl Store>,
    id: ContainerId,
    sealed: &Sealed,
    chunk: usize,
    ranges: &[(u64, u64)],
) {
    let body = &sealed.segment[HEADER_LENGTH..];
    for &(first, count) in ranges {
        let expected = prove_range(&sealed.segment, first, count).unwrap();
        let answer = chunks(actor, id, first, count, true).unwrap();
        let (proof, bytes) = RangeProof::split(&answer).unwrap();
        assert_eq!(proof, expected, "{first} {count}");
        let (start, end) = (first as usize * (chunk + 32), (first + count) as usize * (chunk + 32));
        assert!(bytes == &body[start..end.min(body.len())], "{first} {count}");
        assert_eq!(chunks(actor, id, first, count, false).unwrap(), expected.encode());
    }
}

#[test]
fn ms_range_forge_the_broker_proves_every_range_it_serves() {
    let fixture = Fixture::seeded(11);
    let (alice, eve) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let (id, sealed) = upload(&alice, |id| seal(&alice, id, 2, LENGTH));
    let total = LENGTH as u64 / 4096 + 1;
    let ranges = [
        (0, 1),
        (0, 1024),
        (1, 1023),
        (1000, 48),
        (1024, 1024),
        (1023, 2),
        (700, 1348),
        (2047, 3),
        (2048, total - 2048),
        (total - 1, 1),
    ];
    serves_proofs(&alice, id, &sealed, 4096, &ranges);
    for (first, count) in [(total, 1), (0, 0), (total - 1, 2), (u64::MAX, 2), (0, u64::MAX)] {
        assert_eq!(chunks(&alice, id, first, count, true), Err(RemoteCode::BadRequest), "{first} {count}");
    }
    assert_eq!(chunks(&eve, id, 0, 1, true), Err(RemoteCode::ContainerNotFound));
    let old = Route::Chunks { container: id, epoch: 1, first: 0, count: 1, bytes: true };
    assert_eq!(alice.ask(&old, Vec::new()), Err(RemoteCode::Conflict));
}

#[test]
fn ms_range_forge_a_content_of_many_groups_of_parts_is_proven_as_well() {
    let fixture = Fixture::seeded(12);
    let alice = Actor::new(&fixture, 2);
    // 67 parts of four chunks: a whole group and three parts.
    let (id, sealed) = upload(&alice, |id| seal_in_chunks(&alice, id, 2, (66 << 22) + 9, 20));
    let ranges = [
        (0, 4),
        (0, 8),
        (1, 3),
        (252, 4),
        (254, 4),
        (256, 4),
        (260, 4),
        (263, 2),
        (264, 1),
        (0, 1),
        (128, 4),
    ];
    serves_proofs(&alice, id, &sealed, 1 << 20, &ranges);
    assert!(chunks(&alice, id, 0, 9, true) == Err(RemoteCode::BadRequest), "too many bytes at once");
}
