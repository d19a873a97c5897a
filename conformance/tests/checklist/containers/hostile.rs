//! A server, or whoever is on the way, that answers with something else.

use super::wire::{answer, changes, is_change, is_get, newest, traffic};
use crate::people::{Device, people};
use absio_broker::Fault;
use absio_proto::crypto::manifest::{AccessSlots, ManifestBody};
use absio_proto::crypto::{AccessEntry, Author, ContainerKeys, Manifest, ManifestView};
use absio_proto::effect::{HttpResponse, Method};
use absio_proto::model::{AccessList, ContainerId, Grant, Permissions, Portion, Timestamp, UserId};
use absio_proto::ops::container::{Create, Get, Update};
use absio_proto::wire::{Availability, ContainerAnswer, ContainerChanged, KeysAnswer, ManifestPage, to_json};
use absio_proto::{CryptoError, Error, RemoteCode, User};
use serde_json::json;

fn shared(alice: &Device, bob: &Device) -> ContainerId {
    alice.changed(
        Create::new(b"plaintext".to_vec())
            .header(json!({ "h": 1 }))
            .container_type("t1")
            .access(AccessList::of([alice.full(), bob.rights(75)])),
    )
}

/// Another device of the same user: no pins.
fn fresh(device: &Device) -> Device {
    let other = Device::new(&device.broker);
    other.log_in(device.id());
    other
}

/// What the broker answers `device` for `id`.
fn recorded(device: &Device, id: ContainerId) -> HttpResponse {
    device.broker.record();
    device.get(id).unwrap();
    let exchange = device.broker.recorded().into_iter().rfind(|exchange| is_get(exchange, id));
    exchange.unwrap().outcome.unwrap()
}

/// A get that is answered with `response`.
fn get_answered(device: &Device, id: ContainerId, response: HttpResponse) -> Result<Option<Vec<u8>>, Error> {
    device.broker.fault_next(Fault::Answer(response));
    device.get(id).map(|container| container.content)
}

/// A get whose answer is taken apart, altered, and put together again.
fn get_altered(
    device: &Device,
    id: ContainerId,
    alter: impl FnOnce(&mut ContainerAnswer) + Send + 'static,
) -> Result<Option<Vec<u8>>, Error> {
    let reader = device.id();
    device.broker.fault_next(Fault::Alter(Box::new(move |response| {
        let mut answer = ContainerAnswer::decode(&response.body, reader).unwrap();
        alter(&mut answer);
        response.body = answer.encode(reader);
    })));
    device.get(id).map(|container| container.content)
}

fn position(body: &[u8], part: &[u8]) -> core::ops::Range<usize> {
    let start = body.windows(part.len()).position(|window| window == part).unwrap();
    start..start + part.len()
}

#[test]
fn s059_any_flipped_byte_of_an_answer_is_an_error_or_changes_nothing() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let response = recorded(&bob, id);
    let parts = ContainerAnswer::decode(&response.body, bob.id()).unwrap();
    let sealed = [
        position(&response.body, parts.views.last().unwrap()),
        position(&response.body, parts.blob.as_ref().unwrap()),
        position(&response.body, parts.header_segment.as_ref().unwrap()),
        position(&response.body, parts.content_segment.as_ref().unwrap()),
        position(&response.body, parts.type_opening.as_ref().unwrap()),
    ];
    // Without a pin: what was verified before needs no signature again.
    let mut reader = fresh(&bob);
    for at in 0..response.body.len() {
        let mut altered = response.clone();
        altered.body[at] ^= 1 << (at % 8);
        match get_answered(&reader, id, altered) {
            // Only what is no part of the container, like the broker's clock, may differ unnoticed.
            Ok(content) => {
                assert!(sealed.iter().all(|range| !range.contains(&at)), "byte {at} was not noticed");
                assert_eq!(content.unwrap_or_else(|| b"plaintext".to_vec()), b"plaintext");
                reader = fresh(&bob);
            }
            Err(Error::Crypto(_) | Error::Protocol(_)) => {}
            // Another author: the server is asked for their card and knows none.
            Err(error) if error.is_remote(&RemoteCode::UserNotFound) => {}
            Err(error) => panic!("byte {at}: {error:?}"),
        }
    }
    assert_eq!(bob.content(id), Some(b"plaintext".to_vec()));
}

