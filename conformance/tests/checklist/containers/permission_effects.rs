//! What each right, taken away, takes away: everything but one for Bob.

use super::wire::{answer, traffic};
use crate::people::{Device, assert_refused, people};
use absio_proto::model::{AccessChange, AccessList, ContainerId, EventFilter, Grant, Permissions, Portion};
use absio_proto::ops::container::{Changed, Create, Get, Update, Warning};
use absio_proto::wire::Availability;
use absio_proto::{Error, InputError, RemoteCode};
use serde_json::json;

/// A container of everything; Bob has `rights`, and its manifest at hand.
fn shared(alice: &Device, bob: &Device, rights: i64) -> ContainerId {
    let id = alice.changed(
        Create::new(b"content".to_vec())
            .header(json!({ "h": 1 }))
            .container_type("t1")
            .access(AccessList::of([alice.full(), bob.rights(rights)])),
    );
    bob.run(Get::new(id, Portion::Metadata)).unwrap();
    id
}

/// Nothing changed: Alice sees revision 1 with all it had.
#[track_caller]
fn assert_untouched(alice: &Device, id: ContainerId) {
    let got = alice.get(id).unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"content"[..]));
    assert_eq!(got.header, Some(json!({ "h": 1 })));
    assert_eq!(got.container_type.as_deref(), Some("t1"));
    let metadata = got.metadata.unwrap();
    assert_eq!((metadata.revision, metadata.access.len()), (1, 2));
}

fn content(id: ContainerId) -> Update {
    Update::new(id).content(b"by bob".to_vec())
}

fn header(id: ContainerId) -> Update {
    Update::new(id).header(json!("by bob"))
}

fn kind(id: ContainerId) -> Update {
    Update::new(id).container_type("t2")
}

/// Bob gives himself everything.
fn access(id: ContainerId, bob: &Device) -> Update {
    Update::new(id).access(AccessChange::Set(vec![bob.full()]))
}

#[track_caller]
fn assert_missing(result: Result<Changed, Error>, wanted: &str) {
    match result {
        Err(Error::Input(InputError::MissingRight { right, .. })) if right == wanted => {}
        other => panic!("expected that {wanted} is missing, got {other:?}"),
    }
}

#[test]
fn s125_without_access_view_only_the_own_row_is_shown() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 8);
    bob.broker.record();
    let got = bob.get(id).unwrap();
    assert_eq!(got.access().unwrap().keys().collect::<Vec<_>>(), [&bob.id()]);
    assert!(!got.metadata.as_ref().unwrap().access_complete);
    // Amended (F15): who made and who changed it is always visible.
    assert_eq!(got.created_by(), Some(alice.id()));
    assert_eq!(got.content.as_deref(), Some(&b"content"[..]));
    let shown = super::wire::newest(&answer(&traffic(&bob.broker), id, bob.id()));
    assert!(shown.access().entries().all(|entry| [alice.id(), bob.id()].contains(&entry.user)));
}

#[test]
fn s125_third_parties_stay_unknown_to_who_lacks_access_view() {
    let [alice, bob, carol] = people();
    let id = alice.create(b"x", &[alice.full(), bob.rights(127 - 8), carol.full()]);
    bob.broker.record();
    bob.get(id).unwrap();
    for exchange in traffic(&bob.broker) {
        let body = exchange.outcome.unwrap().body;
        assert!(!body.windows(16).any(|window| window == carol.id().as_bytes()));
    }
}

#[test]
fn s126_without_access_modify_neither_access_nor_content_changes() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 16);
    assert_refused(bob.update(access(id, &bob)), RemoteCode::PermissionDenied);
    assert_refused(bob.update(content(id)), RemoteCode::UploadNeedsAccess);
    assert_refused(bob.update(header(id)), RemoteCode::UploadNeedsAccess);
    assert_untouched(&alice, id);
    bob.update(kind(id)).unwrap();
}

#[test]
fn s127_without_decrypt_there_is_no_key_and_nothing_in_the_clear() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 2);
    bob.broker.record();
    let got = bob.get(id).unwrap();
    assert_eq!((&got.header, &got.content), (&None, &None));
    assert!(got.encrypted() && got.container_keys().is_none());
    assert_eq!(answer(&traffic(&bob.broker), id, bob.id()).blob, None);
    assert_missing(bob.update(content(id)), "container.decrypt");
    assert_untouched(&alice, id);
}

#[test]
fn s127_f18_without_decrypt_nobody_else_is_given_it() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob, 127 - 2);
    let share = |permissions| Update::new(id).access(AccessChange::Set(vec![carol.rights(permissions)]));
    assert_missing(bob.update(share(11)), "container.decrypt");
    assert_untouched(&alice, id);
    bob.update(share(9)).unwrap();
    assert_eq!(carol.get(id).unwrap().content, None);
}

