//! Who may sign what.

use crate::story::{Draft, at, person};
use absio_proto::crypto::rules::{RuleViolation, Transition, check_creation, check_transition};
use absio_proto::crypto::{AccessEntry, AccessSlot, AccessSlots, KeyRing, ManifestView};
use absio_proto::model::Permissions;

const VIEW: Permissions = Permissions::ACCESS_VIEW;
const MODIFY: Permissions = Permissions::ACCESS_MODIFY;
const DECRYPT: Permissions = Permissions::CONTAINER_DECRYPT;
const UPLOAD: Permissions = Permissions::CONTAINER_UPLOAD;
const TYPE_MODIFY: Permissions = Permissions::CONTAINER_TYPE_MODIFY;

/// Alice's container, shared with Bob under `permissions` and with Carol as a recipient.
fn shared(permissions: Permissions) -> (KeyRing, KeyRing, KeyRing, ManifestView) {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    let view =
        Draft::create(&alice).grant(&bob, permissions).grant(&carol, Permissions::RECIPIENT).sign(&alice);
    check_creation(&view).unwrap();
    (alice, bob, carol, view)
}

/// What Bob's draft on top gives, when Bob holds `permissions`.
fn bob_with(
    permissions: Permissions,
    draft: impl FnOnce(Draft) -> Draft,
) -> Result<Transition, RuleViolation> {
    let (_, bob, _, view) = shared(permissions);
    let next = draft(Draft::after(&view, &bob, 10)).sign(&bob);
    check_transition(&view, &next)
}

fn missing(right: Permissions) -> Result<Transition, RuleViolation> {
    Err(RuleViolation::MissingRight(right))
}

fn is_broken(result: Result<Transition, RuleViolation>) -> bool {
    matches!(result, Err(RuleViolation::Broken(_)))
}

#[test]
fn s126_access_modify_is_needed_for_the_list() {
    let carol = person(3);
    let remove = |draft: Draft| draft.remove(&carol);
    assert_eq!(bob_with(Permissions::CREATOR - MODIFY, remove), missing(MODIFY));
    assert!(bob_with(Permissions::CREATOR, remove).unwrap().access);
}

/// S-134 and S-126: an upload re-keys everybody, so it needs view and modify, with its own error.
#[test]
fn s134_an_upload_needs_access_view_and_modify() {
    let lacking = |right| bob_with(Permissions::CREATOR - right, Draft::upload);
    assert_eq!(lacking(MODIFY), Err(RuleViolation::UploadNeedsAccess(MODIFY)));
    assert_eq!(lacking(VIEW), Err(RuleViolation::UploadNeedsAccess(VIEW)));
    assert!(bob_with(Permissions::CREATOR, Draft::upload).unwrap().content);
    assert!(bob_with(Permissions::CREATOR, Draft::upload_header).unwrap().header);
}

#[test]
fn s131_upload_is_needed_for_header_and_content_only() {
    assert_eq!(bob_with(Permissions::CREATOR - UPLOAD, Draft::upload), missing(UPLOAD));
    assert_eq!(bob_with(Permissions::CREATOR - UPLOAD, Draft::upload_header), missing(UPLOAD));
    let retype = |draft: Draft| draft.with(|draft| draft.body.type_commitment = [5; 48]);
    let change = bob_with(Permissions::CREATOR - UPLOAD, retype).unwrap();
    assert_eq!(change, Transition { container_type: true, ..Transition::default() });
}

#[test]
fn s130_type_modify_is_needed_for_the_type() {
    let retype = |draft: Draft| draft.with(|draft| draft.body.type_commitment = [5; 48]);
    assert_eq!(bob_with(Permissions::CREATOR - TYPE_MODIFY, retype), missing(TYPE_MODIFY));
    assert!(bob_with(TYPE_MODIFY, retype).is_ok(), "and nothing else is (S-073)");
    let both = |draft: Draft| retype(draft).upload();
    assert_eq!(bob_with(Permissions::CREATOR - TYPE_MODIFY, both), missing(TYPE_MODIFY), "the rest neither");
}

/// F20: a revision that changes nothing re-signs the list.
#[test]
fn a_revision_without_a_change_needs_access_modify() {
    assert_eq!(bob_with(Permissions::CREATOR - MODIFY, |draft| draft), missing(MODIFY));
    assert_eq!(bob_with(MODIFY, |draft| draft), Ok(Transition::default()));
}