#[test]
fn s059_an_answer_cut_short_is_an_error() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let response = recorded(&bob, id);
    for length in (0..response.body.len()).step_by(7) {
        let mut cut = response.clone();
        cut.body.truncate(length);
        assert!(matches!(get_answered(&bob, id, cut), Err(Error::Crypto(_) | Error::Protocol(_))));
    }
}

#[test]
fn s059_a_section_or_blob_left_out_is_not_taken_for_absence() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let gone = get_altered(&bob, id, |answer| {
        (answer.content, answer.content_segment) = (Availability::Absent, None);
    });
    assert!(matches!(gone, Err(Error::Crypto(CryptoError::ManifestMismatch { what: "content", .. }))));
    let gone = get_altered(&bob, id, |answer| {
        (answer.header, answer.header_segment) = (Availability::Absent, None);
    });
    assert!(matches!(gone, Err(Error::Crypto(CryptoError::ManifestMismatch { what: "header", .. }))));
    assert!(get_altered(&bob, id, |answer| answer.blob = None).is_err());
}

fn assert_withheld<T: core::fmt::Debug>(result: Result<T, Error>, missing: &str) {
    match result {
        Err(Error::Crypto(CryptoError::ManifestMismatch { what, .. })) if what == missing => {}
        other => panic!("{missing} was withheld, and the answer taken: {other:?}"),
    }
}

#[test]
fn ms_withhold_header() {
    let [alice, bob, carol] = people();
    let access = AccessList::of([alice.full(), bob.rights(75), carol.rights(127 - 1)]);
    let id = alice.changed(Create::new(b"plaintext".to_vec()).header(json!(1)).access(access));
    for excuse in [Availability::Omitted, Availability::Denied] {
        let hide =
            move |answer: &mut ContainerAnswer| (answer.header, answer.header_segment) = (excuse, None);
        assert_withheld(get_altered(&bob, id, hide), "header");
    }
    // The controls: Carol may not download it, and Bob may not want it.
    assert_eq!(carol.get(id).unwrap().header, None);
    assert_eq!(bob.run(Get::new(id, Portion::Content)).unwrap().header, None);
    assert_eq!(bob.get(id).unwrap().header, Some(json!(1)));
}

#[test]
fn ms_withhold_content() {
    let [alice, bob, carol] = people();
    let access = AccessList::of([alice.full(), bob.rights(75), carol.rights(127 - 1)]);
    let id = alice.changed(Create::new(b"plaintext".to_vec()).header(json!(1)).access(access));
    for excuse in [Availability::Omitted, Availability::Denied] {
        let hide =
            move |answer: &mut ContainerAnswer| (answer.content, answer.content_segment) = (excuse, None);
        assert_withheld(get_altered(&bob, id, hide), "content");
    }
    assert_eq!(carol.content(id), None);
    assert_eq!(bob.run(Get::new(id, Portion::Header)).unwrap().content, None);
    assert_eq!(bob.content(id), Some(b"plaintext".to_vec()));
}

#[test]
fn ms_withhold_type() {
    let [alice, bob, carol] = people();
    let access = AccessList::of([alice.full(), bob.rights(75), carol.rights(11)]);
    let id = alice.changed(Create::new(vec![]).container_type("t1").access(access));
    let untyped = alice.create(b"", &[alice.full(), bob.rights(75)]);
    assert_withheld(get_altered(&bob, id, |answer| answer.type_opening = None), "type");
    // Without container.type.view, or without a type, there is none to be shown.
    assert_eq!(carol.get(id).unwrap().container_type, None);
    assert_eq!(bob.get(untyped).unwrap().container_type, None);
    assert_eq!(bob.get(id).unwrap().container_type.as_deref(), Some("t1"));
}

