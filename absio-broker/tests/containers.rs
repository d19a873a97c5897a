//! Containers at the handler: rules, rights, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::Fixture;
use absio_proto::RemoteCode;
use absio_proto::crypto::key_blob::blob_hash;
use absio_proto::crypto::manifest::TypeOpening;
use absio_proto::limits;
use absio_proto::model::{Permissions, Portion};
use absio_proto::wire::{
    Availability, ChangeContainer, ContainerList, ManifestPage, RemoveContainer, Route, from_json,
};
use std::time::Duration;
use support::{Actor, Draft, Edit, View};

fn header(text: &str) -> Edit {
    Edit { header: Some(Some(text.as_bytes().to_vec())), ..Edit::default() }
}

fn content(text: &str) -> Edit {
    Edit { content: Some(Some(text.as_bytes().to_vec())), ..Edit::default() }
}

fn retype(text: &'static str) -> Edit {
    Edit { container_type: Some(Some(text)), ..Edit::default() }
}

fn refused<T>(outcome: Result<T, RemoteCode>) -> Option<RemoteCode> {
    outcome.err()
}

struct People {
    fixture: Fixture,
    alice: Actor,
    bob: Actor,
    carol: Actor,
    eve: Actor,
}

fn people() -> People {
    let fixture = Fixture::seeded(1);
    let [alice, bob, carol, eve] = [2, 3, 4, 5].map(|seed| Actor::new(&fixture, seed));
    People { fixture, alice, bob, carol, eve }
}

/// Everything but the one right, given to Bob.
fn without(right: Permissions) -> u32 {
    (Permissions::CREATOR - right).as_int()
}

#[test]
fn s025_s032_what_was_stored_comes_back() {
    let People { fixture, alice, bob, .. } = people();
    let until = alice.now().plus_millis(60_000);
    let view = alice.share(vec![alice.grant(127), bob.grant_until(8, Some(until))]);
    let id = view.body().container;
    let got = alice.get(id).unwrap();
    assert_eq!(got.views, [view.encode()]);
    assert_eq!((got.header, got.content), (Availability::Inline, Availability::Inline));
    assert_eq!(TypeOpening::decode(&got.type_opening.unwrap()).unwrap().text(), "t1");
    assert!(got.blob.is_some() && got.complete && got.tombstone.is_none());
    assert_eq!(got.server_time, alice.now().as_millis());
    let bobs = bob.shown(id);
    let row = bobs.entry(bob.id()).unwrap();
    assert_eq!((row.permissions.as_int(), row.expiration), (8, Some(until)));
    // S-037: at that moment it is over.
    fixture.clock().advance(Duration::from_millis(59_999));
    assert!(bob.get(id).is_ok());
    fixture.clock().advance(Duration::from_millis(1));
    assert_eq!(refused(bob.get(id)), Some(RemoteCode::AccessExpired));
    assert_eq!(refused(bob.update(&view, &header("x"))), Some(RemoteCode::AccessExpired));
    let body = Route::Content { container: id, epoch: 1, offset: 0, length: 1 };
    assert_eq!(bob.ask(&body, Vec::new()), Err(RemoteCode::AccessExpired));
}

#[test]
fn s052_s054_each_portion_brings_its_sections() {
    let People { alice, .. } = people();
    let id = alice.share(vec![alice.grant(127)]).body().container;
    let got = |portion| {
        let got = alice.get_portion(id, portion, None).unwrap();
        (got.header_segment.is_some(), got.content_segment.is_some())
    };
    assert_eq!(got(Portion::All), (true, true));
    assert_eq!(got(Portion::Header), (true, false));
    assert_eq!(got(Portion::Content), (false, true));
    assert_eq!(got(Portion::Metadata), (false, false));
    let bare = alice.create(&Edit::default()).body().container;
    let got = alice.get(bare).unwrap();
    assert_eq!((got.header, got.content), (Availability::Absent, Availability::Absent));
}

