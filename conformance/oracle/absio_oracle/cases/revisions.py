"""Access entries, views, types, and what a reader believes of a run of revisions (§11 to §13)."""

from dataclasses import replace

from .. import manifest
from ..card import REVOKED
from ..history import Pin
from ..manifest import DECRYPT, MODIFY, UPLOAD, VIEW, ZERO_HASH, ZERO_ID
from ..primitives import sign
from ..reading import prefixed, u32
from .collection import flipped, put, seeded
from .drafts import CREATOR, RECIPIENT, after, create
from .people import START, Person

NOW = START + 40_000
BROKEN, DENIED = "revision_invalid", "not_authorised"


def joined(members):
    return b"".join(prefixed(member) for member in members)


def cards_of(people):
    return joined(joined(person.encoded()) for person in people)


class Story:
    """Alice creates, bob and alice upload by turns; carol reads."""

    def __init__(self):
        self.alice, self.bob, self.carol = Person("alice"), Person("bob"), Person("carol")
        self.people = [self.alice, self.bob, self.carol]
        first = create(self.alice).grant(self.bob, CREATOR).grant(self.carol, RECIPIENT)
        self.views = [first.sign(self.alice)]
        for author, seconds in ((self.bob, 10), (self.alice, 20), (self.bob, 30)):
            self.views.append(after(self.views[-1], author, START + 1000 * seconds).upload().sign(author))

    @property
    def head(self):
        return self.views[-1]

    def next(self, author, seconds=35):
        return after(self.head, author, START + 1000 * seconds)


def pin_at(view, tombstone=False, above=0):
    return Pin(view.manifest.revision + above, view.manifest.hash(), tombstone)


def run(kit, slug, comment, views, people, expect="success", pin=None, now=NOW, container=None):
    """A case of a run; views are given encoded, or as they were signed."""
    encoded = [view if isinstance(view, bytes) else view.encode() for view in views]
    container = container or next(view for view in views if not isinstance(view, bytes)).manifest.container
    inputs = {"container": container, "now": now, "cards": cards_of(people)}
    if pin is not None:
        inputs |= {"pin-revision": pin.revision, "pin-hash": pin.hash, "pin-tombstone": int(pin.tombstone)}
    return kit.add("revisions", slug, comment, joined(encoded), inputs, expect)


def build(kit):
    story = Story()
    entries(kit, story)
    view_forms(kit, story)
    types(kit, story)
    honest(kit, story)
    shown_wrongly(kit, story)
    keys(kit)
    forged(kit, story)
    succession(kit, story)
    rights(kit, story)
    rows(kit, story)


def entries(kit, story):
    row = next(entry for entry in story.head.shown if entry.user == story.carol.user)
    good = kit.add("access-entry", "new", "an entry with a blob", row.encode(), {})
    changed = replace(row, expiration=NOW, modified_by=story.bob.user, modified_at=NOW - 1)
    kit.add("access-entry", "changed", "an entry that was changed", changed.encode(), {})
    bare = manifest.Entry(story.carol.user, 1, 0, story.alice.user, START, seeded("salt"))
    no_blob = kit.add("access-entry", "no-blob", "an entry without a blob", bare.encode(), {})

    def wrong(slug, comment, base, at, new):
        kit.fault(base, slug, comment, "malformed", put(base.data, at, new))

    wrong("permissions", "an unknown permission", good, 18, b"\1")
    wrong("modified-by-nobody", "modified at a time, by nobody", good, 68, b"\1")
    wrong("modified-never", "modified by somebody, at no time", good, 52, b"\1")
    wrong("blob-without-right", "a blob without container.decrypt", good, 19, b"\1")
    for name, at in (("index", 79), ("sealed-by", 128), ("sealer-index", 147), ("header-epoch", 155), ("content-epoch", 163)):
        wrong(f"no-blob-{name}", f"no blob, but {name.replace('-', ' ')}", no_blob, at, b"\1")
    kit.lengths(good, "entry", "malformed", "malformed")


