//! The main job through the handler, with real crypto.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::Fixture;
use absio_proto::RemoteCode;
use absio_proto::model::Portion;
use absio_proto::wire::Availability;
use support::{Actor, Edit};

#[test]
fn two_people_share_a_container_and_an_outsider_sees_nothing() {
    let fixture = Fixture::seeded(1);
    let (alice, bob, eve) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3), Actor::new(&fixture, 4));
    let view = alice.share(vec![alice.grant(127), bob.grant(11)]);
    let id = view.body().container;

    let got = bob.get(id).unwrap();
    assert_eq!((got.header, got.content), (Availability::Inline, Availability::Inline));
    assert!(got.blob.is_some() && got.complete);
    assert_eq!(eve.get(id), Err(RemoteCode::ContainerNotFound));

    let edit = Edit { content: Some(Some(b"new".to_vec())), ..Edit::default() };
    let second = alice.update(&view, &edit).unwrap();
    assert_eq!(second.body().revision, 2);
    assert_eq!(bob.get_portion(id, Portion::All, Some(1)).unwrap().views.len(), 2);
    assert_eq!(bob.update(&second, &edit).map(|_| ()), Err(RemoteCode::PermissionDenied));

    let left = bob.leave(&second).unwrap();
    assert_eq!(bob.get(id), Err(RemoteCode::ContainerNotFound));
    alice.end(&left).unwrap();
    assert!(alice.get(id).unwrap().tombstone.is_some());
}

/// The handler is pure: the same seed, clock and requests give the same bytes.
#[test]
fn equal_seeds_give_equal_traffic() {
    let traffic = |seed| {
        let fixture = Fixture::seeded(seed);
        fixture.record();
        let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
        let view = alice.share(vec![alice.grant(127), bob.grant(11)]);
        bob.get(view.body().container).unwrap();
        fixture.recorded().into_iter().map(|exchange| exchange.outcome.unwrap().body).collect::<Vec<_>>()
    };
    assert_eq!(traffic(1), traffic(1));
    assert_ne!(traffic(1), traffic(2), "nonces and tokens are random");
}