#[test]
fn s128_without_download_no_data_comes_and_metadata_does() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 1);
    bob.broker.record();
    let got = bob.get(id).unwrap();
    assert_eq!((&got.header, &got.content, got.data()), (&None, &None, None));
    assert_eq!(got.container_type.as_deref(), Some("t1"));
    assert_eq!(got.access().unwrap().len(), 2);
    let answer = answer(&traffic(&bob.broker), id, bob.id());
    assert_eq!((answer.header, answer.content), (Availability::Denied, Availability::Denied));
    assert_eq!((answer.header_segment, answer.content_segment), (None, None));
}

#[test]
fn s128_without_download_large_contents_are_refused_in_parts_too() {
    let [alice, bob] = people();
    let grants = AccessList::of([alice.full(), bob.rights(127 - 1)]);
    let id = alice.changed(Create::new(vec![1; 5 << 20]).access(grants));
    assert_eq!(bob.get(id).unwrap().content, None);
}

#[test]
fn s129_without_type_view_the_type_is_unknown() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 64);
    bob.broker.record();
    assert_eq!(bob.get(id).unwrap().container_type, None);
    alice.update(Update::new(id).container_type("t9")).unwrap();
    let events = bob.events(EventFilter { container_id: Some(id), ..EventFilter::default() });
    assert!(events.len() >= 2 && events.iter().all(|event| event.container_type.is_none()));
    let by_type = EventFilter { container_type: Some("t9".into()), ..EventFilter::default() };
    assert!(bob.events(by_type).is_empty());
    for exchange in
        traffic(&bob.broker).iter().filter(|exchange| exchange.request.path.contains(&id.to_string()))
    {
        let body = &exchange.outcome.as_ref().unwrap().body;
        assert!(!body.windows(2).any(|window| window == b"t1"));
    }
}

#[test]
fn s130_x26_without_type_modify_a_call_with_a_type_is_refused_whole() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 32);
    assert_refused(bob.update(kind(id)), RemoteCode::PermissionDenied);
    assert_refused(bob.update(content(id).container_type("t2")), RemoteCode::PermissionDenied);
    assert_refused(bob.update(access(id, &bob).container_type("t2")), RemoteCode::PermissionDenied);
    assert_untouched(&alice, id);
    bob.update(content(id)).unwrap();
    assert_eq!(alice.content(id), Some(b"by bob".to_vec()));
}

#[test]
fn s131_s136_without_upload_type_and_access_still_go_by_their_own_rights() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob, 127 - 4);
    assert_refused(bob.update(content(id)), RemoteCode::PermissionDenied);
    assert_refused(bob.update(header(id)), RemoteCode::PermissionDenied);
    assert_refused(bob.update(header(id).container_type("t2")), RemoteCode::PermissionDenied);
    assert_untouched(&alice, id);
    bob.update(kind(id)).unwrap();
    bob.update(Update::new(id).access(AccessChange::Set(vec![Grant::recipient(carol.id())]))).unwrap();
    assert_eq!(carol.content(id), Some(b"content".to_vec()));
}

#[test]
fn s131_the_missing_right_is_named() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 4);
    match bob.update(content(id)) {
        Err(Error::Remote(error)) => assert!(error.message.contains("container.upload"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s132_rights_taken_away_are_gone_at_the_next_get() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127);
    assert_eq!(bob.content(id), Some(b"content".to_vec()));
    for rights in [127 - 1, 127 - 2] {
        let less = AccessChange::Set(vec![bob.rights(rights)]);
        alice.update(Update::new(id).access(less)).unwrap();
        assert_eq!(bob.content(id), None);
    }
    alice.update(Update::new(id).access(AccessChange::Set(vec![bob.full()]))).unwrap();
    assert_eq!(bob.content(id), Some(b"content".to_vec()));
}

#[test]
fn s132_rights_given_count_at_the_next_update_without_a_get() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 1);
    assert_missing(bob.update(content(id)), "access.view");
    alice.update(Update::new(id).access(AccessChange::Set(vec![bob.full()]))).unwrap();
    bob.update(content(id)).unwrap();
    assert_eq!(alice.content(id), Some(b"by bob".to_vec()));
}

#[test]
fn s133_mc_modify_without_view_replaces_the_list_only_by_force_and_warns() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 8);
    let carol = crate::people::person(&alice.broker);
    let only = || AccessChange::Replace(AccessList::of([bob.full(), Grant::recipient(carol.id())]));
    assert_missing(bob.update(Update::new(id).access(only())), "access.view");
    assert_missing(bob.update(access(id, &bob).force()), "access.view");
    assert_untouched(&alice, id);
    let changed = bob.update(Update::new(id).access(only()).force()).unwrap();
    assert_eq!(changed.warnings, [Warning::ReplacedUnseenAccess]);
    assert_refused(alice.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(carol.content(id), Some(b"content".to_vec()));
}