def view_forms(kit, story):
    first = story.views[0]
    whole = kit.add("view", "whole", "a view with every entry", first.encode(), {})
    hidden = manifest.View(first.manifest, first.hashes, [first.shown[0]])
    kit.add("view", "hidden", "a view with two entries as hashes", hidden.encode(), {})
    alone = kit.add("view", "alone", "a list of one", create(story.alice).sign(story.alice).encode(), {})
    kit.fault(whole, "count-more", "a row is missing", "malformed", put(whole.data, 576, u32(4)))
    kit.fault(whole, "count-fewer", "a row too many", "malformed", put(whole.data, 576, u32(2)))
    kit.fault(whole, "row-kind", "a row that is neither hash nor entry", "malformed", put(whole.data, 580, b"\2"))
    kit.lengths(whole, "view", "malformed", "malformed")
    row = lambda at: whole.data[580 + 197 * at : 580 + 197 * (at + 1)]
    front = whole.data[:580]
    kit.fault(whole, "rows-swapped", "two rows in the wrong order", "malformed", front + row(1) + row(0) + row(2))
    kit.fault(whole, "row-twice", "a row twice", "malformed", front + row(0) + row(0) + row(2))
    kit.fault(alone, "row-salt", "the salt of a row", "manifest_mismatch", flipped(alone.data, -1))
    kit.fault(alone, "root", "the access root", "manifest_mismatch", flipped(alone.data, 464))
    kit.fault(alone, "row-user", "the user of a row", "manifest_mismatch", flipped(alone.data, 581))
    twice = create(story.alice).grant(story.alice, RECIPIENT)
    kit.fault(whole, "user-twice", "two entries for one user", "malformed", twice.sign(story.alice).encode())
    for slug, comment, expect, at, new in (
        ("magic", "another magic", "malformed", 0, b"m"),
        ("suite-2", "suite 2", "unknown_algorithm", 4, b"\0\2"),
        ("flag-64", "a reserved flag", "malformed", 7, b"\x43"),
        ("flag-high", "a high reserved flag", "malformed", 6, b"\x80"),
        ("padded-absent", "padded without being present", "malformed", 7, b"\x06"),
        ("external-absent", "external without being present", "malformed", 7, b"\x12"),
        ("absent-described", "absent, with a digest", "malformed", 7, b"\x02"),
        ("revision-0", "revision 0", "malformed", 56, bytes(8)),
        ("revision-2", "revision 2 without a revision before", "malformed", 63, b"\2"),
        ("previous", "a revision before the first", "malformed", 64, b"\1"),
        ("header-epoch-0", "header epoch 0", "malformed", 268, bytes(8)),
        ("content-epoch-2", "an epoch above its revision", "malformed", 371, b"\2"),
        ("changed-in-2", "changed in a later revision", "malformed", 363, b"\2"),
        ("changed-at", "changed after the revision", "malformed", 348, b"\1"),
        ("header-length", "a header over its limit", "malformed", 276, b"\0\0\0\0\1\0\x08\1"),
        ("content-length", "a content over its limit", "malformed", 372, b"\0\0\x10\0\0\0\0\1"),
        ("created-late", "created after it was modified", "malformed", 128, b"\1"),
        ("entries-0", "no entry", "malformed", 460, bytes(4)),
        ("entries-65537", "too many entries", "malformed", 460, u32(65537)),
    ):
        kit.fault(alone, slug, comment, expect, put(alone.data, at, new))


def types(kit, story):
    own, salt = story.head.manifest.container, seeded("type salt")

    def add(slug, comment, text, expect="success"):
        commitment = manifest.type_commitment(own, salt, text)
        return kit.add("type-opening", slug, comment, salt + text, {"container": own, "commitment": commitment}, expect)

    good = add("text", "a type", "rechnung-ß".encode())
    add("longest", "a type of 256 bytes", b"x" * 256)
    add("empty", "an empty type", b"", "malformed")
    add("long", "a type over its limit", b"x" * 257, "malformed")
    add("not-utf8", "a type that is not UTF-8", b"\xff", "malformed")
    kit.flips(good, "field", [("salt", 0, "manifest_mismatch")])
    kit.fault(good, "text-changed", "another type", "manifest_mismatch", salt + b"rechnung")
    kit.fault(good, "another-container", "another container", "manifest_mismatch", container=seeded("x", 16))
    kit.fault(good, "commitment", "another commitment", "manifest_mismatch", commitment=seeded("x", 48))
    kit.fault(good, "cut-salt", "shorter than a salt", "malformed", salt[:31])