/// S-047 and F5: giving up one's own row needs no right, not even an unexpired row.
#[test]
fn s042_s047_self_removal_needs_no_right() {
    let (_, bob, carol, view) = shared(Permissions::empty());
    let leave = |view: &ManifestView| Draft::after(view, &bob, 10).remove(&bob).sign(&bob);
    assert!(check_transition(&view, &leave(&view)).unwrap().self_removal);
    // On bare hashes too: Bob sees his own row only.
    let shown = view.redacted(&[bob.user_id()]);
    let own = shown.entry(bob.user_id()).unwrap().hash();
    let left = shown.access().hashes().iter().filter(|hash| **hash != own);
    let access = AccessSlots::sorted(left.map(|hash| AccessSlot::Hash(*hash)).collect()).unwrap();
    let next = Draft::after(&shown, &bob, 10).sign_with_hashes(&bob, access);
    assert!(check_transition(&shown, &next).unwrap().self_removal);
    assert!(check_transition(&view, &next).unwrap().self_removal, "the broker agrees");
    // But nobody else's row, no other change with it.
    let other = Draft::after(&view, &bob, 10).remove(&carol).sign(&bob);
    assert_eq!(check_transition(&view, &other), missing(MODIFY));
    let both = Draft::after(&view, &bob, 10).remove(&bob).remove(&carol).sign(&bob);
    assert_eq!(check_transition(&view, &both), missing(MODIFY));
    let retyped =
        Draft::after(&view, &bob, 10).remove(&bob).with(|draft| draft.body.type_commitment = [5; 48]);
    assert_eq!(check_transition(&view, &retyped.sign(&bob)), missing(TYPE_MODIFY));
}

/// A row that was not shown before may be new or changed: whoever cannot tell leaves it to those who can.
#[test]
fn a_row_that_was_hidden_before_is_not_judged_as_a_new_one() {
    let (alice, bob, carol, view) = shared(Permissions::RECIPIENT);
    let next =
        Draft::after(&view, &alice, 10).change(&carol, |row| row.expiration = Some(at(99))).sign(&alice);
    assert!(check_transition(&view, &next).unwrap().access);
    let shown = view.redacted(&[alice.user_id(), bob.user_id()]);
    assert!(check_transition(&shown, &next).unwrap().access);
    // Negative control: where all rows were shown and hers was not among them, it is a new one that lies.
    let without = Draft::create(&alice).grant(&bob, Permissions::RECIPIENT).sign(&alice);
    let planted =
        Draft::after(&without, &alice, 10).with(|draft| draft.rows.push(row_of(&view, &carol))).sign(&alice);
    assert!(is_broken(check_transition(&without, &planted)));
}

/// The row of `user` in `view`.
fn row_of(view: &ManifestView, user: &KeyRing) -> AccessEntry {
    view.entry(user.user_id()).unwrap().clone()
}

/// Every right that is used must be unexpired at the time of the revision (F20).
#[test]
fn s037_an_expired_row_gives_no_right_but_may_be_given_up() {
    let (alice, bob) = (person(1), person(2));
    let until = |seconds| {
        Draft::create(&alice)
            .grant(&bob, Permissions::CREATOR)
            .with(|draft| draft.row(&bob).expiration = Some(at(seconds)))
            .sign(&alice)
    };
    let upload = |view: &ManifestView| Draft::after(view, &bob, 10).upload().sign(&bob);
    assert_eq!(check_transition(&until(10), &upload(&until(10))), Err(RuleViolation::Expired));
    assert!(check_transition(&until(11), &upload(&until(11))).is_ok());
    let left = Draft::after(&until(5), &bob, 10).remove(&bob).sign(&bob);
    assert!(check_transition(&until(5), &left).unwrap().self_removal);
}

#[test]
fn a_stranger_may_nothing() {
    let (_, _, _, view) = shared(Permissions::CREATOR);
    let mallory = person(9);
    let next = Draft::after(&view, &mallory, 10).upload().sign(&mallory);
    assert_eq!(check_transition(&view, &next), Err(RuleViolation::NoAccess));
}

