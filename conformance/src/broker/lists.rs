//! Lists of containers and of revisions, page by page.

use super::actor::{Actor, Line};
use super::containers::retyped;
use absio_proto::RemoteCode;
use absio_proto::effect::HttpRequest;
use absio_proto::model::ContainerId;
use absio_proto::wire::{ContainerList, ManifestPage, Route, from_json};
use std::collections::BTreeSet;

async fn page(actor: &Actor, after: Option<ContainerId>, limit: usize) -> ContainerList {
    let body = actor.done(&Route::ListContainers { after, limit }, Vec::new()).await;
    from_json("list", &body).unwrap_or_else(|error| panic!("{error}"))
}

/// By ascending id, each once; types for those who may see them.
pub(super) async fn containers_come_in_pages(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let mut made = BTreeSet::new();
    for _ in 0..5 {
        made.insert(alice.share(vec![alice.grant(127), bob.grant(11)]).await.body().container);
    }
    let first = page(&alice, None, 3).await;
    let second = page(&alice, first.containers.last().map(|summary| summary.container_id), 3).await;
    assert!(first.containers.len() == 3 && first.more && !second.more);
    let listed: Vec<_> = [first.containers, second.containers].concat();
    assert!(listed.iter().map(|summary| summary.container_id).eq(made), "each once, in order");
    assert!(listed.iter().all(|summary| summary.container_type.as_deref() == Some("t1")));
    assert!(listed.iter().all(|summary| !summary.sole && summary.revision == 1));
    let bobs = page(&bob, None, 10).await.containers;
    assert!(bobs.len() == 5 && bobs.iter().all(|summary| summary.container_type.is_none()));
}

/// From the revision asked for, with the cards of their signers.
pub(super) async fn manifests_come_in_pages(line: Line) {
    let alice = line.actor().await;
    let mut view = alice.share(vec![alice.grant(127)]).await;
    for text in ["t2", "t3", "t4"] {
        view = alice.update(&view, &retyped(text)).await.unwrap_or_else(|code| panic!("{code}"));
    }
    let container = view.body().container;
    let page = async |from, limit| {
        let body = alice.done(&Route::Manifests { container, from, limit }, Vec::new()).await;
        ManifestPage::decode(&body).unwrap_or_else(|error| panic!("{error}"))
    };
    let (first, last, beyond) = (page(1, 3).await, page(4, 3).await, page(5, 3).await);
    assert_eq!((first.views.len(), first.more), (3, true));
    assert_eq!((last.views.len(), last.more), (1, false));
    assert_eq!(last.views[0], view.encode());
    assert!(beyond.views.is_empty() && !beyond.more);
    assert!(first.cards.iter().any(|(user, _)| *user == alice.id()), "the signer's card comes along");
    let zero = Route::Manifests { container, from: 0, limit: 3 };
    assert_eq!(alice.ask(&zero, Vec::new()).await, Err(RemoteCode::BadRequest));
}

/// One to a thousand; of manifests sixty-four.
pub(super) async fn limits_of_pages_are_kept(line: Line) {
    let alice = line.actor().await;
    let view = alice.share(vec![alice.grant(127)]).await;
    let manifests = format!("/v1/containers/{}/manifests", view.body().container);
    let list = Route::ListContainers { after: None, limit: 1 };
    for (path, limit, taken) in [
        ("/v1/containers", "0", false),
        ("/v1/containers", "1001", false),
        ("/v1/containers", "1000", true),
        (manifests.as_str(), "0", false),
        (manifests.as_str(), "65", false),
        (manifests.as_str(), "64", true),
    ] {
        let path = format!("{path}?limit={limit}");
        let request = HttpRequest { path: path.clone(), ..alice.request(&list, Vec::new()) };
        let code = line.code(request).await;
        assert_eq!(code, (!taken).then_some(RemoteCode::BadRequest), "{path}");
    }
}