def honest(kit, story):
    alice, bob, carol, views, people = story.alice, story.bob, story.carol, story.views, story.people
    seen = pin_at(story.head)

    def good(slug, comment, shown, pin=None):
        run(kit, slug, comment, shown, people, pin=pin)

    def follows(slug, comment, draft, author):
        good(slug, comment, [story.head, draft.sign(author)], seen)

    good("first", "the first revision", views[:1])
    good("all", "the whole history", views)
    good("creators-word", "from the creator's last revision", views[1:])
    good("from-pin", "from a pin", views[1:], pin_at(views[1]))
    good("behind-pin", "views behind the pin are passed over", views, pin_at(views[2]))
    good("pin-itself", "the pin itself", views[3:], seen)
    good("reader", "as shown to a reader without access.view", redacted(story))
    follows("leaves", "somebody takes their own entry out", story.next(carol).remove(carol), carol)
    follows("expiration", "an expiration is moved", story.next(bob).regrant(carol, expiration=NOW + 1), bob)
    follows("type", "another type", story.next(bob).set(type_commitment=seeded("type", 48)), bob)
    follows("nothing", "nothing changed", story.next(alice), alice)
    removed = story.next(alice).remove(bob).upload("header", "content")
    follows("removal", "a user is removed, and the keys change", removed, alice)
    follows("header", "a new header", story.next(alice).upload("header"), alice)
    dave = Person("dave")
    follows("grant", "a user is added", story.next(alice).grant(dave, RECIPIENT), alice)
    follows("expired-grant", "an expired entry has no blob", story.next(alice).grant(dave, RECIPIENT, START), alice)
    absent = story.next(alice).section("content", flags=0, length=0, digest=ZERO_HASH)
    absent.section("content", epoch=5, changed_by=alice.user, changed_at=START + 35_000, changed_in=5).rewrap()
    follows("content-removed", "the content is taken away", absent, alice)
    again = story.next(alice).remove(carol).grant(carol, RECIPIENT)
    follows("granted-anew", "an entry is replaced by a new one", again, alice)


def redacted(story):
    """What carol is shown: her own entry, the author's, and the next author's."""
    shown = []
    for at, view in enumerate(story.views):
        keep = {story.carol.user, view.manifest.author}
        if at + 1 < len(story.views):
            keep.add(story.views[at + 1].manifest.author)
        shown.append(manifest.View(view.manifest, view.hashes, [entry for entry in view.shown if entry.user in keep]))
    return shown


def shown_wrongly(kit, story):
    views, people, bob = story.views, story.people, story.bob

    def bad(slug, comment, expect, shown, pin=None, **others):
        run(kit, slug, comment, shown, people, expect, pin, **others)

    bad("rolled-back", "a run that ends before the pin", "rollback_detected", views[:3], pin_at(views[3]))
    bad("after-tombstone", "a run after a tombstone", "rollback_detected", views[3:], pin_at(views[3], True, 1))
    fork = after(views[2], bob, START + 31_000).upload().sign(bob)
    bad("fork-at-pin", "another revision at the pin", "fork_detected", [*views[:3], fork], pin_at(views[3]))
    grown = after(fork, bob, START + 32_000).upload().sign(bob)
    bad("fork-above-pin", "a revision that follows another one", "fork_detected", [views[3], grown], pin_at(views[3]))
    bad("fork-unpinned", "a revision that follows another one, without a pin", "fork_detected", [*views, grown])
    bad("begins-above-pin", "begins above the pin", BROKEN, views[2:], pin_at(views[1]))
    bad("no-creator", "does not reach back to the creator", BROKEN, views[2:])
    bad("base-alone", "a base, and nothing on it", BROKEN, views[2:3])
    bad("gap", "a revision is left out", BROKEN, [views[0], views[2], views[3]])
    bad("order", "two revisions in the wrong order", BROKEN, [views[0], views[2], views[1]])
    bad("twice", "a revision twice", BROKEN, [views[0], views[0]])
    bad("another-container", "another container than asked for", "manifest_mismatch", views[:1], container=seeded("x", 16))
    bad("future", "dated more than 5 minutes ahead", "from_the_future", views[:1], now=START - 300_001)
    run(kit, "nearly-future", "dated 5 minutes ahead", views[:1], people, now=START - 300_000)
    run(kit, "cards-missing", "the cards of a signer are missing", views, [story.alice, story.carol], "card_chain_invalid")


