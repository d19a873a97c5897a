//! A future dropped at any await leaves a sound state: each call is dropped before and after each of its
//! effects in turn, until it ends undropped. The same client then goes on, a repeat succeeds, the
//! container is as before or as after, and the local store opens in a later program without the broker.
#![allow(clippy::unwrap_used)]

mod contents;
mod device;
#[path = "../people/mod.rs"]
mod people;

use absio_async_std::Client;
use absio_broker::Fixture;
use absio_proto::model::{AccessList, ContainerId, Portion};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::{Follow, Options, Sync};
use device::{Device, at_every_step};
use people::{PASSPHRASE, PASSWORD, builder};
use smol::block_on;
use smol::future::FutureExt;

#[test]
fn a_dropped_create_made_one_container_or_none() {
    let (mut none, mut one) = (0, 0);
    let steps = at_every_step(async |steps| {
        let alice = Device::join(&Fixture::at_present()).await;
        let create = || Create::new(b"mine".to_vec());
        let ended = alice.fuse.drop_after(steps, alice.client.container().create(create())).await;
        let listed = alice.client.container().list().await.unwrap();
        assert!(listed.len() <= 1);
        for container in &listed {
            assert_eq!(alice.read(container.container).await, b"mine");
            alice.keeps(container.container, b"mine").await;
        }
        *(if listed.is_empty() { &mut none } else { &mut one }) += 1;
        let id = alice.write(b"again").await;
        assert_eq!(alice.read(id).await, b"again");
        alice.keeps(id, b"again").await;
        assert_eq!(alice.elsewhere().await.container().list().await.unwrap().len(), listed.len() + 1);
        ended.is_some()
    });
    // The control: drops fell on both sides of the change.
    assert!(steps > 4 && none > 0 && one > 1, "{steps} {none} {one}");
}

/// Updates a container after an update that was dropped. If that one was made without this device having
/// heard of it, the next is refused as any that would undo a change unseen: whoever asks looks first. Says
/// whether it was so.
async fn update_again(client: &Client, id: ContainerId, content: &[u8]) -> bool {
    let update = || Update::new(id).content(content.to_vec());
    match client.container().update(update()).await {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.code(), "changed_meanwhile");
            let fresh = client.with(Options::new().force_refresh());
            fresh.container().get(id, Portion::All).await.unwrap();
            client.container().update(update()).await.unwrap();
            true
        }
    }
}

#[test]
fn a_dropped_update_leaves_the_old_revision_or_the_new_one() {
    let (mut old, mut new, mut made_behind) = (0, 0, 0);
    let steps = at_every_step(async |steps| {
        let alice = Device::join(&Fixture::at_present()).await;
        let id = alice.write(b"old").await;
        let update = |content: &[u8]| Update::new(id).content(content.to_vec());
        let ended = alice.fuse.drop_after(steps, alice.client.container().update(update(b"new"))).await;
        let elsewhere = alice.elsewhere().await;
        let there = elsewhere.container().get(id, Portion::All).await.unwrap().content.unwrap();
        match &there[..] {
            b"old" => old += 1,
            b"new" => new += 1,
            other => panic!("{other:?}"),
        }
        assert!([&b"old"[..], b"new"].contains(&&alice.read(id).await[..]));
        made_behind += usize::from(update_again(&alice.client, id, b"newest").await);
        assert_eq!(alice.read(id).await, b"newest");
        alice.keeps(id, b"newest").await;
        let there = elsewhere.container().get(id, Portion::All).await.unwrap();
        assert_eq!(there.content.as_deref(), Some(&b"newest"[..]));
        ended.is_some()
    });
    assert!(steps > 4 && old > 1 && new > 1 && made_behind > 0, "{steps} {old} {new} {made_behind}");
}

#[test]
fn a_dropped_get_is_asked_again() {
    let steps = at_every_step(async |steps| {
        let broker = Fixture::at_present();
        let (alice, bob) = (Device::join(&broker).await, Device::join(&broker).await);
        let access = AccessList::Users(vec![alice.user.id(), bob.user.id()]);
        let create = Create::new(b"for both".to_vec()).access(access);
        let id = alice.client.container().create(create).await.unwrap().container.id.unwrap();
        let ended = bob.fuse.drop_after(steps, bob.client.container().get(id, Portion::All)).await;
        assert_eq!(bob.read(id).await, b"for both");
        bob.keeps(id, b"for both").await;
        ended.is_some()
    });
    assert!(steps > 4, "{steps}");
}

#[test]
fn a_dropped_delete_removed_the_container_or_did_not() {
    let (mut there, mut gone) = (0, 0);
    let steps = at_every_step(async |steps| {
        let alice = Device::join(&Fixture::at_present()).await;
        let (id, other) = (alice.write(b"unwanted").await, alice.write(b"wanted").await);
        let ended = alice.fuse.drop_after(steps, alice.client.container().delete(id)).await;
        let listed = alice.elsewhere().await.container().list().await.unwrap();
        *(if listed.len() == 2 { &mut there } else { &mut gone }) += 1;
        match alice.client.container().delete(id).await {
            Ok(()) => {}
            Err(error) => assert!(["deleted", "container_not_found"].contains(&error.code()), "{error:?}"),
        }
        assert!(alice.client.container().get(id, Portion::All).await.is_err());
        assert!(alice.later().await.container().get(id, Portion::All).await.is_err());
        assert_eq!(alice.client.container().list().await.unwrap().len(), 1);
        alice.keeps(other, b"wanted").await;
        ended.is_some()
    });
    assert!(steps > 4 && there > 1 && gone > 1, "{steps} {there} {gone}");
}