#[test]
fn ms_withhold_blob() {
    let [alice, bob, carol] = people();
    let access = AccessList::of([alice.full(), bob.rights(75), carol.rights(127 - 2)]);
    let id = alice.changed(Create::new(b"plaintext".to_vec()).access(access));
    assert_withheld(get_altered(&bob, id, |answer| answer.blob = None), "key blob");
    // Carol, who may not decrypt, has none.
    assert!(carol.get(id).unwrap().container_keys().is_none());
    assert!(bob.get(id).unwrap().container_keys().is_some());
}

#[test]
fn ms_swap_recipient_key() {
    let [alice, bob, mallory] = people();
    let served = (bob.id(), mallory.user().keys().chain().cards().to_vec());
    alice.broker.record();
    alice.broker.fault_next(Fault::Alter(Box::new(move |response| {
        let (user, cards) = served;
        let cards = cards.into_iter().map(|card| (user, card)).collect();
        response.body = KeysAnswer { unknown: Vec::new(), cards }.encode();
    })));
    let list = AccessList::of([alice.full(), Grant::recipient(bob.id())]);
    let share = || Create::new(b"x".to_vec()).access(list.clone());
    let result = alice.run(share());
    assert!(matches!(result, Err(Error::Crypto(CryptoError::IdentityMismatch { user })) if user == bob.id()));
    assert!(!traffic(&alice.broker).iter().any(is_change), "no blob was sent");
    // The control: with Bob's own card it is shared.
    let id = alice.changed(share());
    assert_eq!(bob.content(id), Some(b"x".to_vec()));
}

#[test]
fn ms_rollback_container() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let old = recorded(&bob, id);
    alice.update(Update::new(id).content(b"newer".to_vec())).unwrap();
    assert_eq!(bob.content(id), Some(b"newer".to_vec()));
    let result = get_answered(&bob, id, old);
    assert!(matches!(result, Err(Error::Crypto(CryptoError::RollbackDetected { seen: 2, offered: 1, .. }))));
    assert_eq!(bob.content(id), Some(b"newer".to_vec()));
}

#[test]
fn ms_equivocate() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let other = fresh(&alice);
    other.get(id).unwrap();
    // What the other device signs is kept back, and its word taken for it.
    let accepted = ContainerChanged { container_id: id, revision: 2, server_time: 0 };
    let response = HttpResponse { status: 200, headers: Vec::new(), body: to_json(&accepted) };
    alice.broker.record();
    alice.broker.set_hook(move |request| match request.method {
        Method::Put => Fault::Answer(response.clone()),
        _ => Fault::None,
    });
    other.update(Update::new(id).content(b"one story".to_vec())).unwrap();
    alice.broker.clear_hook();
    let [fork] = changes(&traffic(&alice.broker)).try_into().unwrap();

    alice.update(Update::new(id).content(b"another story".to_vec())).unwrap();
    assert_eq!(bob.content(id), Some(b"another story".to_vec()));
    let reader = bob.id();
    let result = get_altered(&bob, id, move |answer| {
        answer.views = vec![fork.view.clone()];
        answer.blob = fork.blobs.iter().find(|(user, _)| *user == reader).map(|(_, blob)| blob.clone());
        answer.content_segment = fork.content;
    });
    assert!(matches!(result, Err(Error::Crypto(CryptoError::ForkDetected { .. }))), "{result:?}");
    // The device that was lied to finds out as soon as it is shown the other story.
    assert!(matches!(other.get(id), Err(Error::Crypto(CryptoError::ForkDetected { .. }))));
}

#[test]
fn ms_blob_old_epoch_and_ms_mix_epochs() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let old = ContainerAnswer::decode(&recorded(&bob, id).body, bob.id()).unwrap();
    alice.update(Update::new(id).content(b"newer".to_vec()).header(json!(2))).unwrap();
    let blob = old.blob.clone();
    let result = get_altered(&bob, id, move |answer| answer.blob = blob);
    assert!(matches!(result, Err(Error::Crypto(CryptoError::ManifestMismatch { what: "key blob", .. }))));
    let (header, content) = (old.header_segment.clone(), old.content_segment.clone());
    assert!(matches!(
        get_altered(&bob, id, move |answer| answer.header_segment = header),
        Err(Error::Crypto(_))
    ));
    assert!(matches!(
        get_altered(&bob, id, move |answer| answer.content_segment = content),
        Err(Error::Crypto(_))
    ));
    assert_eq!(bob.content(id), Some(b"newer".to_vec()));
}