def keys(kit):
    """Signers whose keys are not in use any more."""
    alice = Person("alice").rotate(START + 20_000)
    old = Person("alice")
    first = create(old).sign(old)
    run(kit, "retired-before", "signed before the key was retired", [first], [alice])
    late = after(first, old, START + 20_000).sign(old)
    run(kit, "retired-after", "signed when the key was retired", [first, late], [alice], "key_not_valid")
    robbed = Person("alice").rotate(START + 20_000, REVOKED)
    run(kit, "revoked-head", "the newest revision is signed by a revoked key", [first], [robbed], "key_not_valid")
    anew = after(first, robbed, START + 30_000).sign(robbed)
    run(kit, "signed-anew", "a revoked key below one that counts", [first, anew], [robbed])
    run(kit, "revoked-pinned", "a revoked key at the pin", [first], [robbed], pin=pin_at(first))
    new = create(alice, at=START + 25_000).sign(alice)
    run(kit, "cards-too-few", "the cards do not reach as far", [new], [old], "card_chain_invalid")


def forged(kit, story):
    """Bytes of a signed revision changed."""
    alone = create(story.alice).sign(story.alice)
    data = alone.encode()

    def wrong(slug, comment, expect, at, mask=1):
        run(kit, slug, comment, [flipped(data, at, mask)], story.people, expect, container=alone.manifest.container)

    wrong("container-flipped", "the container id", "manifest_mismatch", 8)
    wrong("salt-flipped", "the id salt", "foreign_container_id", 24)
    wrong("creator-flipped", "created_by", "foreign_container_id", 112)
    wrong("created-at-flipped", "created_at", "signature_invalid", 134, 8)
    wrong("author-flipped", "the author", "card_chain_invalid", 136)
    wrong("author-index-flipped", "the author's key index", "key_not_valid", 155, 2)
    wrong("card-sequence-flipped", "the author's card", "card_chain_invalid", 163, 2)
    wrong("card-hash-flipped", "the hash of the author's card", "card_chain_invalid", 164)
    wrong("modified-at-flipped", "modified_at", "signature_invalid", 219)
    wrong("type-flipped", "the type commitment", "signature_invalid", 220)
    wrong("header-length-flipped", "the length of the header", "signature_invalid", 283)
    wrong("header-digest-flipped", "the digest of the header", "signature_invalid", 284)
    wrong("content-length-flipped", "the length of the content", "signature_invalid", 379)
    wrong("content-digest-flipped", "the digest of the content", "signature_invalid", 380)
    wrong("changed-by-flipped", "who changed the content", "signature_invalid", 428)
    wrong("external-flipped", "the content is said to be elsewhere", "signature_invalid", 7, 32)
    wrong("signature-r-flipped", "R of the signature", "signature_invalid", 512)
    wrong("signature-s-flipped", "S of the signature", "signature_invalid", 544)
    purpose = put(data, 512, sign(story.alice.seed, "tombstone", data[:512]))
    run(kit, "purpose", "signed for another purpose", [purpose], story.people, "signature_invalid", container=alone.manifest.container)
    other = create(story.alice).sign(story.bob, seed=story.bob.seed)
    run(kit, "another-signer", "signed by another than the author", [other], story.people, "signature_invalid")


def ruled(kit, story):
    """A function that adds a case of a revision after the head that breaks one rule."""

    def bad(slug, comment, expect, draft, author):
        run(kit, slug, comment, [story.head, draft.sign(author)], story.people, expect, pin_at(story.head))

    return bad