#[test]
fn mp_key_blob_of_another_length_is_not_stored() {
    let People { alice, bob, .. } = people();
    let edit = Edit { access: Some(vec![alice.grant(127), bob.grant(11)]), ..content("c") };
    let with_length = |length: usize| {
        let mut draft = alice.draft(&edit);
        let (user, blob) = &mut draft.change.blobs[0];
        blob.resize(length, 0);
        // The row names it, so that nothing but its length stands against it.
        let (user, hash) = (*user, blob_hash(blob));
        draft.resign(&alice.ring, |_, entries| {
            let row = entries.iter_mut().find(|entry| entry.user == user).unwrap();
            row.wrapped.as_mut().unwrap().blob_hash = hash;
        });
        alice.send_creation(&draft).map(|_| ())
    };
    for length in [0, 223, 225, 1 << 20] {
        assert_eq!(with_length(length), Err(RemoteCode::InvalidObject), "{length}");
    }
    assert_eq!(with_length(224), Ok(()));
}

#[test]
fn s038_x13_creations_that_are_refused_store_nothing() {
    let People { fixture, alice, bob, .. } = people();
    let ghost = Actor::unregistered(&fixture, 99);
    let good = alice.draft(&Edit {
        access: Some(vec![alice.grant(127), bob.grant(11)]),
        content: content("c").content,
        container_type: retype("t").container_type,
        ..Edit::default()
    });
    let id = good.view.body().container;
    let refuse = |alter: &dyn Fn(&mut Draft)| {
        let mut draft = good.clone();
        alter(&mut draft);
        let code = refused(alice.send_creation(&draft));
        assert_eq!(refused(alice.get(id)), Some(RemoteCode::ContainerNotFound));
        code
    };
    let invalid = Some(RemoteCode::InvalidObject);
    assert_eq!(refuse(&|draft| draft.change.view[400] ^= 1), invalid, "an altered manifest");
    assert_eq!(refuse(&|draft| draft.change.blobs.clear()), invalid, "no blobs");
    assert_eq!(refuse(&|draft| draft.change.blobs[0].1[50] ^= 1), invalid, "another blob");
    assert_eq!(refuse(&|draft| draft.change.blobs.push((ghost.id(), vec![1]))), invalid, "a blob too many");
    assert_eq!(refuse(&|draft| draft.change.content = None), invalid, "no content");
    assert_eq!(
        refuse(&|draft| draft.change.header = draft.change.content.clone()),
        invalid,
        "a header too many"
    );
    let tag = |draft: &mut Draft| *draft.change.content.as_mut().unwrap().last_mut().unwrap() ^= 1;
    assert_eq!(refuse(&tag), invalid, "another tag than was signed");
    assert_eq!(refuse(&|draft| draft.change.type_opening = None), invalid, "no opening");
    assert_eq!(refuse(&|draft| draft.change.type_opening.as_mut().unwrap()[32] = 0), invalid, "another type");
    assert_eq!(refuse(&|draft| draft.resign(&alice.ring, |body, _| body.revision = 2)), invalid);
    assert_eq!(refuse(&|draft| draft.resign(&alice.ring, |body, _| body.id_salt[0] ^= 1)), invalid);
    assert_eq!(refuse(&|draft| draft.resign(&alice.ring, |body, _| body.created_by = bob.id())), invalid);
    let future = alice.now().plus_millis(limits::CLOCK_SKEW_MS + 1);
    let ahead = alice.draft(&Edit { at: Some(future), ..Edit::default() });
    assert_eq!(refused(alice.send_creation(&ahead)), invalid, "dated in the future");
    let edge =
        alice.draft(&Edit { at: Some(alice.now().plus_millis(limits::CLOCK_SKEW_MS)), ..Edit::default() });
    assert!(alice.send_creation(&edge).is_ok(), "at the limit");

    let unknown =
        alice.draft(&Edit { access: Some(vec![alice.grant(127), ghost.grant(11)]), ..Edit::default() });
    assert_eq!(refused(alice.send_creation(&unknown)), Some(RemoteCode::UserNotFound));
    // Another user's session does not make the creator's container.
    assert_eq!(refused(bob.send_creation(&good)), invalid);
    assert!(alice.send_creation(&good).is_ok());
    assert_eq!(refused(alice.send_creation(&good)), Some(RemoteCode::AlreadyExists));
}

