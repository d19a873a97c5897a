"""Chains of identity cards (§3)."""

from copy import deepcopy
from dataclasses import replace

from ..card import ACTIVE, DERIVE, RETIRED, REVOKED, SIGN, Card
from ..curve import P
from ..reading import prefixed
from .collection import flipped, put, seeded
from .people import START, Person

MINUTE = 60_000
SMALL = {
    "order-1": (1).to_bytes(32, "little"),
    "order-2": (P - 1).to_bytes(32, "little"),
    "order-4": bytes(32),
    "order-4-sign": (1 << 255).to_bytes(32, "little"),
    "order-8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "not-canonical": (P + 3).to_bytes(32, "little"),
    "not-on-the-curve": (2).to_bytes(32, "little"),
}
SMALL_X = {
    "zero": bytes(32),
    "one": (1).to_bytes(32, "little"),
    "p-minus-one": (P - 1).to_bytes(32, "little"),
    "p": P.to_bytes(32, "little"),
    "order-8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "top-bit": flipped(seeded("an x25519 key")[:31] + b"\0", 31, 0x80),
}


def joined(cards):
    return b"".join(prefixed(card) for card in cards)


def story():
    """Somebody who rotates, rotates after a theft, leaves an old key out, and closes."""
    person = Person("alice")
    person.rotate(START + MINUTE)
    person.rotate(START + 2 * MINUTE, REVOKED)
    person.rotate(START + 3 * MINUTE, RETIRED, without={(SIGN, 1), (DERIVE, 1)})
    return person.close(START + 4 * MINUTE)


def build(kit):
    person = story()
    cards = person.encoded()

    def chain(slug, comment, encoded, expect="success", user=person.user):
        return kit.add("card-chain", slug, comment, joined(encoded), {"user": user}, expect)

    for count, comment in enumerate(
        ["the first card", "rotated", "rotated after a theft", "an old key left out", "closed"], 1
    ):
        chain(f"{count}-cards", comment, cards[:count])
    two_suites = Person("newer")
    newer = two_suites.cards[0]
    newer.suites = [1, 2]
    newer.signed({1: two_suites.signing[1]})
    chain("two-suites", "a card that lists a suite of a later version", [newer.encode()], user=user_of(newer))
    whole(chain, cards)
    forms(kit, chain, person, cards)
    first_cards(chain, person)
    later_cards(chain, person, cards)


def user_of(card):
    from ..primitives import uuid8

    return uuid8(card.hash())


def whole(chain, cards):
    chain("another-user", "another user's id", cards[:1], "identity_mismatch", seeded("nobody", 16))
    chain("starts-late", "without the first card", cards[1:2], "card_chain_invalid")
    chain("gap", "the second card is left out", [cards[0], cards[2]], "card_chain_invalid")
    chain("first-twice", "the first card stands twice", [cards[0], cards[0]], "card_chain_invalid")
    chain("order", "two cards in the wrong order", [cards[0], cards[2], cards[1]], "card_chain_invalid")
    chain("salt-first", "the salt of the first card", [flipped(cards[0], 84)], "identity_mismatch")
    chain("salt-second", "the salt of the second card", [cards[0], flipped(cards[1], 84)], "card_chain_invalid")


def forms(kit, chain, person, cards):
    """Faults in the form of one card."""
    first = cards[0]
    count = 117 + 2
    entry = count + 1

    def form(slug, comment, data, expect="malformed"):
        chain(slug, comment, [data], expect)

    form("magic", "another magic", flipped(first, 3))
    form("cut", "the last byte is missing", first[:-1])
    form("appended", "a byte stands behind the end", first + b"\0")
    form("user-on-first", "a user id on the first card", flipped(first, 4))
    form("previous-on-first", "a card before the first", flipped(first, 28))
    form("sequence-0", "sequence 0", put(first, 20, bytes(8)))
    form("no-suite", "no suite", first[:116] + b"\0" + first[119:])
    form("suites-descend", "suites in the wrong order", first[:116] + b"\2\0\2\0\1" + first[119:])
    form("suite-twice", "a suite twice", first[:116] + b"\2\0\1\0\1" + first[119:])
    form("suites-17", "seventeen suites", first[:116] + b"\x11" + bytes(range(34)) + first[119:])
    form("keys-0", "no key", first[:count] + b"\0" + first[entry + 92 :])
    form("keys-65", "a count of 65 keys", put(first, count, b"\x41"))
    form("kind-3", "a key of an unknown kind", put(first, entry, b"\3"))
    form("kind-0", "a key of kind 0", put(first, entry, b"\0"))
    form("state-4", "a key in an unknown state", put(first, entry + 1, b"\4"))
    form("state-0", "a key in state 0", put(first, entry + 1, b"\0"))
    form("index-0", "key index 0", put(first, entry + 2, bytes(4)))
    form("since-late", "a key younger than its card", flipped(first, entry + 13))
    swapped = first[:entry] + first[entry + 46 : entry + 92] + first[entry : entry + 46] + first[entry + 92 :]
    form("keys-descend", "keys in the wrong order", swapped)
    doubled = first[:count] + b"\3" + first[entry : entry + 46] + first[entry:]
    form("key-twice", "a key twice", doubled)
    signatures = entry + 92
    form("signatures-0", "no signature", first[:signatures] + b"\0")
    form("signatures-3", "three signatures", first[:signatures] + b"\3" + 3 * first[signatures + 1 :])
    form("signature-twice", "a signature twice", first[:signatures] + b"\2" + 2 * first[signatures + 1 :])
    form("signature-flipped", "a bit of the signature", flipped(first, len(first) - 1, 8), "card_chain_invalid")
    form("signer-2", "signed by a key that is not there", flipped(first, signatures + 4, 3), "card_chain_invalid")
    high = (int.from_bytes(first[-32:], "little") + 2**252 + 27742317777372353535851937790883648493).to_bytes(32, "little")
    form("signature-malleable", "S of the signature is not below the group order", first[:-32] + high, "card_chain_invalid")
    for name, key in SMALL.items():
        form(f"signing-{name}", f"the signing key: {name.replace('-', ' ')}", put(first, entry + 14, key), "weak_key")
    for name, key in SMALL_X.items():
        form(f"derivation-{name}", f"the derivation key: {name.replace('-', ' ')}", put(first, entry + 60, key), "weak_key")
    second = cards[1]
    turned = second[:-136] + second[-68:] + second[-136:-68]
    chain("signatures-descend", "signatures in the wrong order", [first, turned], "malformed")
    chain("second-user-0", "no user id on the second card", [first, put(second, 4, bytes(16))], "malformed")


