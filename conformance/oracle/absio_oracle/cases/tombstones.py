"""Tombstones (§12) and bundles (§14.4)."""

from dataclasses import replace

from .. import bundle
from ..card import REVOKED
from ..manifest import Tombstone
from ..primitives import sign
from ..reading import u32
from .collection import flipped, put, seeded
from .drafts import CREATOR, RECIPIENT, after, create
from .people import START, Person
from .revisions import NOW, cards_of, joined


def of(view, author, at=START + 5000):
    """The signed tombstone after `view`."""
    card, last = author.cards[-1], view.manifest
    return Tombstone(
        last.container, last.revision + 1, last.hash(), at, author.user, author.index, card.sequence, card.hash()
    ).signed(author.seed)


def build(kit):
    alice, bob = Person("alice"), Person("bob")
    first = create(alice).sign(alice)
    base = {"container": first.manifest.container, "now": NOW}

    def add(slug, comment, views, tombstone, expect="success", people=(alice, bob)):
        inputs = {**base, "cards": cards_of(people), "views": joined(view.encode() for view in views)}
        return kit.add("tombstone", slug, comment, tombstone.encode(), inputs, expect)

    good = add("right", "the end of a container", [first], of(first, alice))
    second = after(first, alice, START + 1000).upload().sign(alice)
    add("later", "the end after a second revision", [first, second], of(second, alice))
    weak = create(alice).grant(bob, 0).sign(alice)
    left = after(weak, alice, START + 1000).remove(alice).sign(alice)
    add("no-right-needed", "by the last in the list, who has no right", [weak, left], of(left, bob))
    expired = create(alice).grant(bob, CREATOR, START + 2000).sign(alice)
    left = after(expired, alice, START + 1000).remove(alice).sign(alice)
    add("expired", "by the last in the list, whose access has expired", [expired, left], of(left, bob))
    kit.flips(good, "field", [
        ("magic", 0, "malformed"), ("suite", 5, "unknown_algorithm"), ("container", 6, "manifest_mismatch"),
        ("revision", 29, "manifest_mismatch"), ("previous", 30, "manifest_mismatch"), ("time", 85, "signature_invalid"),
        ("author", 86, "not_authorised"), ("card-hash", 114, "card_chain_invalid"), ("signature-r", 162, "signature_invalid"),
        ("last-byte", -1, "signature_invalid"),
    ])
    kit.fault(good, "key-index", "the author's key index", "key_not_valid", put(good.data, 102, u32(9)))
    kit.fault(good, "card-sequence", "the author's card", "card_chain_invalid", flipped(good.data, 113, 2))
    kit.lengths(good, "tombstone", "malformed", "malformed")
    shared = create(alice).grant(bob, RECIPIENT).sign(alice)
    add("shared", "others have access", [shared], of(shared, alice), "not_authorised")
    add("stranger", "by a stranger", [first], of(first, bob), "not_authorised")
    add("early", "dated before the last revision", [first], of(first, alice, START - 1), "revision_invalid")
    add("future", "dated too far ahead", [first], of(first, alice, NOW + 300_001), "from_the_future")
    add("replayed", "of an older revision", [first, second], of(first, alice), "manifest_mismatch")
    retired = Person("alice").rotate(START + 5000)
    add("retired", "by a key that was retired", [first], of(first, alice), "key_not_valid", (retired, bob))
    robbed = Person("alice").rotate(START + 4000, REVOKED)
    anew = after(first, robbed, START + 4500).sign(robbed)
    add("revoked", "by a key that was revoked", [first, anew], of(anew, alice), "key_not_valid", (robbed, bob))
    unsigned = of(first, alice)
    other = replace(unsigned, signature=sign(alice.seed, "manifest", unsigned.unsigned()))
    add("purpose", "signed for another purpose", [first], other, "signature_invalid")
    bundles(kit)


def bundles(kit):
    def add(slug, comment, items, expect="success"):
        return kit.add("bundle", slug, comment, bundle.encode(items), {}, expect)

    add("empty", "a bundle of nothing", [])
    add("one", "fields alone", [(1, b"{}")])
    many = [(1, b'{"a":1}'), (2, seeded("view", 40)), (2, seeded("view 2", 40)), (3, b"blob"), (6, b"card"), (6, b"card"), (9, b"")]
    good = add("many", "items of many kinds, some again", many)
    add("tag-0", "an item of tag 0", [(0, b"")], "malformed")
    add("tag-10", "an item of an unknown tag", [(1, b"{}"), (10, b"")], "malformed")
    add("order", "tags in the wrong order", [(2, b"view"), (1, b"{}")], "malformed")
    for tag in (1, 4, 5, 7, 8, 9):
        add(f"tag-{tag}-twice", f"tag {tag} twice", [(tag, b"a"), (tag, b"b")], "malformed")
    kit.flips(good, "field", [("magic", 0, "malformed"), ("count", 7, "malformed"), ("length", 13, "malformed")])
    kit.fault(good, "count-huge", "a count of 2^32 - 1", "malformed", put(good.data, 4, b"\xff" * 4))
    kit.fault(good, "length-huge", "a length of 2^32 - 1", "malformed", put(good.data, 10, b"\xff" * 4))
    kit.lengths(good, "bundle", "malformed", "malformed")
