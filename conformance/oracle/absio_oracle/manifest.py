"""Manifests `MAN1`, access entries, views and types (§11), and tombstones `TMB1` (§12)."""

from dataclasses import dataclass, field, replace

from . import tree
from .primitives import SUITE, check_suite, labelled, sign
from .reading import Reader, require, u16, u32, u64, utf8

DOWNLOAD, DECRYPT, UPLOAD, VIEW, MODIFY, TYPE_MODIFY, TYPE_VIEW, EVENTS = (1 << bit for bit in range(8))
ALL_RIGHTS = 255
PRESENT, PADDED, EXTERNAL = 1, 4, 16
ZERO_ID, ZERO_HASH = bytes(16), bytes(48)
HEADER_LENGTH, CONTENT_LENGTH = 2**24 + 2048, 2**44
ENTRIES = 65_536


@dataclass(frozen=True)
class Section:
    """A section and its three flags, in the header's places (1, 4, 16)."""

    flags: int
    epoch: int
    length: int
    digest: bytes
    changed_by: bytes
    changed_at: int
    changed_in: int

    def encode(self):
        return (
            u64(self.epoch) + u64(self.length) + self.digest + self.changed_by + u64(self.changed_at) + u64(self.changed_in)
        )

    @property
    def present(self):
        return bool(self.flags & PRESENT)

    def differs(self, other):
        return (self.length, self.digest, self.flags) != (other.length, other.digest, other.flags)


@dataclass(frozen=True)
class Manifest:
    container: bytes
    salt: bytes
    revision: int
    previous: bytes
    created_by: bytes
    created_at: int
    author: bytes
    author_index: int
    card_sequence: int
    card_hash: bytes
    modified_at: int
    type_commitment: bytes
    header: Section
    content: Section
    entries: int
    access_root: bytes
    suite: int = SUITE
    signature: bytes = bytes(64)

    def body(self):
        return b"".join([
            b"MAN1", u16(self.suite), u16(self.header.flags | self.content.flags << 1), self.container, self.salt,
            u64(self.revision), self.previous, self.created_by, u64(self.created_at), self.author,
            u32(self.author_index), u64(self.card_sequence), self.card_hash, u64(self.modified_at),
            self.type_commitment, self.header.encode(), self.content.encode(), u32(self.entries), self.access_root,
        ])

    def encode(self):
        return self.body() + self.signature

    def hash(self):
        return labelled("manifest", self.body())

    def signed(self, seed):
        return replace(self, signature=sign(seed, "manifest", self.body()))


def parse_manifest(data):
    reader = Reader(data)
    reader.magic(b"MAN1")
    suite = reader.u16()
    check_suite(suite)
    flags = reader.u16()
    require(flags < 64, "malformed", "reserved flags")
    head = [reader.take(16), reader.take(32), reader.u64(), reader.take(48), reader.take(16), reader.u64()]
    head += [reader.take(16), reader.u32(), reader.u64(), reader.take(48), reader.u64(), reader.take(48)]
    header = parse_section(reader, flags & 0b010101, HEADER_LENGTH)
    content = parse_section(reader, flags >> 1 & 0b010101, CONTENT_LENGTH)
    entries, access_root, signature = reader.u32(), reader.take(48), reader.take(64)
    reader.end()
    manifest = Manifest(*head, header, content, entries, access_root, suite, signature)
    require(manifest.revision >= 1, "malformed", "revision 0")
    require((manifest.previous == ZERO_HASH) == (manifest.revision == 1), "malformed", "previous")
    require(1 <= entries <= ENTRIES, "malformed", "number of entries")
    require(manifest.modified_at >= manifest.created_at, "malformed", "modified before it was created")
    for section in (header, content):
        require(1 <= section.epoch <= section.changed_in <= manifest.revision, "malformed", "epoch or changed_in")
        require(section.changed_at <= manifest.modified_at, "malformed", "changed_at")
    return manifest


def parse_section(reader, flags, limit):
    section = Section(flags, reader.u64(), reader.u64(), reader.take(48), reader.take(16), reader.u64(), reader.u64())
    if not section.present:
        require(flags == 0 and section.length == 0 and section.digest == ZERO_HASH, "malformed", "absent, but described")
    require(section.length <= limit, "malformed", "length over its limit")
    return section