#[test]
fn ms_mix_header_content() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let result = get_altered(&bob, id, |answer| {
        core::mem::swap(&mut answer.header_segment, &mut answer.content_segment);
    });
    assert!(matches!(result, Err(Error::Crypto(_))));
    assert_eq!(get_altered(&bob, id, |_| {}), Ok(Some(b"plaintext".to_vec())), "the control");
}

#[test]
fn ms_blob_cross_container_and_foreign_answers() {
    let [alice, bob] = people();
    let (one, two) = (shared(&alice, &bob), shared(&alice, &bob));
    let other = recorded(&bob, two);
    let parts = ContainerAnswer::decode(&other.body, bob.id()).unwrap();
    assert!(matches!(get_answered(&bob, one, other), Err(Error::Crypto(_))));
    let (blob, segment) = (parts.blob, parts.content_segment);
    assert!(matches!(get_altered(&bob, one, |answer| answer.blob = blob), Err(Error::Crypto(_))));
    assert!(matches!(
        get_altered(&bob, one, |answer| answer.content_segment = segment),
        Err(Error::Crypto(_))
    ));
    assert_eq!(get_altered(&bob, one, |_| {}), Ok(Some(b"plaintext".to_vec())), "the control");
}

#[test]
fn ms_edit_type() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let other = alice.changed(
        Create::new(vec![]).container_type("t2").access(AccessList::of([alice.full(), bob.rights(75)])),
    );
    let opening = ContainerAnswer::decode(&recorded(&bob, other).body, bob.id()).unwrap().type_opening;
    assert!(matches!(get_altered(&bob, id, |answer| answer.type_opening = opening), Err(Error::Crypto(_))));
    assert_eq!(bob.get(id).unwrap().container_type.as_deref(), Some("t1"), "the control");
}

/// The newest view with another list, its signature made by nobody, or by somebody without the right.
fn with_list(
    answer: &ContainerAnswer,
    signer: Option<&User>,
    change: impl FnOnce(&mut Vec<AccessEntry>),
) -> Vec<u8> {
    let view = newest(answer);
    let mut entries: Vec<AccessEntry> = view.access().entries().cloned().collect();
    change(&mut entries);
    let slots = AccessSlots::of(entries).unwrap();
    let mut body = view.body().clone();
    (body.access_count, body.access_root) = (slots.count(), slots.root());
    let manifest = match signer {
        None => Manifest { body, signature: view.manifest().signature },
        Some(user) => {
            body.revision += 1;
            body.previous = view.body().hash();
            body.author = Author::of(user.keys());
            body.sign(user.keys())
        }
    };
    ManifestView::new(manifest, slots).unwrap().encode()
}

