"""Revisions in the making: honest unless a case changes something before they are signed."""

from dataclasses import replace

from .. import key_blob, manifest
from ..manifest import DECRYPT, PRESENT, ZERO_HASH, Entry, Manifest, Section, make_view
from .collection import seeded
from .people import START

CREATOR = 127
RECIPIENT = 3


class Draft:
    """A manifest and its entries, to be changed and then signed."""

    def __init__(self, body, entries, label):
        self.manifest = body
        self.entries = entries
        self.label = label
        self.drawn = 0

    def draw(self, length=32):
        self.drawn += 1
        return seeded(f"{self.label} {self.drawn}", length)

    def set(self, **changes):
        """Changes the manifest."""
        self.manifest = replace(self.manifest, **changes)
        return self

    def section(self, name, **changes):
        return self.set(**{name: replace(getattr(self.manifest, name), **changes)})

    def wrapping(self):
        """The fields of a key blob by the author at the present epochs; the blob itself is a stand-in."""
        body = self.manifest
        return {
            "recipient_index": 1, "blob_hash": self.draw(48), "sealed_by": body.author, "sealer_index": body.author_index,
            "header_epoch": body.header.epoch, "content_epoch": body.content.epoch,
        }

    def grant(self, person, permissions, expiration=0):
        body = self.manifest
        entry = Entry(person.user, permissions, expiration, body.author, body.modified_at, self.draw())
        expired = entry.expired(body.modified_at)
        if permissions & DECRYPT and not expired:
            entry = replace(entry, **self.wrapping())
        self.entries.append(entry)
        return self

    def remove(self, person):
        self.entries = [entry for entry in self.entries if entry.user != person.user]
        return self

    def entry(self, person, **changes):
        """Changes an entry as it is."""
        self.entries = [replace(entry, **changes) if entry.user == person.user else entry for entry in self.entries]
        return self

    def regrant(self, person, **changes):
        """Changes permissions or expiration as an author should."""
        body = self.manifest
        return self.entry(person, salt=self.draw(), modified_by=body.author, modified_at=body.modified_at, **changes)

    def upload(self, *names):
        """New bytes in sections, and every key blob made again."""
        body = self.manifest
        for name in names or ("content",):
            was = getattr(self.manifest, name)
            self.section(
                name, epoch=was.epoch + 1, digest=self.draw(48), flags=PRESENT, length=was.length or 100,
                changed_by=body.author, changed_at=body.modified_at, changed_in=body.revision,
            )
        return self.rewrap()

    def rewrap(self):
        nothing = Entry(b"", 0, 0, b"", 0, b"")
        none = {name: getattr(nothing, name) for name in BLOB_PART}
        made = []
        for entry in self.entries:
            may = entry.may(DECRYPT) and not entry.expired(self.manifest.modified_at)
            if may or entry.has_blob:
                entry = replace(entry, salt=self.draw(), **(self.wrapping() if may else none))
            made.append(entry)
        self.entries = made
        return self

    def sign(self, person, hidden=(), seed=None):
        """The signed view; `hidden` are those whose entries are shown as hashes."""
        hashes = [entry.hash() for entry in self.entries]
        self.set(entries=len(hashes), access_root=manifest.access_root(hashes))
        signed = self.manifest.signed(seed or person.seed)
        return make_view(signed, self.entries, {other.user for other in hidden})


BLOB_PART = ("recipient_index", "blob_hash", "sealed_by", "sealer_index", "header_epoch", "content_epoch")


def create(creator, label="container", at=START):
    """The first revision by `creator`, who is alone in the list."""
    salt = seeded(f"id salt of {label}")
    section = lambda name: Section(PRESENT, 1, 100, seeded(f"{label} {name}", 48), creator.user, at, 1)
    card = creator.cards[-1]
    body = Manifest(
        key_blob.container_id(creator.user, salt), salt, 1, ZERO_HASH, creator.user, at, creator.user, creator.index,
        card.sequence, card.hash(), at, ZERO_HASH, section("header"), section("content"), 0, ZERO_HASH,
    )
    return Draft(body, [], f"{label} 1").grant(creator, CREATOR)


def after(view, author, at, label=""):
    """The revision after `view` by `author`, changing nothing yet."""
    card = author.cards[-1]
    body = replace(
        view.manifest, revision=view.manifest.revision + 1, previous=view.manifest.hash(), author=author.user,
        author_index=author.index, card_sequence=card.sequence, card_hash=card.hash(), modified_at=at,
    )
    return Draft(body, list(view.shown), f"{label or author.name} {body.revision} {at}")
