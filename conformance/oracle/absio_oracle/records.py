"""What records of a local store hold: containers, users, the cursor, the outbox (§18.5 to §18.8)."""

from dataclasses import dataclass

from .card import verify_chain
from .key_blob import parse_container_keys
from .manifest import check_type_form, parse_view
from .reading import Reader, prefixed, require, u32, u64, u8
from .segment import parse_header
from .store import CONTAINER, CURSOR, DAMAGED, ENVELOPE, OUTBOX, OVERHEAD, USER, parse_state

# A value that opened was written by this user's own programs; what is wrong in it is wrong in form.
FORM = "malformed"
TOMBSTONE, LOCAL, REPORTED, UNSENT, CACHED, LEAVING = 1, 2, 4, 8, 16, 32
FOLLOWED = 10_000


def versioned(data):
    reader = Reader(data, FORM)
    require(reader.u8() == 1, "unknown_algorithm", "version")
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
    require(flags < 64, FORM, "flags")
    revision, pinned, confirmed_at, envelope = reader.u64(), reader.take(48), reader.u64(), reader.prefixed(20)
    require(len(envelope) in (0, 20), FORM, "envelope")
    record = [flags, container, revision, pinned, confirmed_at, envelope]
    if flags & CACHED:
        record += [reader.prefixed() for _ in range(5)]
        kind = reader.u8()
        require(kind in (0, 1, 3), FORM, "content")
        record.append((kind, {0: bytes, 1: reader.prefixed, 3: lambda: reader.take(124)}[kind]()))
    reader.end()
    return ContainerRecord(*record)


def encode_user(user, compared, cards):
    return u8(1) + u8(int(compared)) + user + u32(len(cards)) + b"".join(prefixed(card) for card in cards)


def parse_user(data):
    """The user, whether the fingerprint was compared, and the cards; the chain is verified again."""
    reader = versioned(data)
    compared = reader.u8()
    require(compared in (0, 1), FORM, "compared")
    user = reader.take(16)
    count = reader.u32()
    require(count <= 1024, FORM, "number of cards")
    cards = [reader.prefixed() for _ in range(count)]
    reader.end()
    verify_chain(user, cards)
    return user, bool(compared), cards


def encode_cursor(next_event, containers):
    return u8(1) + u64(next_event) + u32(len(containers)) + b"".join(sorted(containers))


def parse_cursor(data):
    reader = versioned(data)
    next_event, count = reader.u64(), reader.u32()
    require(count <= FOLLOWED, FORM, "number of containers")
    containers = [reader.take(16) for _ in range(count)]
    reader.end()
    require(all(a < b for a, b in zip(containers, containers[1:])), FORM, "order of containers")
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
    require(change.kind in (1, 2, 3) and change.state in (1, 2, 3) and change.tombstone in (0, 1), FORM, "code")
    require((change.state == 2) or change.theirs == 0, FORM, "a conflict's revision without a conflict")
    require(change.state == 3 or not change.code, FORM, "a refusal's code without a refusal")
    require(all(byte < 128 for byte in change.code), FORM, "a refusal's code in ASCII")
    return change


def encode_envelope(change, idempotency_key, keys, blob, type_opening, body):
    parts = [prefixed(change), idempotency_key, prefixed(keys), prefixed(blob), prefixed(type_opening), prefixed(body)]
    return b"\x81" + b"".join(parts)


def parse_enveloped_change(data):
    reader = Reader(data, FORM)
    require(reader.u8() == 0x81, FORM, "envelope")
    change, key = parse_change(reader.prefixed()), reader.take(16)
    rest = [reader.prefixed() for _ in range(4)]
    reader.end()
    if rest[2]:
        check_type_form(rest[2])
    return change, key, rest


def seal_envelope(partition, name, salts, record):
    """An envelope, a blob (§18.5)."""
    rest = partition.seal(ENVELOPE, name, 1, salts[1], record)
    return partition.seal(ENVELOPE, name, 0, salts[0], u64(len(rest))) + rest


def open_envelope(partition, name, blob):
    """The record in an envelope; `degraded` if it does not open, or is of a change that lies in another blob."""
    lead = OVERHEAD + 256
    require(len(blob) >= lead, DAMAGED, "length")
    _, length = partition.open(ENVELOPE, name, blob[:lead], 0)
    require(len(length) == 8, DAMAGED, "no length")
    # What stands behind it in the blob is not read.
    rest = Reader(blob[lead:], DAMAGED).take(int.from_bytes(length, "big"))
    _, record = partition.open(ENVELOPE, name, rest, 1)
    if record[:1] == b"\x81":
        change, _, _ = parse_enveloped_change(record)
        require(change.envelope == name, DAMAGED, "another blob's change")
    else:
        check_record(CONTAINER, record)
    return record


def blobs_named(kind, data):
    """The blobs that a record names."""
    if kind == CONTAINER:
        record = parse_container_record(data)
        content = [record.content[1][104:]] if record.content[0] == 3 else []
        return content + ([record.envelope] if record.envelope else [])
    return [parse_change(data).envelope] if kind == OUTBOX else []


def check_record(kind, data):
    """A record of this kind by itself: its form, and the forms of what is in it. Gives what its name is made of."""
    if kind == CONTAINER:
        record = parse_container_record(data)
        if record.flags & CACHED:
            check_cached(record)
        return record.container
    if kind == OUTBOX:
        return u64(parse_change(data).number)
    if kind == USER:
        return parse_user(data)[0]
    if kind == CURSOR:
        parse_cursor(data)
        return b"events"
    parse_state(data)
    return b""


def check_cached(record):
    view = parse_view(record.view)
    if record.type_opening:
        check_type_form(record.type_opening)
    if record.keys:
        parse_container_keys(record.keys)
    if record.content[0] == 3:
        parse_header(record.content[1][:104])
    require(view.manifest.container == record.container, "manifest_mismatch", "another container's view")
