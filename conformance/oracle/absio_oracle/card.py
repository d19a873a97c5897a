"""Identity cards (§3.1), the user id (§3.2), the chain (§3.3) and what a key counts for (§3.4)."""

from dataclasses import dataclass, field

from . import curve
from .primitives import check_signature, crockford, labelled, sign, uuid8
from .reading import Reader, Refused, require, u16, u32, u64, u8

SIGN, DERIVE = 1, 2
ACTIVE, RETIRED, REVOKED = 1, 2, 3
ZERO_ID, ZERO_HASH = bytes(16), bytes(48)


@dataclass(frozen=True)
class CardKey:
    kind: int
    state: int
    index: int
    since: int
    public: bytes

    def encode(self):
        return u8(self.kind) + u8(self.state) + u32(self.index) + u64(self.since) + self.public

    @property
    def place(self):
        return self.kind, self.index


@dataclass
class Card:
    user: bytes
    sequence: int
    previous: bytes
    created_at: int
    salt: bytes
    suites: list
    keys: list
    signatures: list = field(default_factory=list)

    def body(self):
        parts = [b"IDC1", self.user, u64(self.sequence), self.previous, u64(self.created_at), self.salt]
        parts += [u8(len(self.suites))] + [u16(suite) for suite in self.suites]
        parts += [u8(len(self.keys))] + [key.encode() for key in self.keys]
        return b"".join(parts)

    def encode(self):
        tail = b"".join(u32(index) + signature for index, signature in self.signatures)
        return self.body() + u8(len(self.signatures)) + tail

    def hash(self):
        return labelled("card", self.body())

    def signed(self, seeds):
        """The card with signatures by `seeds`, a map from index to seed."""
        self.signatures = [(index, sign(seeds[index], "card", self.body())) for index in sorted(seeds)]
        return self

    def active(self, kind):
        return [key for key in self.keys if key.kind == kind and key.state == ACTIVE]


def parse_card(data):
    """A card by itself: its form, and its keys by §2.4."""
    reader = Reader(data)
    reader.magic(b"IDC1")
    user, sequence, previous = reader.take(16), reader.u64(), reader.take(48)
    created_at, salt = reader.u64(), reader.take(32)
    suites = [reader.u16() for _ in range(bounded(reader.u8(), 16))]
    keys = [parse_key(reader) for _ in range(bounded(reader.u8(), 64))]
    signatures = [(reader.u32(), reader.take(64)) for _ in range(bounded(reader.u8(), 2))]
    reader.end()
    ascending(suites)
    ascending([key.place for key in keys])
    ascending([index for index, _ in signatures])
    require(sequence != 0, "malformed", "sequence 0")
    first = sequence == 1
    require((user == ZERO_ID) == first and (previous == ZERO_HASH) == first, "malformed", "zero on the first card only")
    for key in keys:
        require(key.index != 0 and key.since <= created_at, "malformed", "key index or since")
    require(all(index != 0 for index, _ in signatures), "malformed", "index 0")
    for key in keys:
        curve.check_ed25519(key.public) if key.kind == SIGN else curve.check_x25519(key.public)
    return Card(user, sequence, previous, created_at, salt, suites, keys, signatures)


def parse_key(reader):
    kind, state = reader.u8(), reader.u8()
    require(kind in (SIGN, DERIVE) and state in (ACTIVE, RETIRED, REVOKED), "malformed", "unknown code")
    return CardKey(kind, state, reader.u32(), reader.u64(), reader.take(32))


def bounded(count, limit):
    require(1 <= count <= limit, "malformed", "count")
    return count


def ascending(values, code="malformed"):
    require(all(a < b for a, b in zip(values, values[1:])), code, "not strictly ascending")


