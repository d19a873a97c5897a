//! Creating containers.

use crate::people::{Device, people};
use absio_proto::model::{AccessList, Grant};
use absio_proto::ops::container::Create;

#[test]
fn s025_without_access_only_the_creator_has_it() {
    let [alice, bob] = people();
    let changed = alice.run(Create::new(b"secret".to_vec())).unwrap();
    assert!(changed.container.encrypted());
    let id = changed.container.id.unwrap();
    let got = alice.get(id).unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"secret"[..]));
    let access = got.access().unwrap();
    assert_eq!(access.len(), 1);
    assert_eq!(access[&alice.id()].permissions.as_int(), 127);
    assert!(bob.get(id).is_err());
}

#[test]
fn s026_content_of_any_bytes_comes_back() {
    let [alice] = people();
    let large: Vec<u8> = (0..5 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for content in [vec![], vec![7], large] {
        assert_eq!(alice.content(alice.create(&content, &[])), Some(content));
    }
}

#[test]
fn s031_access_as_list_gives_role_defaults() {
    let [alice, bob] = people();
    let users = AccessList::Users(vec![alice.id(), bob.id()]);
    let id = alice.changed(Create::new(b"x".to_vec()).access(users));
    let access = |device: &Device| device.get(id).unwrap().access().unwrap().clone();
    assert_eq!(access(&alice)[&bob.id()].grant(), Grant::recipient(bob.id()));
    assert_eq!(access(&bob)[&alice.id()].grant(), Grant::full(alice.id()));
    assert_eq!(bob.content(id), Some(b"x".to_vec()));
}
