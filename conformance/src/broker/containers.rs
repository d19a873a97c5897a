//! Containers: what goes in comes out, for whom, and until when (§14.6, §14.7).

use super::actor::{Actor, Line, outcome};
use super::sealing::{Draft, Edit, View};
use absio_proto::RemoteCode;
use absio_proto::crypto::manifest::TypeOpening;
use absio_proto::effect::HttpRequest;
use absio_proto::model::{ContainerId, Portion, UserId};
use absio_proto::wire::{Availability, ChangeContainer, ContainerList, RemoveContainer, Route, from_json};

pub(super) fn content(text: &str) -> Edit {
    Edit { content: Some(Some(text.as_bytes().to_vec())), ..Edit::default() }
}

pub(super) fn retyped(text: &'static str) -> Edit {
    Edit { container_type: Some(Some(text)), ..Edit::default() }
}

fn id(view: &View) -> ContainerId {
    view.body().container
}

pub(super) fn refused<T>(outcome: Result<T, RemoteCode>) -> Option<RemoteCode> {
    outcome.err()
}

/// Manifest, blob, header, content, type; the reader's own row with its limits.
pub(super) async fn what_was_stored_comes_back(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let until = alice.now().plus_millis(3_600_000);
    let view = alice.share(vec![alice.grant(127), bob.grant_until(11, Some(until))]).await;
    let got = alice.get(id(&view)).await.unwrap_or_else(|code| panic!("her own container: {code}"));
    assert_eq!(got.views, [view.encode()]);
    assert_eq!((got.header, got.content), (Availability::Inline, Availability::Inline));
    let opening = got.type_opening.expect("she may see the type");
    assert_eq!(TypeOpening::decode(&opening).unwrap_or_else(|error| panic!("{error}")).text(), "t1");
    assert!(got.blob.is_some() && got.complete && got.tombstone.is_none());
    let bobs = bob.get(id(&view)).await.unwrap_or_else(|code| panic!("shared with him: {code}"));
    assert_eq!(bobs.header_segment, got.header_segment);
    assert_eq!(bobs.content_segment, got.content_segment);
    assert!(bobs.blob.is_some() && bobs.blob != got.blob, "each has a key blob of their own");
    assert!(bobs.server_time.abs_diff(got.server_time) < 300_000, "the server's time stands");
}

/// And `omitted` for the others.
pub(super) async fn portions_bring_their_sections(line: Line) {
    let alice = line.actor().await;
    let view = alice.share(vec![alice.grant(127)]).await;
    let portions = [
        (Portion::All, true, true),
        (Portion::Header, true, false),
        (Portion::Content, false, true),
        (Portion::Metadata, false, false),
    ];
    for (portion, header, content) in portions {
        let got = alice.get_portion(id(&view), portion, None).await;
        let got = got.unwrap_or_else(|code| panic!("{portion:?}: {code}"));
        let came = (got.header_segment.is_some(), got.content_segment.is_some());
        assert_eq!(came, (header, content), "{portion:?}");
        assert_eq!(got.content == Availability::Omitted, !content, "{portion:?}");
    }
    let bare = alice.create(&Edit::default()).await;
    let got = alice.get(id(&bare)).await.unwrap_or_else(|code| panic!("{code}"));
    assert_eq!((got.header, got.content), (Availability::Absent, Availability::Absent));
}

/// A word that no portion has.
pub(super) async fn a_portion_that_is_none_is_refused(line: Line) {
    let alice = line.actor().await;
    let view = alice.create(&content("x")).await;
    let route = Route::GetContainer { container: id(&view), portion: Portion::All, known: None };
    let mut request = alice.request(&route, Vec::new());
    request.path = format!("/v1/containers/{}?portion=everything", id(&view));
    assert_eq!(line.code(request).await, Some(RemoteCode::BadRequest));
}

