//! Contents in parts, and ranges with their proofs (§9.4, §14.6).

use super::actor::{Actor, Line, random};
use super::containers::refused;
use super::sealing::{Edit, View};
use absio_proto::RemoteCode;
use absio_proto::crypto::Secret;
use absio_proto::crypto::segment::{
    HEADER_LENGTH, RangeProof, SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, prove_range,
    seal_segment,
};
use absio_proto::model::ContainerId;
use absio_proto::wire::{
    Availability, Base64, BeginUpload, Route, UploadBegun, UploadStatus, from_json, to_json,
};

/// A content of a little over two parts, in the smallest chunks.
const LENGTH: usize = 2 * (4 << 20) + 5000;
/// Bytes of a sealed chunk.
const STRIDE: usize = 4096 + 32;

struct Sealed {
    segment: Vec<u8>,
    digest: SegmentDigest,
}

fn seal(container: ContainerId) -> Sealed {
    let context = SegmentContext { kind: SegmentKind::Content, container, epoch: 2 };
    let parameters = SegmentParameters { chunk_log2: 12, ..SegmentParameters::new(context, random()) };
    let plaintext: Vec<u8> = (0..LENGTH).map(|index| index as u8).collect();
    let sealed = seal_segment(parameters, &Secret::new(random()), &plaintext);
    let (segment, digest) = sealed.expect("what the cases make is well formed");
    Sealed { segment, digest }
}

async fn begin(actor: &Actor, container: ContainerId, sealed: &Sealed) -> UploadBegun {
    let body = BeginUpload {
        container_id: container,
        segment_header: Base64(sealed.segment[..HEADER_LENGTH].to_vec()),
        total_length: sealed.digest.length,
    };
    let body = actor.done(&Route::BeginUpload, to_json(&body)).await;
    from_json("upload", &body).unwrap_or_else(|error| panic!("{error}"))
}

fn parts(sealed: &Sealed, begun: &UploadBegun) -> Vec<Vec<u8>> {
    let stride = begun.chunks_per_part as usize * STRIDE;
    sealed.segment[HEADER_LENGTH..].chunks(stride).map(<[u8]>::to_vec).collect()
}

async fn put(actor: &Actor, begun: &UploadBegun, part: u64, bytes: &[u8]) -> Option<RemoteCode> {
    let route = Route::PutPart { upload: begun.upload_id, part };
    actor.ask(&route, bytes.to_vec()).await.err()
}

async fn status(actor: &Actor, begun: &UploadBegun) -> Result<UploadStatus, RemoteCode> {
    let body = actor.ask(&Route::UploadStatus(begun.upload_id), Vec::new()).await?;
    Ok(from_json("status", &body).unwrap_or_else(|error| panic!("{error}")))
}

fn signed(begun: &UploadBegun, sealed: &Sealed) -> Edit {
    Edit { upload: Some((begun.upload_id, sealed.digest)), ..Edit::default() }
}

async fn uploaded(actor: &Actor) -> (View, Sealed) {
    let view = actor.create(&Edit::default()).await;
    let sealed = seal(view.body().container);
    let begun = begin(actor, view.body().container, &sealed).await;
    for (number, part) in (0..).zip(parts(&sealed, &begun)) {
        assert_eq!(put(actor, &begun, number, &part).await, None, "part {number}");
    }
    let view = actor.update(&view, &signed(&begun, &sealed)).await;
    (view.unwrap_or_else(|code| panic!("every part is there: {code}")), sealed)
}

/// Again with equal bytes, not with others; the runs of what is stored are told.
pub(super) async fn parts_come_in_any_order(line: Line) {
    let alice = line.actor().await;
    let view = alice.create(&Edit::default()).await;
    let container = view.body().container;
    let sealed = seal(container);
    let begun = begin(&alice, container, &sealed).await;
    assert_eq!((begun.parts, begun.chunks_per_part), (3, 1024));
    let parts = parts(&sealed, &begun);
    for number in [2, 0, 2] {
        assert_eq!(put(&alice, &begun, number, &parts[number as usize]).await, None, "part {number}");
    }
    let stored = UploadStatus { parts: 3, received: vec![(0, 1), (2, 1)] };
    assert_eq!(status(&alice, &begun).await, Ok(stored));
    let early = alice.update(&view, &signed(&begun, &sealed)).await;
    assert_eq!(refused(early), Some(RemoteCode::InvalidObject), "a part is missing");
    let mut other = parts[0].clone();
    other[9] ^= 1;
    assert_eq!(put(&alice, &begun, 0, &other).await, Some(RemoteCode::Conflict));
    assert_eq!(put(&alice, &begun, 1, &parts[1][1..]).await, Some(RemoteCode::BadRequest));
    assert_eq!(put(&alice, &begun, 3, &parts[1]).await, Some(RemoteCode::BadRequest));
    assert_eq!(put(&alice, &begun, 1, &parts[1]).await, None);
    assert!(alice.update(&view, &signed(&begun, &sealed)).await.is_ok());
    assert_eq!(status(&alice, &begun).await, Err(RemoteCode::UploadNotFound), "it is the content now");
    let got = alice.get(container).await.unwrap_or_else(|code| panic!("{code}"));
    assert!(got.content == Availability::Parts && got.content_segment.is_none());
}