@dataclass(frozen=True)
class Entry:
    user: bytes
    permissions: int
    expiration: int
    created_by: bytes
    created_at: int
    salt: bytes
    modified_by: bytes = ZERO_ID
    modified_at: int = 0
    recipient_index: int = 0
    blob_hash: bytes = ZERO_HASH
    sealed_by: bytes = ZERO_ID
    sealer_index: int = 0
    header_epoch: int = 0
    content_epoch: int = 0

    def blob_part(self):
        """Bytes 76 to 163."""
        return b"".join([
            u32(self.recipient_index), self.blob_hash, self.sealed_by, u32(self.sealer_index),
            u64(self.header_epoch), u64(self.content_epoch),
        ])

    def encode(self):
        return b"".join([
            self.user, u32(self.permissions), u64(self.expiration), self.created_by, u64(self.created_at),
            self.modified_by, u64(self.modified_at), self.blob_part(), self.salt,
        ])

    def hash(self):
        return labelled("access-entry", self.encode())

    @property
    def has_blob(self):
        return self.blob_hash != ZERO_HASH

    def may(self, right):
        return bool(self.permissions & right)

    def expired(self, time):
        return self.expiration != 0 and time >= self.expiration


def parse_entry(data):
    reader = Reader(data)
    user, permissions, expiration = reader.take(16), reader.u32(), reader.u64()
    created_by, created_at = reader.take(16), reader.u64()
    modified_by, modified_at = reader.take(16), reader.u64()
    blob = [reader.u32(), reader.take(48), reader.take(16), reader.u32(), reader.u64(), reader.u64()]
    salt = reader.take(32)
    reader.end()
    entry = Entry(user, permissions, expiration, created_by, created_at, salt, modified_by, modified_at, *blob)
    require(permissions <= ALL_RIGHTS, "malformed", "unknown permission")
    require((modified_by == ZERO_ID) == (modified_at == 0), "malformed", "modified_by or modified_at")
    if entry.has_blob:
        require(entry.may(DECRYPT), "malformed", "a blob without container.decrypt")
    else:
        require(not any(entry.blob_part()), "malformed", "a blob's description without a blob")
    return entry


def access_root(hashes):
    """§11.3, over entry hashes in any order."""
    return labelled("access-root", u32(len(hashes)) + tree.root([tree.leaf(value) for value in sorted(hashes)]))


@dataclass(frozen=True)
class View:
    manifest: Manifest
    hashes: list
    shown: list = field(default_factory=list)

    def entry(self, user):
        return next((entry for entry in self.shown if entry.user == user), None)

    def encode(self):
        by_hash = {entry.hash(): entry for entry in self.shown}
        rows = [b"\1" + by_hash[value].encode() if value in by_hash else b"\0" + value for value in self.hashes]
        return self.manifest.encode() + u32(len(rows)) + b"".join(rows)


def make_view(manifest, entries, hidden=()):
    """A view of `entries`, those of the users in `hidden` as bare hashes."""
    hashes = sorted(entry.hash() for entry in entries)
    return View(manifest, hashes, [entry for entry in entries if entry.user not in hidden])


def parse_view(data):
    reader = Reader(data)
    manifest = parse_manifest(reader.take(576))
    count = reader.u32()
    require(count == manifest.entries, "malformed", "number of rows")
    hashes, shown = [], []
    for _ in range(count):
        kind = reader.u8()
        require(kind in (0, 1), "malformed", "neither hash nor entry")
        if kind == 0:
            hashes.append(reader.take(48))
        else:
            shown.append(parse_entry(reader.take(196)))
            hashes.append(shown[-1].hash())
    reader.end()
    require(len({entry.user for entry in shown}) == len(shown), "malformed", "two entries for one user")
    require(all(a < b for a, b in zip(hashes, hashes[1:])), "malformed", "rows out of order")
    require(access_root(hashes) == manifest.access_root, "manifest_mismatch", "access root")
    return View(manifest, hashes, shown)


def type_commitment(container, salt, text):
    return labelled("type", container + salt + text)


def check_type_form(opening):
    require(33 <= len(opening) <= 32 + 256, "malformed", "length of a type")
    utf8(opening[32:])


def open_type(opening, container, commitment):
    """The type in an opening, compared with its commitment (§11.4)."""
    check_type_form(opening)
    require(type_commitment(container, opening[:32], opening[32:]) == commitment, "manifest_mismatch", "type")
    return opening[32:]


@dataclass(frozen=True)
class Tombstone:
    container: bytes
    revision: int
    previous: bytes
    deleted_at: int
    author: bytes
    author_index: int
    card_sequence: int
    card_hash: bytes
    signature: bytes = bytes(64)

    def unsigned(self):
        return b"".join([
            b"TMB1", u16(SUITE), self.container, u64(self.revision), self.previous, u64(self.deleted_at),
            self.author, u32(self.author_index), u64(self.card_sequence), self.card_hash,
        ])

    def encode(self):
        return self.unsigned() + self.signature

    def signed(self, seed):
        return replace(self, signature=sign(seed, "tombstone", self.unsigned()))


def parse_tombstone(data):
    reader = Reader(data)
    reader.magic(b"TMB1")
    check_suite(reader.u16())
    tombstone = Tombstone(
        reader.take(16), reader.u64(), reader.take(48), reader.u64(), reader.take(16), reader.u32(), reader.u64(),
        reader.take(48), reader.take(64),
    )
    reader.end()
    return tombstone
