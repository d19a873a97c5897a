"""The export of a partition, `OFX1` (§18.9)."""

from dataclasses import dataclass, field

from .primitives import mac, same
from .reading import Reader, prefixed, require, u32, u64, u8
from .records import blobs_named
from .store import CONTAINER, CURSOR, OUTBOX, RECORD, STATE, USER, parse_state, read_at_rest, sum_of

BLOCK = 2**20


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


def parse(data, code):
    """The parts of a stream, and the stream without its mac."""
    reader = Reader(data, code)
    reader.magic(b"OFX1")
    joined = Reader(take_blocks(reader), code)
    blob_count, record_count = reader.u64(), reader.u64()
    signed = data[: reader.at]
    made = reader.take(48)
    reader.end()
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


def check(data, partition, user, code="damaged_export"):
    """What an importer checks before it writes anything. Gives the export and its opened records."""
    export, signed, made = parse(data, code)
    require(same(mac(partition.key("key/store-export"), signed), made), code, "mac")
    read_at_rest(export.salt, user, export.key_file)
    opened, named = [], set()
    for name, value in export.records:
        kind = kind_of(partition, name)
        require(kind is not None, code, "a record of no known kind")
        generation, text = partition.open(RECORD, name, value)
        opened.append((kind, generation, text))
        named.update(blobs_named(kind, text))
    names = [name for name, _ in export.records]
    require(len(set(names)) == len(names), code, "a record twice")
    elements = [partition.element(name, value) for name, value in export.records]
    if export.state:
        _, text = partition.open(RECORD, partition.record_name(STATE, b""), export.state)
        state = parse_state(text)
        require((state.count, state.sum) == (len(names), sum_of(elements)), code, "count or sum")
    else:
        require(not names, code, "records without a state")
    there = [name for name, _ in export.blobs]
    require(len(set(there)) == len(there) and set(there) == named, code, "blobs")
    return export, opened
