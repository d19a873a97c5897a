"""Rules for revisions, authors, and what a reader believes (§13)."""

from dataclasses import dataclass

from .key_blob import check_container_id
from .manifest import (
    DECRYPT, MODIFY, TYPE_MODIFY, UPLOAD, VIEW, parse_tombstone, parse_view,
)
from .primitives import check_signature, crockford, labelled
from .reading import Refused, require, u64, u8

AHEAD = 5 * 60 * 1000
WALKED = 10_000


def rule(condition, why):
    require(condition, "revision_invalid", why)


def right(condition, why):
    require(condition, "not_authorised", why)


def sections(view):
    return view.manifest.header, view.manifest.content


def names_revision(section, manifest):
    there = section.changed_by, section.changed_at, section.changed_in
    return there == (manifest.author, manifest.modified_at, manifest.revision)


def is_new(entry, manifest):
    return (entry.created_by, entry.created_at, entry.modified_at) == (manifest.author, manifest.modified_at, 0)


def sealed_by_author(entry, manifest):
    return (entry.sealed_by, entry.sealer_index) == (manifest.author, manifest.author_index)


def check_blob(entry, manifest, upload):
    """Rule 5 of §13.2."""
    expired = entry.expired(manifest.modified_at)
    if entry.has_blob:
        epochs = entry.header_epoch, entry.content_epoch
        rule(epochs == (manifest.header.epoch, manifest.content.epoch), "epochs of a blob")
        if upload:
            rule(sealed_by_author(entry, manifest), "sealed by another in an upload")
            rule(not expired, "a blob for an expired entry in an upload")
    elif entry.may(DECRYPT):
        rule(expired, "container.decrypt without a blob")


def check_first(view):
    """§13.1."""
    manifest = view.manifest
    rule(manifest.revision == 1 and manifest.author == manifest.created_by, "first revision")
    rule(manifest.modified_at == manifest.created_at, "times of the first revision")
    for section in sections(view):
        rule(section.epoch == 1 and names_revision(section, manifest), "sections of the first revision")
    for entry in view.shown:
        rule(is_new(entry, manifest), "an entry of the first revision is new")
        check_blob(entry, manifest, True)


def check_next(before, view):
    """§13.2: whether `view` may follow `before`."""
    old, new = before.manifest, view.manifest
    same = ("container", "salt", "created_by", "created_at")
    rule(all(getattr(old, name) == getattr(new, name) for name in same), "succession")
    rule(new.revision == old.revision + 1 and new.previous == old.hash(), "succession")
    rule(new.suite >= old.suite and new.modified_at >= old.modified_at, "succession")

    changed = []
    for was, now in zip(sections(before), sections(view)):
        changed.append(now.differs(was))
        if changed[-1]:
            rule(now.epoch == was.epoch + 1 and names_revision(now, new), "a changed section")
        else:
            rule(now == was, "an unchanged section")
    upload = any(changed)
    type_changed = new.type_commitment != old.type_commitment
    list_changed = set(view.hashes) != set(before.hashes)

    author = before.entry(new.author)
    if list_changed and not upload and not type_changed and author is not None:
        if set(view.hashes) == set(before.hashes) - {author.hash()}:
            return
    keeps = any(now.present and not is_changed for now, is_changed in zip(sections(view), changed))
    check_rights(author, new, upload, type_changed, list_changed, keeps)
    for entry in view.shown:
        check_blob(entry, new, upload)
        check_entry(before, entry, new, author, keeps)
    if list_changed and not author.may(VIEW):
        allowed = {author.hash()}
        last = before.entry(old.author)
        if last is not None:
            allowed.add(last.hash())
        rule(set(before.hashes) & set(view.hashes) <= allowed, "blind replacement")


def check_rights(author, manifest, upload, type_changed, list_changed, keeps):
    """Rule 4."""
    right(author is not None, "the author has no entry")
    right(not author.expired(manifest.modified_at), "the author's access has expired")
    if upload:
        right(author.may(UPLOAD), "container.upload")
        right(author.may(VIEW) and author.may(MODIFY), "an upload needs access")
        right(author.may(DECRYPT) or not keeps, "container.decrypt")
    if type_changed:
        right(author.may(TYPE_MODIFY), "container.type.modify")
    if list_changed or not (upload or type_changed):
        right(author.may(MODIFY), "access.modify")


def check_entry(before, entry, manifest, author, keeps):
    """Rules 6 and 7 for one entry that is shown."""
    if entry.hash() in before.hashes:
        return
    was = before.entry(entry.user)
    if was is None or was.blob_part() != entry.blob_part():
        if entry.has_blob:
            rule(sealed_by_author(entry, manifest), "a new blob by another")
            right(author.may(DECRYPT) or not keeps, "giving keys needs container.decrypt")
    if was is None and len(before.shown) < len(before.hashes):
        # Whether it continues an entry that this reader was not shown cannot be told.
        return
    rule(is_new(entry, manifest) or (was is not None and continues(was, entry, manifest)), "neither new nor continued")


