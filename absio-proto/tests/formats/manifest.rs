//! Manifests, views and entries as bytes.

use crate::story::{Draft, at, cards_of, id_of, person};
use absio_proto::CryptoError;
use absio_proto::crypto::chain::verify_run;
use absio_proto::crypto::manifest::{ACCESS_ENTRY_LENGTH, MANIFEST_LENGTH};
use absio_proto::crypto::{AccessEntry, AccessSlot, AccessSlots, Manifest, ManifestView, TypeOpening};
use absio_proto::model::{Permissions, Timestamp};

fn shared() -> ManifestView {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    Draft::create(&alice)
        .grant(&bob, Permissions::RECIPIENT)
        .grant(&carol, Permissions::CONTAINER_DOWNLOAD)
        .with(|draft| draft.row(&carol).expiration = Some(at(1000)))
        .sign(&alice)
}

#[test]
fn bytes_round_trip_at_their_stated_lengths() {
    let view = shared();
    let manifest = view.manifest().encode();
    assert_eq!((manifest.len(), MANIFEST_LENGTH), (576, 576));
    assert_eq!(&Manifest::decode(&manifest).unwrap(), view.manifest());
    for entry in view.access().entries() {
        let bytes = entry.encode();
        assert_eq!((bytes.len(), ACCESS_ENTRY_LENGTH), (196, 196));
        assert_eq!(&AccessEntry::decode(&bytes).unwrap(), entry);
    }
    let bytes = view.encode();
    assert_eq!(ManifestView::decode(&bytes).unwrap(), view);
    for length in 0..bytes.len() {
        assert!(ManifestView::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(ManifestView::decode(&[&bytes[..], &[0]].concat()).is_err());
}

/// Every single-bit flip of a view is refused, by parsing, by the access root or by the signature.
#[test]
fn ms_view_bitflip_all() {
    let view = shared();
    let cards = cards_of(&[&person(1)]);
    let bytes = view.encode();
    let id = view.body().container;
    let accepted = |bytes: &[u8]| {
        ManifestView::decode(bytes).is_ok_and(|view| verify_run(id, None, [view], &cards, at(10)).is_ok())
    };
    assert!(accepted(&bytes));
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(&altered), "bit {bit}");
    }
}

/// What becomes of `edit` when the signature stays the old one, and when Alice signs what it gives. The
/// second is the negative control: a check without the signature would take the edit.
fn edited(edit: impl Fn(&mut Manifest)) -> [Result<(), CryptoError>; 2] {
    let alice = person(1);
    let view = shared();
    let mut manifest = view.manifest().clone();
    edit(&mut manifest);
    let signed_again = manifest.body.clone().sign(&alice);
    [manifest, signed_again].map(|manifest| {
        let view = ManifestView::new(manifest, view.access().clone())?;
        verify_run(id_of(&alice), None, [view], &cards_of(&[&alice]), at(10)).map(drop)
    })
}

/// Only the signature stands against these: with Alice's own, they are as good as any.
const REFUSED_BY_THE_SIGNATURE: [Result<(), CryptoError>; 2] =
    [Err(CryptoError::BadSignature { what: "manifest" }), Ok(())];

/// Security case 36: what a server could want to edit is under the signature, the type among it.
#[test]
fn ms_edit_type() {
    let opening = TypeOpening::new("other", [9; 32]).unwrap();
    let commitment = opening.commitment(shared().body().container);
    assert_eq!(edited(|manifest| manifest.body.type_commitment = commitment), REFUSED_BY_THE_SIGNATURE);
    assert_eq!(edited(|_| {}), [Ok(()), Ok(())], "unattacked");
}

/// Security case 36: the creator is under the signature, and in the container's id besides.
#[test]
fn ms_edit_created_by() {
    for result in edited(|manifest| manifest.body.created_by = person(2).user_id()) {
        assert!(matches!(result, Err(CryptoError::ForeignContainerId { .. })), "{result:?}");
    }
    assert_eq!(edited(|manifest| manifest.body.created_by = person(1).user_id()), [Ok(()), Ok(())]);
}

