"""The export of a partition, `OFX1` (§18.9)."""

from dataclasses import dataclass, field

from .primitives import mac, same
from .reading import Reader, Refused, prefixed, require, u32, u64, u8
from .records import blobs_named, check_record
from .store import CONTAINER, CURSOR, OUTBOX, RECORD, STATE, USER, State, parse_state, read_at_rest, sum_of

BLOCK = 2**20
# The class of an export that is not taken: nothing of it was written.
FORM = "malformed"


@dataclass
class Export:
    salt: bytes
    key_file: bytes
    state: bytes
    blobs: list = field(default_factory=list)
    records: list = field(default_factory=list)

    def joined(self):
        parts = [u8(1), self.salt, prefixed(self.key_file), u8(2), prefixed(self.state)]
        for name, data in self.blobs:
            parts += [u8(3), name] + blocks(data) + [u32(0)]
        for name, value in self.records:
            parts += [u8(4), name, prefixed(value)]
        return b"".join(parts)

    def encode(self, partition):
        stream = b"OFX1" + b"".join(blocks(self.joined())) + u32(0) + u64(len(self.blobs)) + u64(len(self.records))
        return stream + mac(partition.key("key/store-export"), stream)


def blocks(data):
    return [prefixed(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)]


def take_blocks(reader):
    parts = []
    while length := reader.u32():
        require(length <= BLOCK, reader.code, "length of a block")
        parts.append(reader.take(length))
    return b"".join(parts)


def parse(data, code=FORM):
    """The parts of a stream, and the stream without its mac."""
    reader = Reader(data, code)
    reader.magic(b"OFX1")
    joined = Reader(take_blocks(reader), code)
    blob_count, record_count = reader.u64(), reader.u64()
    signed = data[: reader.at]
    # What stands behind the mac is not part of the stream, and not read.
    made = reader.take(48)
    require(joined.u8() == 1, code, "key file first")
    export = Export(joined.take(32), joined.prefixed(), b"")
    require(joined.u8() == 2, code, "state second")
    export.state = joined.prefixed()
    while joined.left():
        kind = joined.u8()
        if kind == 3:
            require(not export.records, code, "a blob behind the records")
            export.blobs.append((joined.take(20), take_blocks(joined)))
        else:
            require(kind == 4, code, "unknown item")
            export.records.append((joined.take(40), joined.prefixed()))
    require((blob_count, record_count) == (len(export.blobs), len(export.records)), code, "counts")
    return export, signed, made


def kind_of(partition, name):
    """The kind of a record, by the first 16 bytes of its name."""
    for kind in (CONTAINER, USER, CURSOR, OUTBOX):
        if partition.identifier(kind, b"")[:16] == name[:16]:
            return kind
    return None


def check(data, partition, user):
    """What an importer checks before it writes anything. Gives the export and its opened records."""
    export, signed, made = parse(data)
    require(same(mac(partition.key("key/store-export"), signed), made), FORM, "mac")
    whole(read_at_rest, export.salt, user, export.key_file)
    named, opened = set(), []
    for name, value in export.records:
        kind = kind_of(partition, name)
        require(kind is not None, FORM, "a record of no known kind")
        _, text = whole(partition.open, RECORD, name, value)
        record_id = check_record(kind, text)
        require(partition.record_name(kind, record_id) == name, FORM, "under another's name")
        named.update(blobs_named(kind, text))
        opened.append((kind, text))
    state = open_state(partition, export.state)
    elements = [partition.element(name, value) for name, value in export.records]
    names = {name for name, _ in export.records}
    require(len(names) == len(elements), FORM, "a record twice")
    require((state.count, state.sum) == (len(elements), sum_of(elements)), FORM, "count or sum")
    blobs = [name for name, _ in export.blobs]
    require(all(partition.blob_name(name[:10]) == name for name in blobs), FORM, "another user's blob")
    require(len(set(blobs)) == len(blobs) and named <= set(blobs), FORM, "blobs")
    return export, opened


def open_state(partition, value):
    if not value:
        return State(0, 0, bytes(32), 0, 0, 0)
    return parse_state(whole(partition.open, RECORD, partition.record_name(STATE, b""), value)[1])


def whole(opener, *what):
    """What `opener` opens: a damaged value in an export makes the export one that is not taken."""
    try:
        return opener(*what)
    except Refused as refused:
        raise Refused(FORM, str(refused)) from refused