#[test]
fn s041_x13_sizes_at_the_limit_and_one_past_it() {
    let People { alice, .. } = people();
    // 4 MiB of segment: header 104 and a tag for each chunk.
    let overhead = |plaintext: usize| 104 + (plaintext / 65_536 + 1) * 32;
    let mut exact = usize::try_from(limits::INLINE_SEGMENT).unwrap();
    exact -= overhead(exact - 4096);
    let edit = |length: usize| Edit { content: Some(Some(vec![7; length])), ..Edit::default() };
    let view = alice.create(&edit(exact));
    assert_eq!(alice.get(view.body().container).unwrap().content, Availability::Inline);
    let past = alice.draft(&edit(exact + 1));
    assert_eq!(refused(alice.send_creation(&past)), Some(RemoteCode::TooLarge));
}

#[test]
fn s125_without_access_view_other_rows_are_bare_hashes() {
    let People { alice, bob, carol, .. } = people();
    let rights = without(Permissions::ACCESS_VIEW);
    let view = alice.share(vec![alice.grant(127), bob.grant(rights), carol.grant(11)]);
    let shown = bob.shown(view.body().container);
    let users: Vec<_> = shown.access().entries().map(|entry| entry.user).collect();
    assert!(users.contains(&bob.id()) && users.contains(&alice.id()) && !users.contains(&carol.id()));
    assert_eq!(shown.access().count(), 3);
    assert_eq!(shown.body(), view.body(), "what is signed is the same for everybody");
}

#[test]
fn s126_s131_s134_s136_uploads_and_list_changes_need_their_rights() {
    let People { alice, bob, carol, .. } = people();
    let cases = [
        (Permissions::CONTAINER_UPLOAD, content("x"), RemoteCode::PermissionDenied),
        (Permissions::CONTAINER_UPLOAD, header("x"), RemoteCode::PermissionDenied),
        (Permissions::ACCESS_MODIFY, content("x"), RemoteCode::UploadNeedsAccess),
        (Permissions::ACCESS_VIEW, header("x"), RemoteCode::UploadNeedsAccess),
        (Permissions::CONTAINER_TYPE_MODIFY, retype("x"), RemoteCode::PermissionDenied),
        (
            Permissions::ACCESS_MODIFY,
            Edit { access: Some(vec![alice.grant(127), bob.grant(127)]), ..Edit::default() },
            RemoteCode::PermissionDenied,
        ),
        // S-130: nothing of a call that includes the type is applied.
        (
            Permissions::CONTAINER_TYPE_MODIFY,
            Edit { container_type: Some(Some("x")), ..content("x") },
            RemoteCode::PermissionDenied,
        ),
    ];
    for (missing, edit, expected) in cases {
        let view = alice.share(vec![alice.grant(127), bob.grant(without(missing)), carol.grant(11)]);
        assert_eq!(refused(bob.update(&view, &edit)), Some(expected), "without {missing}");
        let after = alice.get(view.body().container).unwrap();
        assert_eq!(after.views.last(), Some(&view.encode()), "nothing changed");
    }
    // S-131: what needs no upload passes without it.
    let view = alice.share(vec![
        alice.grant(127),
        bob.grant(without(Permissions::CONTAINER_UPLOAD)),
        carol.grant(11),
    ]);
    let view = bob.update(&view, &retype("x")).unwrap();
    let grants = vec![alice.grant(127), bob.grant(without(Permissions::CONTAINER_UPLOAD))];
    assert!(bob.update(&view, &Edit { access: Some(grants), ..Edit::default() }).is_ok());
    assert_eq!(refused(carol.get(view.body().container)), Some(RemoteCode::ContainerNotFound));
}

#[test]
fn s127_s128_s129_what_is_not_given_without_its_right() {
    let People { alice, bob, .. } = people();
    let given = |rights: u32| {
        let view = alice.share(vec![alice.grant(127), bob.grant(rights)]);
        bob.get(view.body().container).unwrap()
    };
    let no_decrypt = given(without(Permissions::CONTAINER_DECRYPT));
    assert!(no_decrypt.blob.is_none() && no_decrypt.content_segment.is_some());
    let no_download = given(without(Permissions::CONTAINER_DOWNLOAD));
    assert_eq!((no_download.header, no_download.content), (Availability::Denied, Availability::Denied));
    assert!(no_download.header_segment.is_none() && no_download.content_segment.is_none());
    let no_type = given(without(Permissions::CONTAINER_TYPE_VIEW));
    assert!(no_type.type_opening.is_none());
    let view = alice.share(vec![alice.grant(127), bob.grant(without(Permissions::CONTAINER_DOWNLOAD))]);
    let range = Route::Content { container: view.body().container, epoch: 1, offset: 0, length: 10 };
    assert_eq!(bob.ask(&range, Vec::new()), Err(RemoteCode::PermissionDenied));
}