#[test]
fn a_dropped_login_signs_in_when_asked_again() {
    let steps = at_every_step(async |steps| {
        let alice = Device::join(&Fixture::at_present()).await;
        let id = alice.write(b"before").await;
        alice.client.logout().await.unwrap();
        let with = || LoginWith::nothing().passphrase(PASSPHRASE).password(PASSWORD);
        let ended = alice.fuse.drop_after(steps, alice.client.login(alice.user.id(), with())).await;
        alice.client.login(alice.user.id(), with()).await.unwrap();
        assert!(alice.client.is_authenticated());
        assert_eq!(alice.read(id).await, b"before");
        let id = alice.write(b"after").await;
        alice.keeps(id, b"after").await;
        ended.is_some()
    });
    assert!(steps > 4, "{steps}");
}

#[test]
fn a_dropped_sync_and_a_dropped_follow_are_taken_up_again() {
    for is_sync in [true, false] {
        let steps = at_every_step(async |steps| {
            let broker = Fixture::at_present();
            let (alice, bob) = (Device::join(&broker).await, Device::join(&broker).await);
            let access = AccessList::Users(vec![alice.user.id(), bob.user.id()]);
            let mut ids = Vec::new();
            for content in [&b"first"[..], b"second"] {
                let create = Create::new(content.to_vec()).access(access.clone());
                ids.push(alice.client.container().create(create).await.unwrap().container.id.unwrap());
            }
            alice.client.container().update(Update::new(ids[0]).content(b"changed".to_vec())).await.unwrap();
            let ended = if is_sync {
                let sync = bob.client.sync(Sync::new().fetching_all());
                bob.fuse.drop_after(steps, sync).await.map(|synced| synced.map(|_| ()))
            } else {
                let follow = bob.client.follow(Follow::new());
                bob.fuse.drop_after(steps, follow).await.map(|followed| followed.map(|_| ()))
            };
            ended.clone().transpose().unwrap();
            if is_sync {
                let synced = bob.client.sync(Sync::new().fetching_all()).await.unwrap();
                assert!(synced.failed.is_empty());
                bob.keeps(ids[0], b"changed").await;
                bob.keeps(ids[1], b"second").await;
            } else {
                bob.client.follow(Follow::new()).await.unwrap();
            }
            assert_eq!(
                (bob.read(ids[0]).await, bob.read(ids[1]).await),
                (b"changed".to_vec(), b"second".to_vec())
            );
            ended.is_some()
        });
        assert!(steps > 4, "{steps}");
    }
}

/// Polls `future` `polls` times, waking as it asks, then drops it.
async fn drop_after_polls<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        // The last poll is not waited for: what it began goes on beside what comes next.
        match future.poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
            std::task::Poll::Pending => std::task::Poll::Pending,
        }
    })
    .await
}

/// Writes `content` until it stands: what goes on beside may change the container once more.
async fn settled(client: &Client, id: ContainerId, content: &[u8]) -> bool {
    let fresh = client.with(Options::new().force_refresh());
    fresh.container().get(id, Portion::All).await.unwrap();
    match client.container().update(Update::new(id).content(content.to_vec())).await {
        Ok(_) => client.container().get(id, Portion::All).await.unwrap().content.as_deref() == Some(content),
        Err(error) => {
            assert!(["changed_meanwhile", "conflict"].contains(&error.code()), "{error:?}");
            false
        }
    }
}

#[cfg(all(unix, feature = "store"))]
#[test]
fn work_that_goes_on_beside_a_dropped_future_harms_no_durable_store() {
    let broker = Fixture::at_present();
    let directory = tempfile::tempdir().unwrap();
    let device = || builder(&broker).root(directory.path());
    let id = block_on(async {
        let (client, user) = people::join_with(device()).await;
        let made = client.container().create(Create::new(b"0".to_vec())).await.unwrap();
        let id = made.container.id.unwrap();
        // How far so many polls reach is the scheduler's affair.
        let mut dropped = 0;
        for polls in (0..12).chain(0..12) {
            let content = format!("{polls} {dropped}").into_bytes();
            let update = client.container().update(Update::new(id).content(content.clone()));
            dropped += usize::from(drop_after_polls(polls, update).await.is_none());
            // What the dropped one had begun at the broker may come before, between or after.
            while !settled(&client, id, &content).await {}
        }
        assert!(dropped > 1, "{dropped}");
        (id, user.id())
    });
    block_on(async {
        let there = builder(&broker).build().await.unwrap();
        there.login(id.1, LoginWith::nothing().passphrase(PASSPHRASE)).await.unwrap();
        let newest = there.container().get(id.0, Portion::All).await.unwrap().content;
        broker.set_stopped(true);
        let later = device().build().await.unwrap();
        assert!(later.quarantined().is_none());
        later.sign_in(id.1, LoginWith::nothing().password(PASSWORD)).await.unwrap();
        assert_eq!(later.container().get(id.0, Portion::All).await.unwrap().content, newest);
    });
}
