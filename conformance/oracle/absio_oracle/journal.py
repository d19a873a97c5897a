"""The journal of an upload, `UPJ1` (§19)."""

from dataclasses import dataclass

from .primitives import same
from .reading import Reader, Refused, require, u64
from .segment import parse_header
from .store import JOURNAL

ENTRY = 344
# Such a journal is not gone on with.
DAMAGED = "begun_anew"


@dataclass(frozen=True)
class Begun:
    """Entry 0."""

    id_salt: bytes
    content_secret: bytes
    header: bytes
    upload: bytes
    total_length: int

    def encode(self):
        return self.id_salt + self.content_secret + self.header + self.upload + u64(self.total_length)


def seal(partition, name, salts, begun, roots):
    data = [begun.encode(), *roots]
    entries = [partition.seal(JOURNAL, name, at, salt, text) for at, (salt, text) in enumerate(zip(salts, data))]
    return b"UPJ1" + name + b"".join(entries)


def parse_begun(data):
    reader = Reader(data, DAMAGED)
    begun = Begun(reader.take(32), reader.take(32), reader.take(104), reader.take(16), reader.u64())
    reader.end()
    return begun


def open_journal(data, partition):
    """What a journal records: entry 0 and the roots of parts; a torn entry counts as absent."""
    reader = Reader(data, DAMAGED)
    reader.magic(b"UPJ1")
    name = reader.take(16)
    entries = []
    while reader.left():
        value = reader.take(min(ENTRY, reader.left()))
        try:
            entries.append(partition.open(JOURNAL, name, value, len(entries))[1])
        except Refused:
            entries.append(None)
    while entries and entries[-1] is None:
        entries.pop()
    require(entries and None not in entries, DAMAGED, "an entry before the last does not open")
    begun = parse_begun(entries[0])
    try:
        context, commitment = parse_header(begun.header)
    except Refused as refused:
        raise Refused(DAMAGED, str(refused)) from refused
    require(same(context.keys(begun.content_secret)[2], commitment), DAMAGED, "keys do not fit the header")
    roots = entries[1:]
    require(all(len(root) == 48 for root in roots), DAMAGED, "length of a root")
    return begun, roots
