//! Each right, taken away by itself (§14.7).

use super::actor::{Actor, Line};
use super::containers::{content, refused, retyped};
use super::sealing::{Edit, View};
use absio_proto::RemoteCode;
use absio_proto::model::{Permissions, Portion};
use absio_proto::wire::{Availability, ContainerAnswer, Route};

fn without(right: Permissions) -> u32 {
    (Permissions::CREATOR - right).as_int()
}

/// Alice's container, of which Bob has every right but `missing`.
async fn shared(line: &Line, missing: Permissions) -> (Actor, Actor, View) {
    let (alice, bob, carol) = (line.actor().await, line.actor().await, line.actor().await);
    let grants = vec![alice.grant(127), bob.grant(without(missing)), carol.grant(11)];
    let view = alice.share(grants).await;
    (alice, bob, view)
}

async fn read(actor: &Actor, view: &View) -> ContainerAnswer {
    actor.get(view.body().container).await.unwrap_or_else(|code| panic!("a row in the list: {code}"))
}

async fn denied(alice: &Actor, bob: &Actor, view: &View, edit: &Edit, code: RemoteCode) {
    assert_eq!(refused(bob.update(view, edit).await), Some(code));
    let after = read(alice, view).await;
    assert_eq!(after.views.last(), Some(&view.encode()), "a refused change left something behind");
}

/// Of others; their number and what is signed stay the same.
pub(super) async fn without_view_rows_are_hashes(line: Line) {
    let (_, bob, view) = shared(&line, Permissions::ACCESS_VIEW).await;
    let shown = bob.get_portion(view.body().container, Portion::Metadata, None).await;
    let shown = shown.unwrap_or_else(|code| panic!("a row in the list: {code}"));
    let shown = View::decode(shown.views.last().expect("a view")).unwrap_or_else(|error| panic!("{error}"));
    let users: Vec<_> = shown.access().entries().map(|entry| entry.user).collect();
    let all: Vec<_> = view.access().entries().map(|entry| entry.user).collect();
    assert!(users.contains(&bob.id()) && users.len() < all.len(), "{} of {} rows", users.len(), all.len());
    assert_eq!((shown.access().count(), shown.body()), (view.access().count(), view.body()));
}

/// Nobody is added, removed or raised.
pub(super) async fn without_modify_the_list_stays(line: Line) {
    let (alice, bob, view) = shared(&line, Permissions::ACCESS_MODIFY).await;
    let edit = Edit { access: Some(vec![alice.grant(127), bob.grant(127)]), ..Edit::default() };
    denied(&alice, &bob, &view, &edit, RemoteCode::PermissionDenied).await;
}

/// The sealed bytes come, the key does not.
pub(super) async fn without_decrypt_no_key(line: Line) {
    let (_, bob, view) = shared(&line, Permissions::CONTAINER_DECRYPT).await;
    let got = read(&bob, &view).await;
    assert!(got.blob.is_none() && got.content_segment.is_some());
}

/// Neither section, by no path.
pub(super) async fn without_download_no_bytes(line: Line) {
    let (_, bob, view) = shared(&line, Permissions::CONTAINER_DOWNLOAD).await;
    let got = read(&bob, &view).await;
    assert_eq!((got.header, got.content), (Availability::Denied, Availability::Denied));
    assert!(got.header_segment.is_none() && got.content_segment.is_none());
    let container = view.body().container;
    for route in [
        Route::Content { container, epoch: 1, offset: 0, length: 10 },
        Route::Chunks { container, epoch: 1, first: 0, count: 1, bytes: true },
    ] {
        assert_eq!(bob.ask(&route, Vec::new()).await, Err(RemoteCode::PermissionDenied), "{route:?}");
    }
}

/// The commitment stands in the manifest, what opens it does not come.
pub(super) async fn without_type_view_no_type(line: Line) {
    let (_, bob, view) = shared(&line, Permissions::CONTAINER_TYPE_VIEW).await;
    assert!(read(&bob, &view).await.type_opening.is_none());
}

/// Nothing of a change that includes the type happens.
pub(super) async fn without_type_modify_the_type_stays(line: Line) {
    let (alice, bob, view) = shared(&line, Permissions::CONTAINER_TYPE_MODIFY).await;
    denied(&alice, &bob, &view, &retyped("x"), RemoteCode::PermissionDenied).await;
    let both = Edit { container_type: Some(Some("x")), ..content("x") };
    denied(&alice, &bob, &view, &both, RemoteCode::PermissionDenied).await;
}

/// What needs no upload passes.
pub(super) async fn without_upload_content_and_header_stay(line: Line) {
    let (alice, bob, view) = shared(&line, Permissions::CONTAINER_UPLOAD).await;
    denied(&alice, &bob, &view, &content("x"), RemoteCode::PermissionDenied).await;
    let header = Edit { header: Some(Some(b"{}".to_vec())), ..Edit::default() };
    denied(&alice, &bob, &view, &header, RemoteCode::PermissionDenied).await;
    assert_eq!(refused(bob.update(&view, &retyped("x")).await), None, "a type is no upload");
}

/// For keys are wrapped anew for everybody.
pub(super) async fn uploads_need_view_and_modify(line: Line) {
    for missing in [Permissions::ACCESS_VIEW, Permissions::ACCESS_MODIFY] {
        let (alice, bob, view) = shared(&line, missing).await;
        denied(&alice, &bob, &view, &content("x"), RemoteCode::UploadNeedsAccess).await;
    }
}