/// Security case 36: times are under the signature.
#[test]
fn ms_edit_times() {
    let dated = |moment: Timestamp| {
        edited(move |manifest| {
            (manifest.body.created_at, manifest.body.modified_at) = (moment, moment);
            (manifest.body.header.changed_at, manifest.body.content.changed_at) = (moment, moment);
        })
    };
    // Rows of the list are dated too, so a first revision cannot be moved by its times alone.
    assert!(dated(at(1)).iter().all(Result::is_err), "the list keeps its own times");
    assert_eq!(dated(shared().body().created_at), [Ok(()), Ok(())], "unattacked");
    // With every row moved along, nothing but the signature is left to notice.
    let (alice, view) = (person(1), shared());
    let mut body = view.body().clone();
    (body.created_at, body.modified_at) = (at(1), at(1));
    (body.header.changed_at, body.content.changed_at) = (at(1), at(1));
    let rows: Vec<_> =
        view.access().entries().map(|row| AccessEntry { created_at: at(1), ..row.clone() }).collect();
    let access = AccessSlots::of(rows).unwrap();
    (body.access_count, body.access_root) = (access.count(), access.root());
    let old = Manifest { body: body.clone(), signature: view.manifest().signature };
    let outcomes = [old, body.sign(&alice)].map(|manifest| {
        let view = ManifestView::new(manifest, access.clone()).unwrap();
        verify_run(id_of(&alice), None, [view], &cards_of(&[&alice]), at(10)).map(drop)
    });
    assert_eq!(outcomes, REFUSED_BY_THE_SIGNATURE);
}

/// Security case 36: lengths and digests are under the signature.
#[test]
fn ms_edit_len() {
    let edits: [fn(&mut Manifest); 4] = [
        |manifest| manifest.body.header.digest.length += 1,
        |manifest| manifest.body.content.digest.length += 1,
        |manifest| manifest.body.content.digest.length = 0,
        |manifest| manifest.body.content.digest.digest[0] ^= 1,
    ];
    for edit in edits {
        assert_eq!(edited(edit), REFUSED_BY_THE_SIGNATURE);
    }
}

/// Security case 36: a type that is not the committed one.
#[test]
fn s129_ms_edit_type_opening() {
    let alice = person(1);
    let opening = TypeOpening::new("invoice", [9; 32]).unwrap();
    let commitment = opening.commitment(id_of(&alice));
    let view = Draft::create(&alice).with(|draft| draft.body.type_commitment = commitment).sign(&alice);
    assert_eq!(opening.check(view.body()), Ok(()));
    assert_eq!(TypeOpening::decode(&opening.encode()).unwrap(), opening);
    let salted = TypeOpening::new("invoice", [8; 32]).unwrap();
    let other = TypeOpening::new("receipt", [9; 32]).unwrap();
    for wrong in [salted, other] {
        assert!(matches!(wrong.check(view.body()), Err(CryptoError::ManifestMismatch { what: "type", .. })));
    }
    assert!(TypeOpening::new("a".repeat(256), [0; 32]).is_ok());
    assert!(TypeOpening::new("a".repeat(257), [0; 32]).is_err());
    assert!(TypeOpening::new("", [0; 32]).is_err());
    for bytes in [&[0; 31][..], &[0; 32], &[&[0; 32][..], &[0xff]].concat()] {
        assert!(TypeOpening::decode(bytes).is_err());
    }
}

type Attack<'a> = &'a dyn Fn(&mut Vec<AccessEntry>);

/// Security case 38: a server drops a user, raises permissions, moves an expiry.
#[test]
fn ms_edit_acl() {
    let (bob, carol) = (person(2), person(3));
    let view = shared();
    let with = |edit: Attack<'_>| {
        let mut rows: Vec<_> = view.access().entries().cloned().collect();
        edit(&mut rows);
        ManifestView::new(view.manifest().clone(), AccessSlots::of(rows).unwrap())
    };
    let row = |rows: &mut Vec<AccessEntry>, user| rows.iter().position(|row| row.user == user).unwrap();
    assert!(with(&|_| {}).is_ok());
    let attacks: [Attack<'_>; 4] = [
        &|rows| rows.retain(|row| row.user != bob.user_id()),
        &|rows| {
            let index = row(rows, carol.user_id());
            rows[index].permissions = Permissions::CONTAINER_DOWNLOAD | Permissions::ACCESS_MODIFY;
        },
        &|rows| {
            let index = row(rows, carol.user_id());
            rows[index].expiration = None;
        },
        &|rows| {
            let index = row(rows, bob.user_id());
            rows[index].salt[0] ^= 1;
        },
    ];
    for attack in attacks {
        let error = with(attack).unwrap_err();
        assert!(matches!(error, CryptoError::ManifestMismatch { what: "access list", .. }), "{error:?}");
    }
}