/// As of an id that does not exist.
pub(super) async fn a_stranger_sees_nothing(line: Line) {
    let (alice, eve) = (line.actor().await, line.actor().await);
    let view = alice.share(vec![alice.grant(127)]).await;
    assert!(alice.get(id(&view)).await.is_ok(), "its owner reads it");
    let no_such = ContainerId::from_bytes(super::actor::random());
    for container in [id(&view), no_such] {
        let routes = [
            Route::GetContainer { container, portion: Portion::All, known: None },
            Route::Manifests { container, from: 1, limit: 1 },
            Route::Content { container, epoch: 1, offset: 0, length: 1 },
            Route::Chunks { container, epoch: 1, first: 0, count: 1, bytes: true },
        ];
        for route in routes {
            assert_eq!(eve.ask(&route, Vec::new()).await, Err(RemoteCode::ContainerNotFound), "{route:?}");
        }
    }
    let change = eve.revise(&view, &content("taken")).await;
    assert_eq!(refused(eve.send_update(&change).await), Some(RemoteCode::ContainerNotFound));
    assert_eq!(refused(eve.end(&view).await), Some(RemoteCode::ContainerNotFound));
}

/// For every request about it.
pub(super) async fn an_expired_row_is_refused(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let past = alice.now();
    let view = alice.share(vec![alice.grant(127), bob.grant_until(11, Some(past))]).await;
    assert_eq!(refused(bob.get(id(&view)).await), Some(RemoteCode::AccessExpired));
    let range = Route::Content { container: id(&view), epoch: 1, offset: 0, length: 1 };
    assert_eq!(refused(bob.ask(&range, Vec::new()).await), Some(RemoteCode::AccessExpired));
    assert!(alice.get(id(&view)).await.is_ok(), "the creator's row never expires");
}

/// Of whoever wrote it.
pub(super) async fn an_old_revision_is_a_conflict(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let view = alice.share(vec![alice.grant(127), bob.grant(127)]).await;
    let second = alice.update(&view, &content("two")).await.unwrap_or_else(|code| panic!("{code}"));
    assert_eq!(refused(bob.update(&view, &content("other")).await), Some(RemoteCode::Conflict));
    let third = bob.update(&second, &content("three")).await.unwrap_or_else(|code| panic!("{code}"));
    let mut skip = bob.revise(&third, &retyped("x")).await;
    skip.resign(&bob.ring, |body, _| body.revision = 9);
    assert_eq!(refused(bob.send_update(&skip).await), Some(RemoteCode::Conflict), "revision 9 after 3");
}

fn creation(actor: &Actor, draft: &Draft, key: [u8; 16]) -> HttpRequest {
    actor.request_under(&Route::CreateContainer, draft.change.encode(), key)
}

/// Byte for byte, and it is made once.
pub(super) async fn a_repeat_gets_the_first_answer(line: Line) {
    let alice = line.actor().await;
    let request = creation(&alice, &alice.draft(&content("c")).await, [7; 16]);
    let first = line.send(request.clone()).await;
    assert_eq!(first.status, 201, "{:?}", outcome(&first).err());
    let again = line.send(request).await;
    assert!(again.status == first.status && again.body == first.body, "another answer to a repeat");
    assert_eq!(alice.story(2).await, ["added container"], "it was made twice");
}

/// Another user's keys are their own.
pub(super) async fn another_body_under_a_key_is_refused(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let first = creation(&alice, &alice.draft(&content("c")).await, [8; 16]);
    assert_eq!(line.code(first).await, None);
    let other = creation(&alice, &alice.draft(&content("d")).await, [8; 16]);
    assert_eq!(line.code(other).await, Some(RemoteCode::IdempotencyMismatch));
    let bobs = creation(&bob, &bob.draft(&content("e")).await, [8; 16]);
    assert_eq!(line.code(bobs).await, None);
}

/// A manifest over other bytes, by another key, or altered on the way.
pub(super) async fn what_is_not_signed_is_refused(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let good = alice.draft(&content("signed")).await;
    let mut altered = good.clone();
    *altered.change.content.as_mut().expect("it has a content").last_mut().expect("it is not empty") ^= 1;
    assert_eq!(refused(alice.send_creation(&altered).await), Some(RemoteCode::InvalidObject), "other bytes");
    let mut forged = good.clone();
    forged.resign(&bob.ring, |_, _| {});
    assert_eq!(
        refused(alice.send_creation(&forged).await),
        Some(RemoteCode::InvalidObject),
        "another signer"
    );
    let mut blobless = good.clone();
    blobless.change.blobs.clear();
    assert_eq!(refused(alice.send_creation(&blobless).await), Some(RemoteCode::InvalidObject), "no key blob");
    assert_eq!(refused(alice.send_creation(&good).await), None, "as it was signed");
    assert_eq!(refused(alice.send_creation(&good).await), Some(RemoteCode::AlreadyExists));
}