#[test]
fn s133_f19_a_signer_without_view_replaces_the_whole_list_or_nothing() {
    let People { alice, bob, carol, .. } = people();
    let rights = without(Permissions::ACCESS_VIEW);
    let view = alice.share(vec![alice.grant(127), bob.grant(rights), carol.grant(11)]);
    let seen = bob.shown(view.body().container);
    // Carried forward by bare hash: refused.
    let sneaky =
        bob.revise(&view, &Edit { access: Some(vec![bob.grant(127), carol.grant(11)]), ..Edit::default() });
    let redacted = Draft {
        change: ChangeContainer { view: sneaky.view.redacted(&[bob.id()]).encode(), ..sneaky.change },
        view: sneaky.view,
    };
    assert_eq!(refused(bob.send_update(&redacted)), Some(RemoteCode::InvalidObject));
    let alone = bob.update(&seen, &Edit { access: Some(vec![bob.grant(127)]), ..Edit::default() }).unwrap();
    assert_eq!(refused(alice.get(alone.body().container)), Some(RemoteCode::ContainerNotFound));
    assert_eq!(refused(carol.get(alone.body().container)), Some(RemoteCode::ContainerNotFound));
}

#[test]
fn s042_s047_s048_leaving_needs_no_right_and_leaves_the_others_alone() {
    let People { alice, bob, carol, .. } = people();
    let view = alice.share(vec![alice.grant(127), bob.grant(0), carol.grant(11)]);
    let id = view.body().container;
    let seen = bob.shown(id);
    let left = bob.leave(&seen).unwrap();
    assert_eq!(left.access().count(), 2);
    assert_eq!(refused(bob.get(id)), Some(RemoteCode::ContainerNotFound));
    assert_eq!(bob.story(2).last().unwrap(), "deleted container");
    let alices = alice.shown(id);
    assert!(alices.access().is_complete(), "hidden rows were put back");
    assert!(carol.get(id).is_ok());
    // Not a way to remove others.
    let edit = Edit { access: Some(vec![alice.grant(127)]), ..Edit::default() };
    let sly = alice.revise(&alices, &edit);
    let removal = RemoveContainer::Leave(sly.view.encode());
    assert_eq!(alice.ask(&Route::DeleteContainer(id), removal.encode()), Err(RemoteCode::InvalidObject));
}

#[test]
fn s043_s045_the_last_reader_ends_the_container_for_ever() {
    let People { fixture, alice, bob, eve, .. } = people();
    let view = alice.share(vec![alice.grant(127), bob.grant(11)]);
    let id = view.body().container;
    assert_eq!(alice.end(&view), Err(RemoteCode::InvalidObject), "Bob is still there");
    let alone =
        alice.update(&view, &Edit { access: Some(vec![alice.grant(127)]), ..Edit::default() }).unwrap();
    assert_eq!(alice.end(&view), Err(RemoteCode::Conflict), "an old revision");
    assert_eq!(eve.end(&alone), Err(RemoteCode::ContainerNotFound));
    alice.end(&alone).unwrap();

    let gone = alice.get(id).unwrap();
    assert!(gone.tombstone.is_some() && gone.blob.is_none() && gone.type_opening.is_none());
    assert_eq!((gone.header, gone.content), (Availability::Absent, Availability::Absent));
    assert_eq!(refused(alice.update(&alone, &header("x"))), Some(RemoteCode::Deleted));
    assert_eq!(alice.end(&alone), Err(RemoteCode::Deleted));
    let range = Route::Content { container: id, epoch: 1, offset: 0, length: 10 };
    assert_eq!(alice.ask(&range, Vec::new()), Err(RemoteCode::Deleted));
    assert_eq!(refused(bob.get(id)), Some(RemoteCode::ContainerNotFound));
    assert_eq!(alice.story(0).last().unwrap(), "deleted container");
    let list = alice.ask(&Route::ListContainers { after: None, limit: 10 }, Vec::new()).unwrap();
    assert!(from_json::<ContainerList>("list", &list).unwrap().containers.is_empty());
    assert_eq!(fixture.sweep().blobs, 0, "no blob was left behind");
}