/// F18: who does not hold the keys cannot give them, and cannot keep half of them.
#[test]
fn s127_without_decrypt_no_keys_are_given() {
    let dave = person(4);
    let grant = |permissions| {
        let dave = &dave;
        move |draft: Draft| draft.grant(dave, permissions)
    };
    assert_eq!(bob_with(VIEW | MODIFY, grant(Permissions::RECIPIENT)), missing(DECRYPT));
    assert!(bob_with(VIEW | MODIFY, grant(Permissions::RECIPIENT - DECRYPT)).is_ok());
    assert!(bob_with(VIEW | MODIFY | DECRYPT, grant(Permissions::RECIPIENT)).is_ok());
    assert_eq!(bob_with(Permissions::CREATOR - DECRYPT, Draft::upload), missing(DECRYPT));
    assert_eq!(bob_with(Permissions::CREATOR - DECRYPT, Draft::upload_header), missing(DECRYPT));
    let whole = |draft: Draft| draft.upload().upload_header();
    assert!(bob_with(Permissions::CREATOR - DECRYPT, whole).is_ok(), "fresh secrets for all there is");
    // Restricting and re-dating keep the blobs that are.
    let carol = person(3);
    let redate = |draft: Draft| draft.change(&carol, |row| row.expiration = Some(at(99)));
    assert!(bob_with(VIEW | MODIFY, redate).is_ok(), "S-082: key blob unchanged");
    let restrict = |draft: Draft| {
        draft.change(&carol, |row| {
            (row.permissions, row.wrapped) = (row.permissions - DECRYPT, None);
        })
    };
    assert!(bob_with(VIEW | MODIFY, restrict).is_ok());
}

/// S-133, F19 and security case 42: a blind modifier replaces the whole list.
#[test]
fn s133_mc_modify_without_view() {
    let (bob, carol) = (person(2), person(3));
    let blind = MODIFY | DECRYPT;
    let replace = |draft: Draft| {
        let draft = draft.with(|draft| draft.rows.clear());
        draft.grant(&bob, Permissions::CREATOR)
    };
    assert!(bob_with(blind, replace).unwrap().access);
    // Rows they do not see may not be carried forward by hash; their own and the last signer's may.
    let keep_carol = |draft: Draft| draft.with(|draft| draft.rows.retain(|row| row.user == carol.user_id()));
    assert!(is_broken(bob_with(blind, keep_carol)));
    let keep_own = |draft: Draft| draft.with(|draft| draft.rows.retain(|row| row.user == bob.user_id()));
    assert!(bob_with(blind, keep_own).is_ok());
    assert!(bob_with(blind | VIEW, keep_carol).is_ok(), "negative control: with access.view");
}

/// Security case 41: after a removal, an upload leaves the removed reader without a blob; and a
/// blob of an older epoch is refused.
#[test]
fn s078_mp_removed_reader_next_epoch() {
    let carol = person(3);
    let gone = bob_with(Permissions::CREATOR, |draft| draft.remove(&carol).upload());
    assert!(gone.unwrap().content);
    let stale = |draft: Draft| {
        let old = draft.rows.clone();
        draft.upload().with(|draft| {
            let kept = old.iter().find(|row| row.user == carol.user_id()).unwrap();
            draft.row(&carol).wrapped = kept.wrapped;
        })
    };
    assert!(is_broken(bob_with(Permissions::CREATOR, stale)), "a blob of the old epoch");
}

/// F40: an upload gives expired rows no blob; extending such a row makes it again.
#[test]
fn s110_expired_rows_get_no_blob() {
    let carol = person(3);
    let expire = |draft: Draft| {
        draft.change(&carol, |row| row.expiration = Some(at(5))).with(|draft| draft.body.modified_at = at(10))
    };
    let kept = |draft: Draft| {
        let draft = expire(draft).upload();
        let wrapping = draft.clone().wrapping();
        draft.with(|draft| draft.row(&carol).wrapped = Some(wrapping))
    };
    assert!(is_broken(bob_with(Permissions::CREATOR, kept)));
    assert!(bob_with(Permissions::CREATOR, |draft| expire(draft).upload()).is_ok());
    let unwrapped = |draft: Draft| draft.change(&carol, |row| row.wrapped = None);
    assert!(is_broken(bob_with(Permissions::CREATOR, unwrapped)), "decrypt without a blob, unexpired");
}

/// F7, F10, F14, F24, F33: the form of a chain, each broken by itself.
#[test]
fn the_form_of_a_chain() {
    let all = Permissions::CREATOR;
    let upload_with = |edit: fn(&mut Draft)| bob_with(all, |draft| draft.upload().with(edit));
    assert!(upload_with(|_| {}).is_ok());
    assert!(is_broken(upload_with(|draft| draft.body.content.epoch += 1)));
    assert!(is_broken(upload_with(|draft| draft.body.content.epoch -= 1)));
    assert!(is_broken(upload_with(|draft| draft.body.content.changed_in = 1)));
    assert!(is_broken(upload_with(|draft| draft.body.content.changed_at = at(0))));
    assert!(is_broken(upload_with(|draft| draft.body.content.changed_by = person(1).user_id())));
    assert!(is_broken(upload_with(|draft| draft.body.header.epoch += 1)), "unchanged, described anew");
    assert!(is_broken(upload_with(|draft| draft.body.header.changed_in = 2)));
    assert!(is_broken(upload_with(|draft| draft.body.created_at = at(1))));
    assert!(is_broken(upload_with(|draft| draft.body.created_by = person(2).user_id())));
    assert!(is_broken(upload_with(|draft| draft.body.revision += 1)));
    assert!(is_broken(upload_with(|draft| draft.body.previous[0] ^= 1)));
    assert!(is_broken(upload_with(|draft| draft.body.id_salt[0] ^= 1)));
    assert!(is_broken(upload_with(|draft| draft.body.suite = 0)), "a lower suite (security case 29)");
    let earlier = bob_with(all, |draft| {
        draft.with(|draft| draft.body.modified_at = absio_proto::model::Timestamp::from_millis(5))
    });
    assert!(is_broken(earlier));
}

