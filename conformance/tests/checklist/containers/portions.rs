//! Which parts of a container a get brings.

use super::wire::{answer, traffic, volume};
use crate::people::{Device, people};
use absio_proto::model::{ContainerId, Grant, Portion};
use absio_proto::ops::container::{Create, Get};
use absio_proto::wire::Availability;
use absio_proto::{Error, InputError};
use serde_json::{Value, json};

fn container(device: &Device, length: usize) -> ContainerId {
    device.changed(Create::new(vec![9; length]).header(json!({ "h": 1 })).container_type("t"))
}

/// Header, content, and the bytes that came for them.
fn get(device: &Device, id: ContainerId, portion: Portion) -> (Option<Value>, Option<usize>, usize) {
    device.broker.record();
    let got = device.run(Get::new(id, portion)).unwrap();
    assert!(!got.encrypted());
    assert_eq!(got.container_type.as_deref(), Some("t"));
    assert_eq!(got.created_by(), Some(device.id()));
    assert_eq!(got.access().unwrap().len(), 1);
    let received = volume(&traffic(&device.broker)).1;
    (got.header, got.content.map(|content| content.len()), received)
}

#[test]
fn s051_s052_s053_s054_each_portion_brings_its_sections() {
    let [alice] = people();
    let id = container(&alice, 100_000);
    let header = Some(json!({ "h": 1 }));
    let (got, content, _) = get(&alice, id, Portion::default());
    assert_eq!((got, content), (header.clone(), Some(100_000)));
    let (got, content, metadata_bytes) = get(&alice, id, Portion::Metadata);
    assert_eq!((got, content), (None, None));
    let (got, content, header_bytes) = get(&alice, id, Portion::Header);
    assert_eq!((got, content), (header, None));
    let (got, content, content_bytes) = get(&alice, id, Portion::Content);
    assert_eq!((got, content), (None, Some(100_000)));
    assert!(metadata_bytes < header_bytes && header_bytes < 8192 && content_bytes > 100_000);
}

#[test]
fn s052_metadata_moves_no_segment() {
    let [alice] = people();
    let id = container(&alice, 1000);
    alice.broker.record();
    alice.run(Get::new(id, Portion::Metadata)).unwrap();
    let answer = answer(&traffic(&alice.broker), id, alice.id());
    assert_eq!((answer.header, answer.content), (Availability::Omitted, Availability::Omitted));
    assert_eq!((answer.header_segment, answer.content_segment), (None, None));
}

#[test]
fn s053_the_header_of_a_large_container_costs_one_small_answer() {
    let [alice] = people();
    let id = container(&alice, 20 << 20);
    let ((header, content, received), requests) = alice.requests(|alice| get(alice, id, Portion::Header));
    assert_eq!((header, content, requests), (Some(json!({ "h": 1 })), None, 1));
    assert!(received < 8192, "{received} bytes came");
}

#[test]
fn s055_other_words_are_no_portion() {
    for word in ["foo", "", "All", "metadata "] {
        assert!(matches!(
            word.parse::<Portion>(),
            Err(InputError::InvalidArgument { argument: "portion", .. })
        ));
    }
    for portion in [Portion::All, Portion::Content, Portion::Header, Portion::Metadata] {
        assert_eq!(portion.to_string().parse::<Portion>(), Ok(portion));
    }
}

#[test]
fn s056_s137_without_download_or_decrypt_a_get_gives_what_is_left() {
    let [alice, no_download, no_decrypt, neither] = people();
    let id = alice.changed(Create::new(b"content".to_vec()).header(json!({ "h": 1 })).access(
        absio_proto::model::AccessList::of([
            alice.full(),
            no_download.rights(127 - 1),
            no_decrypt.rights(127 - 2),
            neither.rights(127 - 3),
        ]),
    ));
    for device in [&no_download, &no_decrypt, &neither] {
        for portion in [Portion::All, Portion::Header, Portion::Content, Portion::Metadata] {
            let got = device.run(Get::new(id, portion)).unwrap();
            assert_eq!((got.header, got.content), (None, None));
            assert_eq!(got.metadata.unwrap().access.len(), 4);
        }
    }
    assert!(no_decrypt.get(id).unwrap().encrypted(), "the ciphertext is theirs to download");
    assert!(no_download.get(id).unwrap().data().is_none());
    assert!(neither.get(id).unwrap().data().is_none());
}

#[test]
fn s191_a_get_may_leave_the_container_encrypted() {
    let [alice, bob] = people();
    let grants = [alice.full(), bob.rights(127 - 2)];
    let id = alice.changed(
        Create::new(b"content".to_vec())
            .header(json!({ "h": 1 }))
            .access(absio_proto::model::AccessList::of(grants)),
    );
    let mut got = alice.run(Get::new(id, Portion::All).encrypted()).unwrap();
    assert!(got.encrypted() && got.container_keys().is_some());
    assert_eq!((&got.header, &got.content), (&None, &None));
    got.decrypt(None).unwrap();
    assert_eq!((got.header, got.content), (Some(json!({ "h": 1 })), Some(b"content".to_vec())));

    let got = bob.run(Get::new(id, Portion::All).encrypted()).unwrap();
    assert!(got.encrypted() && got.container_keys().is_none());
}

#[test]
fn s191_a_large_container_is_not_given_encrypted() {
    let [alice] = people();
    let id = container(&alice, 5 << 20);
    let result = alice.run(Get::new(id, Portion::All).encrypted());
    assert!(matches!(result, Err(Error::Input(InputError::Unsupported { .. }))));
}

#[test]
fn s197_a_change_gives_back_the_container_as_its_writer_sees_it() {
    let [alice, bob] = people();
    let made = alice.run(Create::new(b"x".to_vec())).unwrap().container;
    assert_eq!((made.created_at(), made.modified_at()), (Some(alice.now()), None));
    let id = made.id.unwrap();
    alice.broker.clock().advance(std::time::Duration::from_secs(9));
    let share = absio_proto::model::AccessChange::Set(vec![Grant::recipient(bob.id()), bob.rights(127 - 8)]);
    let changed = alice.update(absio_proto::ops::container::Update::new(id).access(share)).unwrap().container;
    assert_eq!((changed.modified_at(), changed.modified_by()), (Some(alice.now()), Some(alice.id())));
    assert_eq!(changed.access().unwrap().len(), 2);
    let retyped = bob.update(absio_proto::ops::container::Update::new(id).container_type("t")).unwrap();
    let access = retyped.container.access().unwrap();
    assert_eq!(access.keys().collect::<Vec<_>>(), [&bob.id()], "without access.view only the own row");
    assert_eq!(retyped.container.modified_by(), Some(bob.id()));
}