def continues(was, entry, manifest):
    if was.salt == entry.salt or was.encode()[:164] == entry.encode()[:164]:
        return False
    if (was.created_by, was.created_at) != (entry.created_by, entry.created_at):
        return False
    if (was.permissions, was.expiration) != (entry.permissions, entry.expiration):
        return (entry.modified_by, entry.modified_at) == (manifest.author, manifest.modified_at)
    return (entry.modified_by, entry.modified_at) == (was.modified_by, was.modified_at)


def check_card(signed, chains):
    """§13.3, first half: the author's chain has the card that the revision names."""
    chain = chains.get(signed.author)
    require(chain is not None and 1 <= signed.card_sequence <= len(chain.cards), "card_chain_invalid", "cards of the author")
    require(chain.cards[signed.card_sequence - 1].hash() == signed.card_hash, "card_chain_invalid", "card of the author")
    return chain


def key_counts(signed, chains, time):
    """Whether the author's key counts at `time`, apart from the signature."""
    try:
        check_card(signed, chains).counts(signed.author_index, time)
    except Refused:
        return False
    return True


def check_author(manifest, chains, later):
    """§13.3; `later` are the revisions above this one."""
    chain = check_card(manifest, chains)
    key = chain.key(1, manifest.author_index)
    require(key is not None, "key_not_valid", "no such key")
    covered = key.state == 3 and any(key_counts(above, chains, above.modified_at) for above in later)
    if not covered:
        chain.counts(manifest.author_index, manifest.modified_at)
    check_signature(key.public, "manifest", manifest.body(), manifest.signature)


@dataclass(frozen=True)
class Pin:
    revision: int
    hash: bytes
    tombstone: bool = False


def believe(container, encoded_views, chains, now, pin=None):
    """§13.4: the head of a run of views."""
    views = [parse_view(data) for data in encoded_views]
    rule(views, "no view")
    for view in views:
        manifest = view.manifest
        require(manifest.container == container, "manifest_mismatch", "another container")
        check_container_id(container, manifest.created_by, manifest.salt)
        require(manifest.modified_at <= now + AHEAD, "from_the_future")
    start = first_believed(views, pin)
    later = [view.manifest for view in views]
    if pin is None:
        if views[0].manifest.revision == 1:
            check_author(views[0].manifest, chains, later[1:])
            check_first(views[0])
        else:
            rule(len(views) > 1 and views[1].manifest.author == views[1].manifest.created_by, "no word of the creator")
            require(len(views) <= WALKED, "history_too_long")
    for at in range(start + 1, len(views)):
        before, view = views[at - 1], views[at]
        if view.manifest.revision == before.manifest.revision + 1:
            require(view.manifest.previous == before.manifest.hash(), "fork_detected")
        else:
            rule(False, "a revision left out")
        check_author(view.manifest, chains, later[at + 1 :])
        check_next(before, view)
    return views[-1]


def first_believed(views, pin):
    """The place of the view that the rest stands on."""
    if pin is None:
        return 0
    require(not pin.tombstone, "rollback_detected", "after a tombstone")
    revisions = [view.manifest.revision for view in views]
    require(revisions[-1] >= pin.revision, "rollback_detected")
    rule(revisions[0] <= pin.revision, "begins after the pin")
    rule(pin.revision in revisions, "the pinned revision is not there")
    place = revisions.index(pin.revision)
    require(views[place].manifest.hash() == pin.hash, "fork_detected")
    return place


def check_tombstone(data, last, chains, now):
    """§12, after the verified last revision."""
    tombstone = parse_tombstone(data)
    manifest = last.manifest
    named = tombstone.container, tombstone.revision, tombstone.previous
    require(named == (manifest.container, manifest.revision + 1, manifest.hash()), "manifest_mismatch")
    rule(tombstone.deleted_at >= manifest.modified_at, "dated before the last revision")
    require(tombstone.deleted_at <= now + AHEAD, "from_the_future")
    sole = last.entry(tombstone.author)
    right(len(last.hashes) == 1 and sole is not None, "not the only entry")
    chain = check_card(tombstone, chains)
    key = chain.counts(tombstone.author_index, tombstone.deleted_at)
    check_signature(key.public, "tombstone", tombstone.unsigned(), tombstone.signature)
    return tombstone


def checkpoint(pins):
    """§13.5; `pins` maps container ids to pins."""
    text = b"".join(
        container + u64(pin.revision) + pin.hash + u8(int(pin.tombstone)) for container, pin in sorted(pins.items())
    )
    return crockford(labelled("checkpoint", text), 26)