/// Security case 37: an injected row, shown as an entry or as a bare hash.
#[test]
fn ms_inject_access_entry() {
    let (alice, eve) = (person(1), person(9));
    let view = shared();
    let injected = Draft::after(&view, &alice, 1).grant(&eve, Permissions::CREATOR).rows.pop().unwrap();
    for slot in [AccessSlot::Hash(injected.hash()), AccessSlot::Entry(injected)] {
        let slots = view.access().slots().iter().cloned().chain([slot]).collect();
        let access = AccessSlots::sorted(slots).unwrap();
        let error = ManifestView::new(view.manifest().clone(), access).unwrap_err();
        assert!(matches!(error, CryptoError::ManifestMismatch { .. }));
    }
    let own = view.access().clone();
    assert!(ManifestView::new(view.manifest().clone(), own).is_ok(), "negative control");
}

#[test]
fn s125_redaction_keeps_the_root_and_hides_the_rest() {
    let (alice, bob) = (person(1), person(2));
    let view = shared();
    let shown = view.redacted(&[bob.user_id(), alice.user_id()]);
    assert_eq!(shown.access().entries().count(), 2);
    assert!(!shown.access().is_complete() && view.access().is_complete());
    assert_eq!(shown.access().root(), view.access().root());
    assert_eq!(ManifestView::decode(&shown.encode()).unwrap(), shown);
    let carol = person(3).user_id();
    assert!(shown.entry(carol).is_none() && view.entry(carol).is_some());
    let text = shown.encode();
    assert!(!text.windows(16).any(|bytes| bytes == carol.as_bytes()));
}

/// F16: two rows for one user are refused wherever they are shown.
#[test]
fn two_rows_for_one_user_are_refused() {
    let (alice, bob) = (person(1), person(2));
    let draft = Draft::create(&alice).grant(&bob, Permissions::RECIPIENT).grant(&bob, Permissions::CREATOR);
    assert!(AccessSlots::of(draft.rows.clone()).is_err());
    let hidden = draft.rows.iter().enumerate().map(|(index, row)| match index {
        0 | 1 => AccessSlot::Entry(row.clone()),
        _ => AccessSlot::Hash(row.hash()),
    });
    assert!(AccessSlots::sorted(hidden.collect()).is_ok(), "bare hashes cannot tell");
    assert!(AccessSlots::of([]).is_err(), "an empty list");
}

/// One encoding per value: what a hostile writer might encode otherwise.
#[test]
fn s122_s113_entries_have_one_encoding() {
    let view = shared();
    let entry = view.entry(person(3).user_id()).unwrap();
    let bytes = entry.encode();
    let with = |position: usize, byte: u8| {
        let mut altered = bytes.clone();
        altered[position] = byte;
        AccessEntry::decode(&altered)
    };
    assert!(with(18, 1).is_err(), "permission bit 256");
    assert!(with(52, 1).is_err(), "modified by somebody at no time");
    assert!(with(75, 1).is_err(), "modified by nobody at some time");
    assert!(with(79, 1).is_err(), "a derivation index without a blob");
    assert!(with(128, 1).is_err(), "sealed by somebody without a blob");
    assert!(with(80, 1).is_err(), "a blob without container.decrypt (S-113)");
    let mut first_millisecond = entry.clone();
    first_millisecond.expiration = Some(Timestamp::from_millis(0));
    let read = AccessEntry::decode(&first_millisecond.encode()).unwrap();
    assert_eq!(read.expiration, Some(Timestamp::from_millis(1)), "never is not made of the first moment");
}

/// Security case 68: a count that the bytes do not hold is refused before anything is allocated.
#[test]
fn ms_len_overflow_in_views() {
    let view = shared();
    let mut bytes = view.encode();
    assert!(ManifestView::decode(&bytes).is_ok(), "negative control");
    for count in [4_u32, 65_536, u32::MAX] {
        bytes[460..464].copy_from_slice(&count.to_be_bytes());
        bytes[576..580].copy_from_slice(&count.to_be_bytes());
        assert!(ManifestView::decode(&bytes).is_err());
    }
}