def succession(kit, story):
    alice, bob = story.alice, story.bob
    bad = ruled(kit, story)
    bad("created-at-changes", "created_at changes", BROKEN, story.next(alice).set(created_at=START + 1), alice)
    bad("goes-back-in-time", "dated before the revision before", BROKEN, story.next(alice, 29).section("content", changed_at=START), alice)
    bad("epoch-kept", "an epoch is kept in an upload", BROKEN, story.next(alice).upload().section("content", epoch=4).rewrap(), alice)
    bad("epoch-skips", "an epoch skips one", BROKEN, story.next(alice).upload("header").section("header", epoch=3).rewrap(), alice)
    bad("changed-by-another", "a section does not name its author", BROKEN, story.next(alice).upload().section("content", changed_by=bob.user), alice)
    bad("changed-at-another-time", "a section does not name its time", BROKEN, story.next(alice).upload().section("content", changed_at=START), alice)
    bad("described-anew", "an unchanged section is described anew", BROKEN, story.next(alice).section("content", changed_by=alice.user), alice)

    def first(slug, comment, draft, author=alice):
        run(kit, f"first-{slug}", comment, [draft.sign(author)], story.people, BROKEN)

    first("late", "a first revision modified after it was created", create(alice).set(modified_at=START + 1))
    first("section", "a section of the first revision names another", create(alice).section("content", changed_by=bob.user))
    first("section-time", "a section of the first revision has another time", create(alice).section("header", changed_at=START - 1))
    first("row-old", "an entry of the first revision is not new", create(alice).grant(bob, RECIPIENT).entry(bob, created_at=START - 1))
    first("row-by-another", "an entry of the first revision is by another", create(alice).grant(bob, RECIPIENT).entry(bob, created_by=bob.user))
    first("row-without-blob", "container.decrypt without a blob", without_blob(create(alice).grant(bob, RECIPIENT), bob))
    first("row-epoch", "a blob of another epoch", create(alice).grant(bob, RECIPIENT).entry(bob, content_epoch=2))
    first("row-sealed-by", "a blob by another", create(alice).grant(bob, RECIPIENT).entry(bob, sealed_by=bob.user))
    card = bob.cards[-1]
    stranger = create(alice).set(author=bob.user, author_index=1, card_sequence=1, card_hash=card.hash())
    first("author", "a first revision by another than the creator", stranger, bob)


def without_blob(draft, person):
    return draft.entry(
        person, recipient_index=0, blob_hash=ZERO_HASH, sealed_by=ZERO_ID, sealer_index=0, header_epoch=0, content_epoch=0
    )


def rights(kit, story):
    """The author lacks a right in the revision before."""
    alice, dave = story.alice, Person("dave")
    people = [*story.people, dave]

    def with_rights(slug, comment, permissions, change, expiration=0, expect=DENIED):
        base = create(alice).grant(story.carol, RECIPIENT).grant(dave, permissions, expiration).sign(alice)
        draft = after(base, dave, START + 5000)
        views = [base, change(draft).sign(dave)]
        run(kit, slug, comment, views, people, expect, pin_at(base))

    upload = lambda draft: draft.upload()
    with_rights("no-upload", "an upload without container.upload", CREATOR & ~UPLOAD, upload)
    with_rights("no-view", "an upload without access.view", CREATOR & ~VIEW, upload)
    with_rights("no-modify", "an upload without access.modify", CREATOR & ~MODIFY, upload)
    with_rights("no-decrypt", "half an upload without container.decrypt", CREATOR & ~DECRYPT, upload)
    whole = lambda draft: draft.upload("header", "content")
    with_rights("no-decrypt-whole", "a whole upload without container.decrypt", CREATOR & ~DECRYPT, whole, expect="success")
    retype = lambda draft: draft.set(type_commitment=seeded("type", 48))
    with_rights("no-type-modify", "a type without container.type.modify", CREATOR & ~32, retype)
    regrant = lambda draft: draft.regrant(story.carol, expiration=NOW)
    with_rights("no-modify-list", "a list without access.modify", CREATOR & ~MODIFY, regrant)
    with_rights("no-modify-nothing", "nothing without access.modify", CREATOR & ~MODIFY, lambda draft: draft)
    grant = lambda draft: draft.grant(Person("erin"), RECIPIENT)
    with_rights("no-decrypt-grant", "keys given without container.decrypt", CREATOR & ~DECRYPT, grant)
    with_rights("expired", "the author's access has expired", CREATOR, lambda draft: draft, START + 5000)
    with_rights("not-yet-expired", "the author's access expires a moment later", CREATOR, lambda draft: draft, START + 5001, "success")
    blind = lambda draft: draft.grant(Person("erin"), 1)
    with_rights("blind", "somebody without access.view keeps entries they cannot see", CREATOR & ~VIEW, blind, expect=BROKEN)
    only = lambda draft: draft.remove(story.carol)
    with_rights("blind-replacement", "somebody without access.view replaces the list", CREATOR & ~VIEW, only, expect="success")
    frank = Person("frank")
    draft = story.next(frank)
    run(kit, "stranger", "a stranger", [story.head, draft.sign(frank)], [*story.people, frank], DENIED, pin_at(story.head))
    leaving = story.next(story.carol).remove(story.bob)
    run(kit, "removes-another", "somebody without rights takes another's entry out", [story.head, leaving.sign(story.carol)], story.people, DENIED, pin_at(story.head))