#[test]
fn ms_inject_access_entry_and_ms_edit_acl() {
    let [alice, bob, mallory] = people();
    let id = shared(&alice, &bob);
    let changes: [fn(&mut Vec<AccessEntry>, UserId); 4] = [
        |entries, mallory| entries.push(AccessEntry { user: mallory, ..entries[0].clone() }),
        |entries, _| {
            entries.pop();
        },
        |entries, _| entries.iter_mut().for_each(|entry| entry.permissions = Permissions::all()),
        |entries, _| entries[0].expiration = Some(Timestamp::from_millis(u64::MAX)),
    ];
    for change in changes {
        for signed in [false, true] {
            let (reader, injected) = (alice.id(), mallory.id());
            let signer = signed.then(|| mallory.user());
            // Mallory's card comes along, so that only what he may do stands against him.
            let cards = mallory.user().keys().chain().cards().to_vec();
            let device = fresh(&alice);
            device.broker.fault_next(Fault::Alter(Box::new(move |response| {
                let mut answer = ContainerAnswer::decode(&response.body, reader).unwrap();
                let forged = with_list(&answer, signer.as_ref(), |entries| change(entries, injected));
                match &signer {
                    None => answer.views = vec![forged],
                    Some(_) => {
                        answer.views.push(forged);
                        answer.cards.extend(cards.into_iter().map(|card| (injected, card)));
                    }
                }
                response.body = answer.encode(reader);
            })));
            device.broker.record();
            let result = device.update(Update::new(id).content(b"new".to_vec()));
            assert!(matches!(result, Err(Error::Crypto(_))), "{result:?}");
            assert!(!traffic(&device.broker).iter().any(is_change), "0 blobs for the injected id");
        }
    }
    // The control: the list as it is signed is sealed for, and nobody else is.
    let device = fresh(&alice);
    device.broker.record();
    device.update(Update::new(id).content(b"new".to_vec())).unwrap();
    let [sent] = super::wire::changes(&traffic(&device.broker)).try_into().unwrap();
    let mut sealed: Vec<_> = sent.blobs.iter().map(|(user, _)| *user).collect();
    sealed.sort_unstable();
    let mut expected = [alice.id(), bob.id()];
    expected.sort_unstable();
    assert_eq!(sealed, expected);
}

#[test]
fn mp_unauthorised_revision() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let carol = crate::people::person(&alice.broker);
    alice.get(id).unwrap();
    // Bob, who may only read, signs a list with Carol, and the server plays along.
    let (reader, signer, added) = (alice.id(), bob.user(), carol.id());
    let cards = bob.user().keys().chain().cards().to_vec();
    alice.broker.fault_next(Fault::Alter(Box::new(move |response| {
        let mut answer = ContainerAnswer::decode(&response.body, reader).unwrap();
        let forged = with_list(&answer, Some(&signer), |entries| {
            let row = entries[0].clone();
            let at = ManifestView::decode(answer.views.last().unwrap()).unwrap().body().modified_at;
            entries.push(AccessEntry {
                user: added,
                permissions: Permissions::empty(),
                wrapped: None,
                created_by: signer.id(),
                created_at: at,
                modified: None,
                ..row
            });
        });
        answer.views.push(forged);
        answer.cards.extend(cards.into_iter().map(|card| (signer.id(), card)));
        response.body = answer.encode(reader);
    })));
    let result = alice.get(id);
    assert!(
        matches!(
            result,
            Err(Error::Crypto(CryptoError::NotAuthorised { revision: 2, right: "access.modify", .. }))
        ),
        "{result:?}"
    );
}

/// The newest revision of `id` as `signers` might sign it with their names and other numbers, the first
/// of which follows no revision that is shown.
fn renumbered(creator: &Device, id: ContainerId, signers: &[(u64, &User)]) -> Vec<Vec<u8>> {
    let view = newest(&ContainerAnswer::decode(&recorded(creator, id).body, creator.id()).unwrap());
    let (mut views, mut previous) = (Vec::new(), [1; 48]);
    for &(revision, signer) in signers {
        let author = Author::of(signer.keys());
        let body = ManifestBody { revision, previous, author, ..view.body().clone() };
        previous = body.hash();
        let manifest = body.sign(signer.keys());
        views.push(ManifestView::new(manifest, view.access().clone()).unwrap().encode());
    }
    views
}