/// Neither in a change nor under its path.
pub(super) async fn bytes_of_another_container_are_refused(line: Line) {
    let alice = line.actor().await;
    let (one, two) = (alice.draft(&content("one")).await, alice.draft(&content("two")).await);
    let mixed =
        Draft { change: ChangeContainer { content: two.change.content, ..one.change }, view: one.view };
    assert_eq!(refused(alice.send_creation(&mixed).await), Some(RemoteCode::InvalidObject));
    let (view, other) = (alice.create(&content("three")).await, alice.create(&content("four")).await);
    let draft = alice.revise(&view, &content("five")).await;
    let refusal = alice.ask(&Route::UpdateContainer(id(&other)), draft.change.encode()).await;
    assert_eq!(refusal, Err(RemoteCode::InvalidObject));
}

/// Nothing is wrapped for whom nobody knows.
pub(super) async fn unknown_readers_are_refused(line: Line) {
    let alice = line.actor().await;
    let ghost = (UserId::from_bytes([9; 16]), (0, [9; 32]), absio_proto::model::Permissions::CREATOR, None);
    let draft = alice.draft(&Edit { access: Some(vec![alice.grant(127), ghost]), ..content("c") }).await;
    assert_eq!(refused(alice.send_creation(&draft).await), Some(RemoteCode::UserNotFound));
}

/// And is not a way to remove others.
pub(super) async fn leaving_needs_no_right(line: Line) {
    let (alice, bob, carol) = (line.actor().await, line.actor().await, line.actor().await);
    let view = alice.share(vec![alice.grant(127), bob.grant(1), carol.grant(11)]).await;
    let container = id(&view);
    let shown = bob.get_portion(container, Portion::Metadata, None).await;
    let shown = shown.unwrap_or_else(|code| panic!("his own row: {code}"));
    let seen = View::decode(shown.views.last().expect("a view")).unwrap_or_else(|error| panic!("{error}"));
    let left = bob.leave(&seen).await.unwrap_or_else(|code| panic!("leaving needs no right: {code}"));
    assert_eq!(refused(bob.get(container).await), Some(RemoteCode::ContainerNotFound));
    assert!(carol.get(container).await.is_ok());
    let alone = Edit { access: Some(vec![alice.grant(127)]), ..Edit::default() };
    let sly = RemoveContainer::Leave(alice.revise(&left, &alone).await.view.encode());
    let refusal = alice.ask(&Route::DeleteContainer(container), sly.encode()).await;
    assert_eq!(refusal, Err(RemoteCode::InvalidObject), "it removed somebody else");
}

/// With a tombstone that only that reader is shown.
pub(super) async fn the_last_reader_ends_it(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let view = alice.share(vec![alice.grant(127), bob.grant(11)]).await;
    let container = id(&view);
    assert_eq!(refused(alice.end(&view).await), Some(RemoteCode::InvalidObject), "Bob is still there");
    let alone = Edit { access: Some(vec![alice.grant(127)]), ..Edit::default() };
    let alone = alice.update(&view, &alone).await.unwrap_or_else(|code| panic!("{code}"));
    assert_eq!(refused(alice.end(&view).await), Some(RemoteCode::Conflict), "an old revision");
    alice.end(&alone).await.unwrap_or_else(|code| panic!("{code}"));
    let gone = alice.get(container).await.unwrap_or_else(|code| panic!("its last reader: {code}"));
    assert!(gone.tombstone.is_some() && gone.blob.is_none() && gone.content_segment.is_none());
    assert_eq!(refused(alice.update(&alone, &content("x")).await), Some(RemoteCode::Deleted));
    assert_eq!(refused(bob.get(container).await), Some(RemoteCode::ContainerNotFound));
    let list = alice.done(&Route::ListContainers { after: None, limit: 10 }, Vec::new()).await;
    let list: ContainerList = from_json("list", &list).unwrap_or_else(|error| panic!("{error}"));
    assert!(list.containers.is_empty(), "it is still listed");
}