#[test]
fn s134_upload_without_access_modify_has_its_own_error() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 1 + 2 + 4 + 8);
    assert_refused(bob.update(content(id)), RemoteCode::UploadNeedsAccess);
    assert_refused(bob.update(header(id)), RemoteCode::UploadNeedsAccess);
    assert_untouched(&alice, id);
}

#[test]
fn s134_a_large_upload_without_the_rights_leaves_nothing_behind() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 1 + 2 + 4 + 8);
    assert_refused(bob.update(Update::new(id).content(vec![1; 5 << 20])), RemoteCode::UploadNeedsAccess);
    assert_untouched(&alice, id);
}

#[test]
fn s135_such_a_grant_is_refused_when_strict_only() {
    let [alice, bob] = people();
    for rights in [4, 4 + 8, 4 + 16, 1 + 2 + 4 + 8, 127 - 8, 127 - 16] {
        let list = AccessList::of([alice.full(), bob.rights(rights)]);
        let strict = Create::new(b"x".to_vec()).access(list.clone()).strict_permissions();
        let (result, requests) = alice.requests(|alice| alice.run(strict));
        assert!(
            matches!(result, Err(Error::Input(InputError::RefusedPermissions { user, .. })) if user == bob.id())
        );
        assert_eq!(requests, 0);
        let id = alice.changed(Create::new(b"x".to_vec()).access(list));
        let again = Update::new(id).access(AccessChange::Set(vec![bob.rights(rights)])).strict_permissions();
        assert!(matches!(
            alice.update(again),
            Err(Error::Input(InputError::RefusedPermissions { user, .. })) if user == bob.id()
        ));
    }
    let fine = AccessList::of([alice.full(), bob.rights(4 + 8 + 16)]);
    alice.run(Create::new(b"x".to_vec()).access(fine).strict_permissions()).unwrap();
}

#[test]
fn x26_upload_without_view_is_refused() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob, 127 - 8);
    assert_missing(bob.update(content(id)), "access.view");
    assert_missing(bob.update(header(id).force()), "access.view");
    assert_untouched(&alice, id);
    bob.update(kind(id)).unwrap();
}

#[test]
fn s115_to_s122_the_integers_that_stand_for_rights() {
    assert_eq!(Permissions::default().as_int(), 127);
    let without = Permissions::default() - Permissions::CONTAINER_DOWNLOAD - Permissions::CONTAINER_DECRYPT;
    assert_eq!(without.as_int(), 124);
    assert_eq!((Permissions::empty() | Permissions::ACCESS_VIEW).as_int(), 8);
    let flags: Vec<_> = Permissions::from_int(42).unwrap().names().collect();
    assert_eq!(flags, ["container.decrypt", "container.type.modify", "access.view"]);
    for value in 0..=255 {
        let permissions = Permissions::from_int(value).unwrap();
        let again = permissions.iter().fold(Permissions::empty(), |sum, flag| sum | flag);
        assert_eq!(i64::from(again.as_int()), value);
    }
    for value in [-1, 256, 1 << 20, i64::MIN] {
        assert!(Permissions::from_int(value).is_err());
    }
}

#[test]
fn s120_the_text_form_is_the_seeds() {
    let text = |value| Permissions::from_int(value).unwrap().to_string();
    assert_eq!(
        text(127),
        "<Permission(container.download|container.decrypt|container.upload|container.type.view|\
         container.type.modify|access.view|access.modify) int=127>"
    );
    assert_eq!(
        text(124),
        "<Permission(container.upload|container.type.view|container.type.modify|access.view|\
         access.modify) int=124>"
    );
    assert_eq!(text(8), "<Permission(access.view) int=8>");
    assert_eq!(text(42), "<Permission(container.decrypt|container.type.modify|access.view) int=42>");
}

#[test]
fn s121_each_flag_is_its_own_bit() {
    let bits = [
        (Permissions::CONTAINER_DOWNLOAD, 1),
        (Permissions::CONTAINER_DECRYPT, 2),
        (Permissions::CONTAINER_UPLOAD, 4),
        (Permissions::ACCESS_VIEW, 8),
        (Permissions::ACCESS_MODIFY, 16),
        (Permissions::CONTAINER_TYPE_MODIFY, 32),
        (Permissions::CONTAINER_TYPE_VIEW, 64),
    ];
    for (flag, bit) in bits {
        let mut permissions = Permissions::empty();
        permissions.set(flag, true);
        assert_eq!(permissions.as_int(), bit);
        permissions = Permissions::default();
        permissions.set(flag, false);
        assert_eq!(permissions.as_int(), 127 - bit);
    }
}