#[test]
fn s070_x13_a_change_on_an_old_revision_is_a_conflict() {
    let People { alice, bob, .. } = people();
    let view = alice.share(vec![alice.grant(127), bob.grant(127)]);
    let second = alice.update(&view, &content("two")).unwrap();
    assert_eq!(refused(bob.update(&view, &content("other"))), Some(RemoteCode::Conflict));
    let third = bob.update(&second, &header("three")).unwrap();
    assert_eq!(third.body().revision, 3);
    let skip = {
        let mut draft = alice.revise(&third, &retype("x"));
        draft.resign(&alice.ring, |body, _| body.revision = 9);
        draft
    };
    assert_eq!(refused(alice.send_update(&skip)), Some(RemoteCode::Conflict));
}

#[test]
fn s073_s074_changes_of_type_and_list_touch_no_bytes() {
    let People { fixture, alice, bob, .. } = people();
    let view = alice.share(vec![alice.grant(127)]);
    let id = view.body().container;
    let before = alice.get(id).unwrap();
    let view = alice.update(&view, &retype("t2")).unwrap();
    let grants = vec![alice.grant(127), bob.grant(127)];
    // Wrapping the present keys needs them; the kit draws fresh ones, which the broker cannot tell.
    let view = alice.update(&view, &Edit { access: Some(grants), ..Edit::default() }).unwrap();
    let after = alice.get(id).unwrap();
    assert_eq!(before.content_segment, after.content_segment);
    assert_eq!(view.body().content, View::decode(&before.views[0]).unwrap().body().content);
    assert!(bob.get(id).is_ok());
    assert_eq!(fixture.sweep().blobs, 0);
}

#[test]
fn s081_clearing_removes_the_bytes() {
    let People { fixture, alice, .. } = people();
    let view = alice.share(vec![alice.grant(127)]);
    let clear = Edit { header: Some(None), container_type: Some(None), ..Edit::default() };
    alice.update(&view, &clear).unwrap();
    let got = alice.get(view.body().container).unwrap();
    assert_eq!((got.header, got.content), (Availability::Absent, Availability::Inline));
    assert!(got.type_opening.is_none());
    assert_eq!(fixture.sweep().blobs, 0);
}