def first_cards(chain, person):
    """Faults that rule 1 refuses: first cards that make an id of their own."""

    def first(slug, comment, edit, signers=(1,)):
        card = deepcopy(person.cards[0])
        edit(card)
        card.signed({index: person.signing[index] for index in signers})
        chain(slug, comment, [card.encode()], "card_chain_invalid", user_of(card))

    def key(card, place, **changes):
        card.keys[place] = replace(card.keys[place], **changes)

    first("first-index-2", "the first signing key has index 2", lambda card: key(card, 0, index=2), (2,))
    first("first-retired", "the first key is retired", lambda card: key(card, 0, state=RETIRED))
    first("first-since", "the first key is older than its card", lambda card: key(card, 0, since=START - 1))
    first("first-one-key", "the first card has one key", lambda card: card.keys.pop())
    first("first-three-keys", "the first card has three keys", lambda card: card.keys.append(
        replace(card.keys[1], index=2, public=person.cards[1].keys[3].public)))
    first("first-signed-by-2", "the first card is signed by another key", lambda card: None, (2,))
    first("first-two-signers", "the first card has a second signature", lambda card: None, (1, 2))


def later_cards(chain, person, cards):
    """Faults of a card that follows others, signed as it should be otherwise."""

    def later(place, slug, comment, edit, signers=None, expect="card_chain_invalid"):
        card = deepcopy(person.cards[place])
        edit(card)
        signers = signers or [index for index, _ in card.signatures]
        card.signed({index: person.signing[index] for index in signers})
        chain(slug, comment, cards[:place] + [card.encode()], expect)

    def key(card, place, **changes):
        card.keys[place] = replace(card.keys[place], **changes)

    keep = lambda card: None
    later(1, "sequence-skips", "the sequence skips one", lambda card: setattr(card, "sequence", 3))
    later(1, "previous", "does not follow the card before", lambda card: setattr(card, "previous", flipped(card.previous, 47)))
    later(1, "another-users-card", "another user's card", lambda card: setattr(card, "user", flipped(card.user, 0)))
    later(1, "older", "older than the card before", older)
    later(1, "key-appended", "signed by its new key alone, as a server could", keep, [2])
    later(1, "new-key-silent", "not signed by the new key", keep, [1])
    later(1, "index-skips", "a new key skips an index", lambda card: key(card, 3, index=3))
    later(1, "new-retired", "a new key is retired at once", lambda card: key(card, 3, state=RETIRED))
    later(1, "new-is-old", "a new key is an old one", lambda card: key(card, 3, public=card.keys[2].public))
    later(1, "new-since", "a new key is not dated as its card", lambda card: key(card, 3, since=START))
    later(1, "old-changed", "an old key changes under its index", lambda card: key(card, 2, public=flipped(card.keys[2].public, 0)))
    later(1, "retired-early", "a retirement is dated back", lambda card: key(card, 0, since=START))
    later(1, "active-left-out", "the key in use is left out", lambda card: card.keys.pop(0), [2])
    later(1, "two-active", "two derivation keys in use", lambda card: key(card, 2, state=ACTIVE, since=START))
    later(1, "one-kind-closed", "only the derivation key is retired", lambda card: (card.keys.pop(), card.keys.pop(1), key(card, 0, state=ACTIVE, since=START)), [1])
    later(2, "retired-signs", "signed by a retired key", keep, [1, 3])
    later(2, "retired-returns", "a retired key comes back into use", lambda card: key(card, 0, state=ACTIVE))
    later(2, "revoked-undone", "a state goes back", lambda card: key(card, 0, state=ACTIVE, since=START + 2 * MINUTE))
    later(3, "suite-lowered", "the newest suite is lowered", lambda card: setattr(card, "suites", [0]))
    later(3, "revoked-retired", "a revoked key becomes a retired one", lambda card: key(card, 0, state=RETIRED, since=START + 3 * MINUTE))
    later(4, "left-out-returns", "a key that was left out comes back", lambda card: card.keys.insert(0, person.cards[2].keys[0]))
    later(4, "closing-revokes", "a closing card revokes a key", lambda card: key(card, -1, state=REVOKED))
    last = person.cards[4]
    after = Card(person.user, 6, last.hash(), last.created_at, seeded("after"), [1], deepcopy(last.keys))
    chain("after-closing", "a card after the closing one", cards + [after.signed({4: person.signing[4]}).encode()], "card_chain_invalid")


def older(card):
    """The card is dated before the one it follows, and nothing else is wrong with it."""
    card.created_at = START - 1
    card.keys = [replace(key, since=min(key.since, START - 1)) for key in card.keys]