def rows(kit, story):
    alice, bob, carol = story.alice, story.bob, story.carol
    bad = ruled(kit, story)
    dave = Person("dave")
    head = story.head.manifest
    carols = next(entry for entry in story.head.shown if entry.user == carol.user)
    bad("old-epoch", "a blob of the old epoch", BROKEN, story.next(alice).upload().entry(carol, content_epoch=head.content.epoch), alice)
    bad("no-blob", "container.decrypt without a blob", BROKEN, without_blob(story.next(alice).upload(), carol), alice)
    bad("blob-of-another", "a blob by another in an upload", BROKEN, story.next(alice).upload().entry(carol, sealed_by=bob.user), alice)
    bad("old-salt", "a changed entry with its old salt", BROKEN, story.next(alice).regrant(carol, expiration=NOW).entry(carol, salt=carols.salt), alice)
    bad("only-salt", "only the salt of an entry changed", BROKEN, story.next(alice).entry(carol, salt=seeded("x")), alice)
    bad("silent-change", "a changed entry that does not say so", BROKEN, story.next(alice).entry(carol, salt=seeded("x"), expiration=NOW), alice)
    bad("false-change", "an entry says that it was changed, and was not", BROKEN, story.next(alice).regrant(carol), alice)
    bad("changed-by-false", "a change in another's name", BROKEN, story.next(alice).regrant(carol, expiration=NOW).entry(carol, modified_by=bob.user), alice)
    bad("changed-at-false", "a change at another time", BROKEN, story.next(alice).regrant(carol, expiration=NOW).entry(carol, modified_at=START), alice)
    bad("created-by-changes", "an entry's creator changes", BROKEN, story.next(alice).regrant(carol, expiration=NOW).entry(carol, created_by=bob.user), alice)
    bad("new-by-another", "a new entry in another's name", BROKEN, story.next(alice).grant(dave, RECIPIENT).entry(dave, created_by=bob.user), alice)
    bad("new-early", "a new entry dated back", BROKEN, story.next(alice).grant(dave, RECIPIENT).entry(dave, created_at=START), alice)
    bad("new-modified", "a new entry that was modified", BROKEN, story.next(alice).grant(dave, RECIPIENT).regrant(dave), alice)
    bad("new-sealed-by", "a blob sealed in another's name", BROKEN, story.next(alice).grant(dave, RECIPIENT).entry(dave, sealed_by=bob.user), alice)
    bad("new-sealer-index", "a blob sealed with another key", BROKEN, story.next(alice).grant(dave, RECIPIENT).entry(dave, sealer_index=2), alice)
    bad("new-no-blob", "a new entry with container.decrypt, without a blob", BROKEN, without_blob(story.next(alice).grant(dave, RECIPIENT), dave), alice)
    bad("expired-blob", "a blob for an expired entry in an upload", BROKEN, kept_blob(story, dave), alice)


def kept_blob(story, dave):
    draft = story.next(story.alice).upload().grant(dave, RECIPIENT, START)
    return draft.entry(dave, **draft.wrapping())
