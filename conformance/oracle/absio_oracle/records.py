"""What records of a local store hold: containers, users, the cursor, the outbox (§18.5 to §18.8)."""

from dataclasses import dataclass

from .card import verify_chain
from .key_blob import parse_container_keys
from .manifest import parse_view
from .reading import Reader, prefixed, require, u32, u64, u8
from .segment import parse_header
from .store import CONTAINER, CURSOR, DAMAGED, OUTBOX, STATE, USER, parse_state

TOMBSTONE, LOCAL, REPORTED, UNSENT, CACHED, LEAVING = 1, 2, 4, 8, 16, 32
FOLLOWED = 10_000


def versioned(data):
    reader = Reader(data, DAMAGED)
    require(reader.u8() == 1, DAMAGED, "version")
    return reader


@dataclass(frozen=True)
class ContainerRecord:
    flags: int
    container: bytes
    revision: int
    hash: bytes
    confirmed_at: int
    envelope: bytes = b""
    view: bytes = b""
    blob: bytes = b""
    type_opening: bytes = b""
    keys: bytes = b""
    header: bytes = b""
    content: tuple = (0, b"")

    def encode(self):
        head = u8(1) + u8(self.flags) + self.container + u64(self.revision) + self.hash + u64(self.confirmed_at)
        head += prefixed(self.envelope)
        if not self.flags & CACHED:
            return head
        parts = [self.view, self.blob, self.type_opening, self.keys, self.header]
        kind, data = self.content
        tail = {0: b"", 1: prefixed(data), 3: data}[kind]
        return head + b"".join(prefixed(part) for part in parts) + u8(kind) + tail


def parse_container_record(data):
    reader = versioned(data)
    flags, container = reader.u8(), reader.take(16)
    require(flags < 64, DAMAGED, "flags")
    revision, pinned, confirmed_at, envelope = reader.u64(), reader.take(48), reader.u64(), reader.prefixed(20)
    require(len(envelope) in (0, 20), DAMAGED, "envelope")
    record = [flags, container, revision, pinned, confirmed_at, envelope]
    if flags & CACHED:
        record += [reader.prefixed() for _ in range(5)]
        kind = reader.u8()
        require(kind in (0, 1, 3), DAMAGED, "content")
        record.append((kind, {0: bytes, 1: reader.prefixed, 3: lambda: reader.take(124)}[kind]()))
    reader.end()
    return ContainerRecord(*record)


def encode_user(user, compared, cards):
    return u8(1) + u8(int(compared)) + user + u32(len(cards)) + b"".join(prefixed(card) for card in cards)


def parse_user(data):
    """The user, whether the fingerprint was compared, and the cards; the chain is verified again."""
    reader = versioned(data)
    compared = reader.u8()
    require(compared in (0, 1), DAMAGED, "compared")
    user = reader.take(16)
    count = reader.u32()
    require(1 <= count <= 1024, DAMAGED, "number of cards")
    cards = [reader.prefixed() for _ in range(count)]
    reader.end()
    verify_chain(user, cards)
    return user, bool(compared), cards


def encode_cursor(next_event, containers):
    return u8(1) + u64(next_event) + u32(len(containers)) + b"".join(sorted(containers))


def parse_cursor(data):
    reader = versioned(data)
    next_event, count = reader.u64(), reader.u32()
    require(count <= FOLLOWED, DAMAGED, "number of containers")
    containers = [reader.take(16) for _ in range(count)]
    reader.end()
    require(all(a < b for a, b in zip(containers, containers[1:])), DAMAGED, "order of containers")
    return next_event, containers


@dataclass(frozen=True)
class Change:
    """A record of the outbox."""

    kind: int
    state: int
    tombstone: int
    revision: int
    hash: bytes
    container: bytes
    number: int
    made_at: int
    envelope: bytes
    theirs: int = 0
    code: bytes = b""

    def encode(self):
        return b"".join([
            u8(1), u8(self.kind), u8(self.state), u8(self.tombstone), u64(self.revision), self.hash, self.container,
            u64(self.number), u64(self.made_at), self.envelope, u64(self.theirs), prefixed(self.code),
        ])


def parse_change(data):
    reader = versioned(data)
    change = Change(
        reader.u8(), reader.u8(), reader.u8(), reader.u64(), reader.take(48), reader.take(16), reader.u64(),
        reader.u64(), reader.take(20), reader.u64(), reader.prefixed(64),
    )
    reader.end()
    require(change.kind in (1, 2, 3) and change.state in (1, 2, 3) and change.tombstone in (0, 1), DAMAGED, "code")
    require((change.state == 2) or change.theirs == 0, DAMAGED, "a conflict's revision without a conflict")
    require((change.state == 3) == bool(change.code), DAMAGED, "a refusal's code")
    require(all(byte < 128 for byte in change.code), DAMAGED, "a refusal's code in ASCII")
    return change


def encode_envelope(change, idempotency_key, keys, blob, type_opening, body):
    parts = [prefixed(change), idempotency_key, prefixed(keys), prefixed(blob), prefixed(type_opening), prefixed(body)]
    return b"\x81" + b"".join(parts)


def parse_envelope(data):
    reader = Reader(data, DAMAGED)
    require(reader.u8() == 0x81, DAMAGED, "envelope")
    change, key = reader.prefixed(), reader.take(16)
    rest = [reader.prefixed() for _ in range(4)]
    reader.end()
    return parse_change(change), key, rest


def blobs_named(kind, data):
    """The blobs that a record names."""
    if kind == CONTAINER:
        record = parse_container_record(data)
        content = [record.content[1][104:]] if record.content[0] == 3 else []
        return content + ([record.envelope] if record.envelope else [])
    return [parse_change(data).envelope] if kind == OUTBOX else []


def check_record(kind, data):
    """A record of this kind by itself: its form, and the forms of what is in it."""
    if kind == CONTAINER:
        record = parse_container_record(data)
        if record.flags & CACHED:
            parse_view(record.view)
            if record.keys:
                parse_container_keys(record.keys)
            if record.content[0] == 3:
                parse_header(record.content[1][:104])
        return record
    return {STATE: parse_state, USER: parse_user, CURSOR: parse_cursor, OUTBOX: parse_change}[kind](data)