/// S-114 and F17: what a changed row must say, and that an unchanged one stays as it is.
#[test]
fn s114_rows_name_who_gave_and_changed_them() {
    let (bob, carol) = (person(2), person(3));
    let all = Permissions::CREATOR;
    let wider = |edit: fn(&mut AccessEntry)| {
        bob_with(all, |draft| {
            draft.change(&carol, |row| {
                row.permissions = Permissions::CREATOR;
                edit(row);
            })
        })
    };
    assert!(wider(|_| {}).is_ok());
    assert!(is_broken(wider(|row| row.modified = None)));
    assert!(is_broken(wider(|row| row.modified = Some((person(1).user_id(), at(10))))));
    assert!(is_broken(wider(|row| row.created_at = at(1))));
    assert!(is_broken(wider(|row| row.created_by = person(2).user_id())));
    let salted = |draft: Draft| draft.with(|draft| draft.row(&carol).salt[0] ^= 1);
    assert!(is_broken(bob_with(all, salted)), "only the salt changes");
    let unsalted = |draft: Draft| {
        let salt = draft.clone().row(&carol).salt;
        draft.change(&carol, |row| (row.permissions, row.salt) = (all, salt))
    };
    assert!(is_broken(bob_with(all, unsalted)), "everything but the salt changes");
    let touched = |draft: Draft| draft.upload().change(&carol, |_| {});
    assert!(is_broken(bob_with(all, touched)), "a re-wrap is not a modification");
    let dave = person(4);
    let framed = |draft: Draft| {
        draft.grant(&dave, Permissions::RECIPIENT).with(|draft| {
            draft.row(&dave).created_by = person(1).user_id();
        })
    };
    assert!(is_broken(bob_with(all, framed)), "a grant in another's name");
    let sealed_by_other = |draft: Draft| {
        draft.upload().with(|draft| {
            draft.row(&bob).wrapped.as_mut().unwrap().sealed_by = person(1).user_id();
        })
    };
    assert!(is_broken(bob_with(all, sealed_by_other)));
}

#[test]
fn s135_access_modify_is_full_authority_over_the_list() {
    let bob = person(2);
    let raised = bob_with(VIEW | MODIFY | DECRYPT, |draft| {
        draft.change(&bob, |row| row.permissions = Permissions::CREATOR)
    });
    assert!(raised.is_ok(), "one's own row included (F20)");
}

#[test]
fn the_rules_for_a_first_revision() {
    let (alice, bob) = (person(1), person(2));
    let first = |edit: fn(&mut Draft)| check_creation(&Draft::create(&alice).with(edit).sign(&alice));
    assert_eq!(first(|_| {}), Ok(()));
    assert!(first(|draft| draft.body.created_by = person(2).user_id()).is_err());
    assert!(first(|draft| draft.body.id_salt[0] ^= 1).is_err());
    assert!(first(|draft| draft.body.modified_at = at(1)).is_err());
    assert!(first(|draft| draft.body.content.epoch = 2).is_err());
    assert!(first(|draft| draft.body.header.changed_in = 2).is_err());
    assert!(first(|draft| draft.rows[0].created_by = person(2).user_id()).is_err());
    assert!(first(|draft| draft.rows[0].modified = Some((person(1).user_id(), at(0)))).is_err());
    assert!(first(|draft| draft.rows[0].wrapped = None).is_err());
    assert!(first(|draft| draft.rows[0].wrapped.as_mut().unwrap().header_epoch = 2).is_err());
    // S-034: the creator need not be in the list.
    let given_away = Draft::create(&alice).remove(&alice).grant(&bob, Permissions::CREATOR).sign(&alice);
    assert_eq!(check_creation(&given_away), Ok(()));
    let by_bob =
        Draft::create(&alice).with(|draft| draft.body.author = absio_proto::crypto::Author::of(&bob));
    assert!(check_creation(&by_bob.sign(&bob)).is_err());
}
