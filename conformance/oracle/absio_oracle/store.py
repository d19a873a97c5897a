"""The local store: keys, names, sealed values, the key file at rest, the state's sums (§18.1 to §18.4)."""

from dataclasses import dataclass

from . import key_file
from .primitives import expand, extract, labelled, mac, sha256, unwrap, wrap
from .reading import Reader, Refused, require, u32, u64, u8
from .segment import padme

STATE, CONTAINER, USER, CURSOR, OUTBOX = range(1, 6)
RECORD, ANCHOR, ENVELOPE, JOURNAL = (
    "key/store-record", "key/store-anchor", "key/store-envelope", "key/upload-journal",
)
DAMAGED = "degraded"
OVERHEAD = 8 + 32 + 48


@dataclass(frozen=True)
class Partition:
    """What all keys of one user's partition come from."""

    prk: bytes

    def key(self, label):
        return expand(self.prk, label, b"", 48)

    def identifier(self, kind, record_id):
        """N(kind, id)."""
        return mac(self.key("key/store-name"), u8(kind) + record_id)

    def record_name(self, kind, record_id):
        return self.identifier(kind, b"")[:16] + self.identifier(kind, record_id + b"\0")[:24]

    def anchor_cell(self, anchor):
        return self.identifier(STATE, b"a" + u8(anchor))[:20]

    def blob_name(self, random):
        return random + self.identifier(STATE, b"b" + random)[:10]

    def value_keys(self, label, name, generation, salt):
        return expand(self.prk, label, name + u64(generation) + salt, 80)

    def seal(self, label, name, generation, salt, data):
        head = u64(generation) + salt
        return head + wrap(self.value_keys(label, name, generation, salt), head, padded(data))

    def open(self, label, name, value, generation=None):
        """The generation of a value and its data; `degraded` if it does not open (§18.2)."""
        require(len(value) >= OVERHEAD, DAMAGED, "length")
        there, salt = int.from_bytes(value[:8], "big"), value[8:40]
        require(generation in (None, there), DAMAGED, "generation")
        text = unwrap(self.value_keys(label, name, there, salt), value[:40], value[40:], DAMAGED)
        return there, unpadded(text)

    def element(self, name, value):
        """What a record adds to the sum of the state (§18.4)."""
        return mac(self.key("key/store-digest"), name + value[-48:])[:32]


def partition(store_secret, user):
    return Partition(extract("store", store_secret + user))


def rounded(length):
    return -(-length // 256) * 256 if length <= 4096 else padme(length)


def padded(data):
    text = u32(len(data)) + data
    return text + bytes(rounded(len(text)) - len(text))


def unpadded(text):
    require(len(text) >= 4, DAMAGED, "padding")
    length = int.from_bytes(text[:4], "big")
    require(length <= len(text) - 4 and rounded(4 + length) == len(text), DAMAGED, "padded length")
    require(not any(text[4 + length :]), DAMAGED, "padding is not zero")
    return text[4 : 4 + length]


def sum_of(elements):
    total = sum(int.from_bytes(element, "big") for element in elements)
    return (total % 2**256).to_bytes(32, "big")


def salt_cell(salt):
    return salt + sha256(salt)


def read_salt_cell(content):
    """The root's salt, or a refusal if the cell was torn."""
    require(len(content) == 64 and sha256(content[:32]) == content[32:], DAMAGED, "salt")
    return content[:32]


def key_file_cell(salt, user, cell):
    return labelled("store-key-file", salt + user + u8(cell))[:20]


def masked(salt, user, key_file):
    """A key file with its first 48 bytes masked, or unmasked again."""
    mask = labelled("store-mask", salt + user)
    return bytes(a ^ b for a, b in zip(key_file, mask)) + key_file[48:]


def at_rest(salt, user, key_file):
    """What a cell of the key file holds (§18.3)."""
    file = masked(salt, user, key_file)
    return file + sha256(file)


def read_at_rest(salt, user, content):
    """The key file in a cell; refused if the write of the cell was torn, or the file is not one of this user."""
    require(len(content) >= 32 + 48 and sha256(content[:-32]) == content[-32:], DAMAGED, "torn")
    file = masked(salt, user, content[:-32])
    try:
        require(key_file.parse(file).user == user, DAMAGED, "another user's")
    except Refused as refused:
        raise Refused(DAMAGED, str(refused)) from refused
    return file


@dataclass(frozen=True)
class State:
    sequence: int
    count: int
    sum: bytes
    blobs: int
    time: int
    incomplete_since: int

    def encode(self):
        return (
            u8(1) + u64(self.sequence) + u64(self.count) + self.sum + u64(self.blobs) + u64(self.time)
            + u64(self.incomplete_since)
        )


def parse_state(data):
    reader = Reader(data)
    require(reader.u8() == 1, "unknown_algorithm", "version")
    state = State(reader.u64(), reader.u64(), reader.take(32), reader.u64(), reader.u64(), reader.u64())
    reader.end()
    return state