#[test]
fn ms_highest_revision_is_followed_by_an_error() {
    let [alice, bob] = people();
    let (id, own) = (alice.create(b"x", &[alice.full(), bob.full()]), alice.create(b"x", &[]));
    for revision in [u64::MAX, u64::MAX - 1] {
        let creator = alice.user();
        let numbers = [(revision - 1, &creator), (revision, &creator)];
        let (of_two, of_one) = (renumbered(&alice, id, &numbers), renumbered(&alice, own, &numbers));
        let too_high = |result: Result<(), Error>| match result {
            Err(Error::Crypto(CryptoError::RevisionInvalid { revision: u64::MAX, .. })) => true,
            // The control: after the one before it, the broker refuses, and shows a rollback.
            Err(Error::Crypto(CryptoError::RollbackDetected { seen, .. })) => {
                assert_eq!(seen, revision);
                false
            }
            other => panic!("{other:?}"),
        };
        let shown = |device: &Device, id, views: &Vec<Vec<u8>>| {
            let (device, views) = (fresh(device), views.clone());
            get_altered(&device, id, move |answer| answer.views = views).unwrap();
            device
        };
        let update = shown(&bob, id, &of_two).update(Update::new(id).content(b"new".to_vec())).map(|_| ());
        let leave = shown(&bob, id, &of_two).delete(id);
        let end = shown(&alice, own, &of_one).delete(own);
        for result in [update, leave, end] {
            assert_eq!(too_high(result), revision == u64::MAX);
        }
    }
}

#[test]
fn f7_of_a_very_long_history_the_last_ten_thousand_revisions_are_paged() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    let (creator, other, reader) = (alice.user(), bob.user(), bob.id());
    // What the server holds back is nobody's loss: the pages may begin anywhere behind `from`.
    let by = |signers: [&User; 4]| {
        let numbers: Vec<_> = (19_997..).zip(signers).collect();
        renumbered(&alice, id, &numbers)
    };
    let get = |views: Vec<Vec<u8>>| {
        let device = fresh(&bob);
        let cards =
            [&alice, &bob].map(|device| (device.id(), device.user().keys().chain().cards()[0].clone()));
        device.broker.record();
        device.broker.set_hook(move |request| {
            let views = views.clone();
            if request.path.contains("/manifests") {
                let page = ManifestPage { views, cards: cards.to_vec(), more: false };
                return Fault::Answer(HttpResponse { status: 200, headers: Vec::new(), body: page.encode() });
            }
            Fault::Alter(Box::new(move |response| {
                let mut answer = ContainerAnswer::decode(&response.body, reader).unwrap();
                (answer.views, answer.complete) = (views[views.len() - 1..].to_vec(), false);
                response.body = answer.encode(reader);
            }))
        });
        let result = device.get(id);
        device.broker.clear_hook();
        let paths = traffic(&device.broker).into_iter().map(|exchange| exchange.request.path);
        assert_eq!(paths.filter(|path| path.contains("/manifests?from=10001&")).count(), 1);
        result
    };
    // The creator's word replaces what was before it, though the history shown begins with others.
    let got = get(by([&other, &other, &creator, &other])).unwrap();
    assert_eq!((got.metadata.unwrap().revision, got.content.as_deref()), (20_000, Some(&b"x"[..])));
    // The control: nobody vouches for a history without the creator.
    let refused = get(by([&other; 4])).unwrap_err();
    assert!(matches!(refused, Error::Crypto(CryptoError::HistoryTooLong { .. })), "{refused:?}");
}

#[test]
fn ms_replay_tombstone() {
    let [alice, bob] = people();
    let dead = alice.create(b"x", &[]);
    let laptop = fresh(&alice);
    laptop.get(dead).unwrap();
    alice.delete(dead).unwrap();
    laptop.broker.record();
    assert!(laptop.get(dead).is_err());
    let tombstone = answer(&traffic(&laptop.broker), dead, alice.id()).tombstone;
    assert!(tombstone.is_some());
    let id = shared(&alice, &bob);
    let result = get_altered(&bob, id, move |answer| answer.tombstone = tombstone);
    assert!(matches!(result, Err(Error::Crypto(_))), "{result:?}");
    assert_eq!(bob.content(id), Some(b"plaintext".to_vec()));
}

#[test]
fn ms_wrong_key_is_one_error() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    let mut got = alice.run(Get::new(id, Portion::All).encrypted()).unwrap();
    let wrong = ContainerKeys::generate(&mut absio_broker::SeededEntropy::new(9)).unwrap();
    assert_eq!(got.decrypt(Some(wrong)).unwrap_err(), Error::Crypto(CryptoError::Decrypt));
}