class Chain:
    """A verified chain: `cards`, and the last state of every key there ever was."""

    def __init__(self, user, cards):
        self.user = user
        self.cards = cards
        self.keys = {key.place: key for card in cards for key in card.keys}

    @property
    def closed(self):
        return not self.cards[-1].active(SIGN)

    def key(self, kind, index):
        return self.keys.get((kind, index))

    def active(self, kind):
        found = self.cards[-1].active(kind)
        return found[0] if found else None

    def counts(self, index, time):
        """The signing key, if it counts for an object of this time (§3.4)."""
        key = self.key(SIGN, index)
        require(key is not None, "key_not_valid", "no such key")
        require(key.state == ACTIVE or (key.state == RETIRED and time < key.since), "key_not_valid", "state")
        return key


def verify_chain(user, encoded):
    """The chain of `user` from its encoded cards, in the order of §3.3."""
    cards = [parse_card(data) for data in encoded]
    require(1 <= len(cards) <= 1024, "card_chain_invalid", "number of cards")
    require(cards[0].sequence == 1, "card_chain_invalid", "does not begin with the first card")
    require(uuid8(cards[0].hash()) == user, "identity_mismatch")
    try:
        check_first(cards[0])
        seen = {key.place: key for key in cards[0].keys}
        for before, card in zip(cards, cards[1:]):
            check_next(user, before, card, seen)
            seen.update({key.place: key for key in card.keys})
    except Refused as refused:
        raise Refused("card_chain_invalid", str(refused)) from refused
    return Chain(user, cards)


def rule(condition, why):
    require(condition, "card_chain_invalid", why)


def check_first(card):
    """Rule 1."""
    rule([key.place for key in card.keys] == [(SIGN, 1), (DERIVE, 1)], "keys of the first card")
    rule(all(key.state == ACTIVE and key.since == card.created_at for key in card.keys), "states of the first card")
    check_signers(card, {1})


def check_next(user, before, card, seen):
    """Rules 2 to 7; `seen` holds the last state of every key of an earlier card."""
    rule(before.active(SIGN), "a card after the closing one")
    rule(card.user == user and card.sequence == before.sequence + 1, "user or sequence")
    rule(card.previous == before.hash() and card.created_at >= before.created_at, "previous or time")
    rule(max(card.suites) >= max(before.suites), "suite lowered")
    there = {key.place: key for key in before.keys}
    new_signers = set()
    for key in card.keys:
        if key.place in seen:
            check_old_key(card, there.get(key.place), key)
        else:
            check_new_key(card, key, seen)
            if key.kind == SIGN:
                new_signers.add(key.index)
    here = {key.place for key in card.keys}
    rule(all(key.state != ACTIVE for place, key in there.items() if place not in here), "key in use left out")
    active = len(card.active(SIGN)), len(card.active(DERIVE))
    rule(active in ((1, 1), (0, 0)), "one active key of each kind")
    if active == (0, 0):
        revoked = [key for key in card.keys if key.state == REVOKED and there[key.place].state != REVOKED]
        rule(not revoked, "a closing card that revokes")
    check_signers(card, {before.active(SIGN)[0].index} | new_signers)


def check_old_key(card, before, key):
    """Rule 3."""
    rule(before is not None, "a key that was left out came back")
    rule(before.public == key.public and key.state >= before.state, "a key changed, or went back")
    rule(key.since == (before.since if key.state == before.state else card.created_at), "since")


def check_new_key(card, key, seen):
    """Rule 4."""
    earlier = [old for old in seen.values() if old.kind == key.kind]
    rule(key.index == max((old.index for old in earlier), default=0) + 1, "index of a new key")
    rule(key.state == ACTIVE and key.since == card.created_at, "state of a new key")
    rule(all(old.public != key.public for old in earlier), "an old key as a new one")


def check_signers(card, indexes):
    """Rule 7: signed by exactly these."""
    rule({index for index, _ in card.signatures} == indexes, "signers")
    keys = {key.index: key.public for key in card.keys if key.kind == SIGN}
    for index, signature in card.signatures:
        check_signature(keys[index], "card", card.body(), signature, "card_chain_invalid")


def fingerprint(first_card):
    """§3.2, with hyphens."""
    text = crockford(first_card.hash(), 26)
    return "-".join([text[0:5], text[5:10], text[10:15], text[15:20], text[20:]])
