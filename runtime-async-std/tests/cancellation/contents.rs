//! Contents of several parts, dropped on their way up and down.

use crate::device::{Device, at_every_step};
use absio_async_std::{MemorySink, MemorySource};
use absio_broker::Fixture;
use absio_proto::model::{AccessList, ContainerId, Portion};
use absio_proto::ops::container::{ContentInput, Create};

fn film() -> Vec<u8> {
    (0..(5_u32 << 20)).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn create(access: AccessList, film: &[u8]) -> Create {
    Create::new(ContentInput::Streamed { length: film.len() as u64 }).access(access)
}

async fn is_whole(device: &Device, id: ContainerId, film: &[u8]) -> bool {
    let mut sink = MemorySink::new();
    device.client.container().get_into(id, Portion::All, &mut sink).await.unwrap();
    sink.into_bytes() == film
}

#[test]
fn a_dropped_upload_made_a_whole_container_or_none() {
    let (film, mut none, mut one) = (film(), 0, 0);
    let steps = at_every_step(async |steps| {
        let alice = Device::join(&Fixture::at_present()).await;
        let own = || AccessList::Users(vec![alice.user.id()]);
        let (mut first, mut again) = (MemorySource::new(&film), MemorySource::new(&film));
        let upload = alice.client.container().create_from(create(own(), &film), &mut first);
        let ended = alice.fuse.drop_after(steps, upload).await;
        let listed = alice.client.container().list().await.unwrap();
        for container in &listed {
            assert!(is_whole(&alice, container.container, &film).await);
        }
        *(if listed.is_empty() { &mut none } else { &mut one }) += 1;
        let made = alice.client.container().create_from(create(own(), &film), &mut again).await.unwrap();
        assert!(is_whole(&alice, made.container.id.unwrap(), &film).await);
        ended.is_some()
    });
    assert!(steps > 10 && none > 4 && one > 0, "{steps} {none} {one}");
}

#[test]
fn a_dropped_download_is_whole_when_asked_again() {
    let film = film();
    let broker = Fixture::at_present();
    let steps = at_every_step(async |steps| {
        let (alice, bob) = (Device::join(&broker).await, Device::join(&broker).await);
        let both = AccessList::Users(vec![alice.user.id(), bob.user.id()]);
        let mut source = MemorySource::new(&film);
        let made = alice.client.container().create_from(create(both, &film), &mut source).await.unwrap();
        let id = made.container.id.unwrap();
        let mut sink = MemorySink::new();
        let download = bob.client.container().get_into(id, Portion::All, &mut sink);
        let ended = bob.fuse.drop_after(steps, download).await;
        assert!(is_whole(&bob, id, &film).await);
        let kept = bob.later().await;
        let mut sink = MemorySink::new();
        kept.container().get_into(id, Portion::All, &mut sink).await.unwrap();
        assert!(sink.into_bytes() == film);
        ended.is_some()
    });
    assert!(steps > 10, "{steps}");
}
