"""People with their keys and chains of cards, made from a name."""

from ..card import ACTIVE, DERIVE, RETIRED, SIGN, Card, CardKey, ZERO_HASH, ZERO_ID, verify_chain
from ..primitives import derivation_public, sign, signing_public, uuid8
from .collection import seeded

START = 1_700_000_000_000


class Person:
    """A user: seeds by index, and the cards so far."""

    def __init__(self, name, created_at=START):
        self.name = name
        self.signing = {1: seeded(f"{name} signing 1")}
        self.derivation = {1: seeded(f"{name} derivation 1")}
        self.cards = [self.first_card(created_at)]
        self.user = uuid8(self.cards[0].hash())

    def first_card(self, created_at):
        keys = [
            CardKey(SIGN, ACTIVE, 1, created_at, signing_public(self.signing[1])),
            CardKey(DERIVE, ACTIVE, 1, created_at, derivation_public(self.derivation[1])),
        ]
        card = Card(ZERO_ID, 1, ZERO_HASH, created_at, seeded(f"{self.name} salt 1"), [1], keys)
        return card.signed({1: self.signing[1]})

    def next_card(self, at, keys, suites=(1,)):
        """The card after the last one with these keys, not signed yet."""
        last = self.cards[-1]
        salt = seeded(f"{self.name} salt {last.sequence + 1}")
        return Card(self.user, last.sequence + 1, last.hash(), at, salt, list(suites), sorted(keys, key=lambda key: key.place))

    def rotated(self, at, state=RETIRED, without=()):
        """The card by which new keys replace the active ones, signed."""
        index = max(self.signing) + 1
        self.signing[index] = seeded(f"{self.name} signing {index}")
        self.derivation[index] = seeded(f"{self.name} derivation {index}")
        keys = [
            CardKey(SIGN, ACTIVE, index, at, signing_public(self.signing[index])),
            CardKey(DERIVE, ACTIVE, index, at, derivation_public(self.derivation[index])),
        ]
        keys += [moved(key, state, at) for key in self.cards[-1].keys if key.place not in without]
        card = self.next_card(at, keys)
        return card.signed({index - 1: self.signing[index - 1], index: self.signing[index]})

    def rotate(self, at, state=RETIRED, without=()):
        self.cards.append(self.rotated(at, state, without))
        return self

    def close(self, at):
        """The card that ends the chain."""
        index = max(self.signing)
        card = self.next_card(at, [moved(key, RETIRED, at) for key in self.cards[-1].keys])
        self.cards.append(card.signed({index: self.signing[index]}))
        return self

    @property
    def index(self):
        """Of the active signing key."""
        return max(self.signing)

    @property
    def seed(self):
        return self.signing[self.index]

    def encoded(self):
        return [card.encode() for card in self.cards]

    def chain(self):
        return verify_chain(self.user, self.encoded())

    def sign(self, purpose, payload):
        return sign(self.seed, purpose, payload)


def moved(key, state, at):
    """An active key brought into another state; any other as it was."""
    if key.state != ACTIVE:
        return key
    return CardKey(key.kind, state, key.index, at, key.public)