/// The digest over all parts, and its own container.
pub(super) async fn an_upload_is_what_the_manifest_signs(line: Line) {
    let alice = line.actor().await;
    let view = alice.create(&Edit::default()).await;
    let (one, two) = (seal(view.body().container), seal(view.body().container));
    let begun = begin(&alice, view.body().container, &one).await;
    for (number, part) in (0..).zip(parts(&one, &begun)) {
        assert_eq!(put(&alice, &begun, number, &part).await, None);
    }
    assert_eq!(refused(alice.update(&view, &signed(&begun, &two)).await), Some(RemoteCode::InvalidObject));
    let other = alice.create(&Edit::default()).await;
    assert_eq!(refused(alice.update(&other, &signed(&begun, &one)).await), Some(RemoteCode::UploadNotFound));
    assert_eq!(refused(alice.update(&view, &signed(&begun, &one)).await), None);
}

/// Byte ranges as they are; runs of chunks with what proves them.
pub(super) async fn ranges_are_proven(line: Line) {
    let alice = line.actor().await;
    let (view, sealed) = uploaded(&alice).await;
    let container = view.body().container;
    let total = sealed.segment.len() as u64;
    for (offset, length) in
        [(0, 50), (50, 100), (4000, 4_300_000), (total - 7, 100), (total, 10), (u64::MAX, 1)]
    {
        let bytes = alice.done(&Route::Content { container, epoch: 2, offset, length }, Vec::new()).await;
        let (from, to) = (offset.min(total), offset.saturating_add(length).min(total));
        assert!(bytes == sealed.segment[from as usize..to as usize], "{length} bytes at {offset}");
    }
    let body = &sealed.segment[HEADER_LENGTH..];
    let chunks = (LENGTH / 4096 + 1) as u64;
    let run = |first, count, bytes| Route::Chunks { container, epoch: 2, first, count, bytes };
    for (first, count) in [(0, 1), (1, 1023), (1000, 48), (1023, 2), (2047, 3), (chunks - 1, 1)] {
        let expected = prove_range(&sealed.segment, first, count).expect("the chunks are there");
        let answer = alice.done(&run(first, count, true), Vec::new()).await;
        let (proof, bytes) = RangeProof::split(&answer).unwrap_or_else(|error| panic!("{error}"));
        assert!(proof == expected, "the proof of {count} chunks from {first}");
        let (from, to) = (first as usize * STRIDE, (first + count) as usize * STRIDE);
        assert!(bytes == &body[from..to.min(body.len())], "{count} chunks from {first}");
        assert_eq!(alice.done(&run(first, count, false), Vec::new()).await, expected.encode());
    }
    for (first, count) in [(chunks, 1), (0, 0), (chunks - 1, 2), (u64::MAX, 2), (0, u64::MAX)] {
        let refusal = alice.ask(&run(first, count, true), Vec::new()).await;
        assert_eq!(refused(refusal), Some(RemoteCode::BadRequest), "{count} chunks from {first}");
    }
    let old = Route::Chunks { container, epoch: 1, first: 0, count: 1, bytes: true };
    assert_eq!(refused(alice.ask(&old, Vec::new()).await), Some(RemoteCode::Conflict), "another epoch");
}

/// Nobody else sees it, adds to it or ends it.
pub(super) async fn an_upload_is_its_owners(line: Line) {
    let (alice, eve) = (line.actor().await, line.actor().await);
    let view = alice.create(&Edit::default()).await;
    let sealed = seal(view.body().container);
    let begun = begin(&alice, view.body().container, &sealed).await;
    let parts = parts(&sealed, &begun);
    assert_eq!(put(&eve, &begun, 0, &parts[0]).await, Some(RemoteCode::UploadNotFound));
    assert_eq!(status(&eve, &begun).await, Err(RemoteCode::UploadNotFound));
    let abort = Route::AbortUpload(begun.upload_id);
    assert_eq!(refused(eve.ask(&abort, Vec::new()).await), Some(RemoteCode::UploadNotFound));
    alice.done(&abort, Vec::new()).await;
    assert_eq!(status(&alice, &begun).await, Err(RemoteCode::UploadNotFound), "she ended it");
}