#[test]
fn f07_first_contact_begins_one_before_the_creators_newest_revision() {
    let People { alice, bob, .. } = people();
    let mut view = alice.share(vec![alice.grant(127), bob.grant(127)]);
    let id = view.body().container;
    for round in 0..3 {
        view = alice.update(&view, &header(&format!("{round}"))).unwrap();
    }
    for round in 0..2 {
        view = bob.update(&view, &header(&format!("bob {round}"))).unwrap();
    }
    let revisions = |known| {
        let answer = bob.get_portion(id, Portion::Metadata, known).unwrap();
        assert!(answer.complete);
        let views = answer.views.iter().map(|view| View::decode(view).unwrap().body().revision);
        views.collect::<Vec<_>>()
    };
    assert_eq!(revisions(None), [3, 4, 5, 6]);
    assert_eq!(revisions(Some(5)), [5, 6]);
    assert_eq!(revisions(Some(6)), [6]);
    assert_eq!(revisions(Some(60)), [6]);
    assert_eq!(revisions(Some(0)), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn f10_long_histories_come_in_pages() {
    let People { alice, bob, .. } = people();
    let mut view = alice.share(vec![alice.grant(127), bob.grant(127)]);
    let id = view.body().container;
    for _ in 0..65 {
        view = bob.update(&view, &retype("again")).unwrap();
    }
    let answer = alice.get_portion(id, Portion::Metadata, None).unwrap();
    assert_eq!((answer.views.len(), answer.complete), (1, false), "66 revisions are over one reply");
    let page = |from| {
        let body = alice.ask(&Route::Manifests { container: id, from, limit: 64 }, Vec::new()).unwrap();
        ManifestPage::decode(&body).unwrap()
    };
    let (first, second, beyond) = (page(1), page(65), page(67));
    assert_eq!((first.views.len(), first.more), (64, true));
    assert_eq!((second.views.len(), second.more), (2, false));
    assert!(beyond.views.is_empty() && !beyond.more);
    assert!(first.cards.iter().any(|(user, _)| *user == bob.id()));
    let zero = Route::Manifests { container: id, from: 0, limit: 64 };
    assert_eq!(alice.ask(&zero, Vec::new()), Err(RemoteCode::BadRequest));
    let answer = alice.get_portion(id, Portion::Metadata, Some(3)).unwrap();
    assert_eq!((answer.views.len(), answer.complete), (64, true), "64 are not");
}

#[test]
fn x02_lists_come_in_pages_with_types_for_those_who_may_see_them() {
    let People { alice, bob, .. } = people();
    let ids: std::collections::BTreeSet<_> =
        (0..5).map(|_| alice.share(vec![alice.grant(127), bob.grant(11)]).body().container).collect();
    let page = |actor: &Actor, after| {
        let body = actor.ask(&Route::ListContainers { after, limit: 3 }, Vec::new()).unwrap();
        from_json::<ContainerList>("list", &body).unwrap()
    };
    let first = page(&alice, None);
    let second = page(&alice, first.containers.last().map(|summary| summary.container_id));
    assert!(first.more && !second.more);
    let listed: Vec<_> = [first.containers, second.containers].concat();
    assert!(listed.iter().map(|summary| summary.container_id).eq(ids));
    assert!(listed.iter().all(|summary| summary.container_type.as_deref() == Some("t1") && !summary.sole));
    assert!(page(&bob, None).containers.iter().all(|summary| summary.container_type.is_none()));
}

#[test]
fn x13_idempotent_changes_have_one_effect() {
    let People { alice, .. } = people();
    let draft = alice.draft(&content("c"));
    let route = Route::CreateContainer;
    let once = alice.request_under(&route, draft.change.encode(), [7; 16]);
    let first = support::send(&alice.fixture, once.clone());
    assert_eq!(first.status, 201);
    assert_eq!(support::send(&alice.fixture, once), first, "the same answer again");
    let other = alice.request_under(&route, alice.draft(&content("d")).change.encode(), [7; 16]);
    let other = support::outcome(support::send(&alice.fixture, other));
    assert_eq!(other, Err(RemoteCode::IdempotencyMismatch));
    assert_eq!(alice.story(2), ["added container"]);
    // Another user's keys are their own.
    let bob = Actor::new(&alice.fixture, 30);
    let mine = bob.request_under(&route, bob.draft(&content("e")).change.encode(), [7; 16]);
    assert!(support::outcome(support::send(&alice.fixture, mine)).is_ok());
    // After 30 days it is forgotten.
    alice.fixture.clock().advance(Duration::from_millis(limits::IDEMPOTENCY_LIFE_MS));
    assert!(alice.fixture.housekeep().rows >= 2);
    alice.log_in();
    let late = alice.request_under(&route, alice.draft(&content("f")).change.encode(), [7; 16]);
    assert!(support::outcome(support::send(&alice.fixture, late)).is_ok());
}

#[test]
fn ms_one_containers_bytes_are_not_anothers() {
    let People { alice, .. } = people();
    let (one, two) = (alice.draft(&content("one")), alice.draft(&content("two")));
    let mixed = Draft { change: ChangeContainer { content: two.change.content, ..one.change }, ..one };
    assert_eq!(refused(alice.send_creation(&mixed)), Some(RemoteCode::InvalidObject));
    let view = alice.create(&content("three"));
    let other = alice.create(&content("four"));
    let wrong_path = Route::UpdateContainer(other.body().container);
    let draft = alice.revise(&view, &content("five"));
    assert_eq!(alice.ask(&wrong_path, draft.change.encode()), Err(RemoteCode::InvalidObject));
}
