"""What a device keeps: sealed values, the forms of records, envelopes, exports, journals (§18, §19)."""

from dataclasses import replace

from .. import export, journal, key_blob, records, segment, store, tree
from ..key_blob import ContainerKeys
from ..reading import u32, u64
from .collection import flipped, put, seeded
from .drafts import RECIPIENT, create
from .key_files import sealed as sealed_key_file
from .people import START, Person

SECRET = seeded("store secret")


def build(kit):
    person = Person("bob").rotate(START + 1000)
    partition = store.partition(SECRET, person.user)
    base = {"store-secret": SECRET, "user": person.user}
    values(kit, partition, base)
    shapes = shapes_of(person, partition)
    forms(kit, shapes)
    envelopes(kit, partition, base, shapes)
    exports(kit, person, partition, base, shapes)
    journals(kit, person, partition, base)


def values(kit, partition, base):
    own = seeded("container", 16)
    name = partition.record_name(store.CONTAINER, own)

    def record(slug, comment, length):
        value = partition.seal(store.RECORD, name, 7, seeded("value salt"), seeded("value", length))
        return kit.add("store-record", slug, comment, value, {**base, "record-kind": 2, "id": own})

    good = record("short", "a short record", 40)
    for length in (0, 252, 253, 4092, 4093):
        record(f"of-{length}", f"a record of {length} bytes", length)
    bad = "degraded"
    kit.flips(good, "field", [("generation", 7, bad), ("salt", 8, bad), ("text", 40, bad), ("tag", -48, bad), ("last-byte", -1, bad)])
    kit.lengths(good, "value", bad, bad)
    kit.fault(good, "empty", "no byte at all", bad, b"")
    kit.fault(good, "another-id", "the record of another container", bad, id=seeded("x", 16))
    kit.fault(good, "another-kind", "a record of another kind", bad, record_kind=3)
    kit.fault(good, "another-user", "another user", bad, user=seeded("x", 16))
    kit.fault(good, "another-secret", "another store secret", bad, store_secret=seeded("x"))
    data = seeded("value", 40)
    for slug, comment, text in (
        ("padding-not-zero", "a padding byte is not zero", flipped(store.padded(data), 200)),
        ("padding-long", "padded too far", store.padded(data) + bytes(256)),
        ("padding-short", "padded too little", store.padded(data)[:-1]),
        ("length-past-end", "a length past the end", u32(253) + bytes(252)),
        ("length-missing", "shorter than a length", b"abc"),
    ):
        head = u64(7) + seeded("value salt")
        wrapped = store.wrap(partition.value_keys(store.RECORD, name, 7, head[8:]), head, text)
        kit.fault(good, slug, comment, bad, head + wrapped)
    anchors(kit, partition, base)


def anchors(kit, partition, base):
    state = store.State(9, 3, seeded("sum"), 1, START, 0).encode()
    cell = partition.anchor_cell(1)
    value = partition.seal(store.ANCHOR, cell, 9, seeded("anchor salt"), state)
    good = kit.add("store-anchor", "second", "an anchor", value, {**base, "anchor": 1})
    kit.fault(good, "another", "in the cell of the other anchor", "degraded", anchor=0)
    record = partition.seal(store.RECORD, cell, 9, seeded("anchor salt"), state)
    kit.fault(good, "label", "sealed as a record", "degraded", record)
    kit.flips(good, "field", [("generation", 7, "degraded"), ("text", 40, "degraded"), ("tag", -1, "degraded")])
    kit.lengths(good, "value", "degraded", "degraded")


def shapes_of(person, partition):
    """One record of each shape, whose blobs have names of this partition."""
    alice = Person("alice")
    view = create(alice).grant(person, RECIPIENT).sign(alice)
    own = view.manifest.container
    keys = ContainerKeys(0, seeded("header secret"), seeded("content secret"))
    context = segment.Context(segment.CONTENT, 12, own, 1, 0, 0, seeded("salt"))
    content = segment.seal(context, keys.content, b"the content")
    header = segment.seal(replace(context, kind=segment.HEADER, padding=1), keys.header, b"{}")
    blobs = [partition.blob_name(seeded(f"blob {number}", 10)) for number in range(3)]
    pinned = records.ContainerRecord(0, seeded("pinned", 16), 4, seeded("hash", 48), START)
    cached = records.ContainerRecord(
        records.CACHED, own, 1, view.manifest.hash(), START, b"", view.encode(), seeded("blob", 224),
        seeded("type salt") + b"invoice", keys.encode(), header.segment, (1, content.segment),
    )
    in_blob = replace(
        cached, flags=records.CACHED | records.LOCAL, envelope=blobs[0], blob=b"", type_opening=b"",
        content=(3, content.header + blobs[1]),
    )
    change = records.Change(2, 1, 0, 5, seeded("hash", 48), own, 3, START, blobs[2])
    return {
        "person": alice, "view": view, "keys": keys, "blobs": blobs, "pinned": pinned, "cached": cached,
        "in-blob": in_blob, "change": change, "content": content,
        "user": records.encode_user(person.user, True, person.encoded()),
        "cursor": records.encode_cursor(77, [seeded("a", 16), seeded("b", 16)]),
    }


def forms(kit, shapes):
    def add(kind, slug, comment, data):
        return kit.add("record-form", slug, comment, data, {"record-kind": kind})

    state = add(store.STATE, "state", "a state", store.State(9, 3, seeded("sum"), 1, START, 5).encode())
    pinned = add(store.CONTAINER, "pinned", "a container of which there is the pin", shapes["pinned"].encode())
    dead = replace(shapes["pinned"], flags=records.TOMBSTONE | records.REPORTED)
    add(store.CONTAINER, "dead", "a container that was deleted", dead.encode())
    cached = add(store.CONTAINER, "cached", "a container with all that belongs to it", shapes["cached"].encode())
    in_blob = add(store.CONTAINER, "in-blob", "a container whose content is in a blob", shapes["in-blob"].encode())
    user = add(store.USER, "user", "a user", shapes["user"])
    cursor = add(store.CURSOR, "cursor", "a cursor", shapes["cursor"])
    add(store.CURSOR, "cursor-empty", "a cursor that nothing waits for", records.encode_cursor(0, []))
    change = add(store.OUTBOX, "change", "a change that waits", shapes["change"].encode())
    conflict = add(store.OUTBOX, "conflict", "a change in conflict", replace(shapes["change"], state=2, theirs=6).encode())
    refusal = replace(shapes["change"], state=3, code=b"permission_denied")
    refused = add(store.OUTBOX, "refused", "a change that was refused", refusal.encode())
    for slug, base in (("state", state), ("pinned", pinned), ("cached", cached), ("user", user), ("cursor", cursor), ("change", change)):
        kit.fault(base, f"{slug}-version", "an unknown version", "unknown_algorithm", put(base.data, 0, b"\2"))
        kit.lengths(base, slug, "malformed", "malformed")
    kit.fault(pinned, "flags", "an unknown flag", "malformed", put(pinned.data, 1, b"\x40"))
    kit.fault(pinned, "envelope-19", "an envelope with a short name", "malformed", pinned.data[:82] + u32(19) + bytes(19))
    cached_faults(kit, shapes, cached, in_blob)
    kit.fault(user, "compared-2", "a flag that is neither 0 nor 1", "malformed", put(user.data, 1, b"\2"))
    kit.fault(user, "user-id", "another user's id", "identity_mismatch", flipped(user.data, 2))
    kit.fault(user, "user-card", "a signature on a card", "card_chain_invalid", flipped(user.data, -1))
    kit.fault(user, "user-no-card", "no card", "card_chain_invalid", user.data[:18] + u32(0))
    ids = cursor.data[13:]
    kit.fault(cursor, "cursor-order", "containers in the wrong order", "malformed", cursor.data[:13] + ids[16:] + ids[:16])
    kit.fault(cursor, "cursor-twice", "a container twice", "malformed", cursor.data[:13] + 2 * ids[:16])
    kit.fault(cursor, "cursor-limit", "more containers than there may be", "malformed", put(cursor.data, 9, u32(10_001)))
    for slug, comment, at, new in (
        ("change-kind", "a change of an unknown kind", 1, b"\4"), ("change-state", "an unknown state", 2, b"\4"),
        ("change-tombstone", "a flag that is neither 0 nor 1", 3, b"\2"), ("change-waits-conflict", "waiting, with a conflict's revision", 111 + 8, b"\1"),
    ):
        kit.fault(change, slug, comment, "malformed", put(change.data, at, new))
    kit.fault(refused, "refused-not-ascii", "a code that is not ASCII", "malformed", put(refused.data, len(refused.data) - 2, "é".encode()))
    kit.fault(refused, "refused-long", "a code over its limit", "malformed", replace(refusal, code=b"x" * 65).encode())
    kit.fault(conflict, "conflict-code", "a conflict with a code", "malformed", replace(shapes["change"], state=2, theirs=6, code=b"x").encode())


def cached_faults(kit, shapes, cached, in_blob):
    def wrong(slug, comment, expect="malformed", **changes):
        kit.fault(cached, slug, comment, expect, replace(shapes["cached"], **changes).encode())

    view = shapes["view"].encode()
    wrong("view-missing", "cached without a view", view=b"")
    wrong("view-cut", "a view that ends early", view=view[:-1])
    wrong("view-root", "a view whose access root is another's", "manifest_mismatch", view=flipped(view, 464))
    wrong("another-container", "the view of another container", "manifest_mismatch", container=seeded("x", 16))
    wrong("type-empty", "an empty type", type_opening=seeded("x"))
    wrong("keys-cut", "container keys that end early", keys=shapes["keys"].encode()[:-1])
    wrong("keys-cipher", "container keys of an unknown cipher", "unknown_algorithm", keys=put(shapes["keys"].encode(), 4, b"\1"))
    unknown = cached.data[: -4 - len(shapes["content"].segment) - 1] + b"\2" + cached.data[-4 - len(shapes["content"].segment) :]
    kit.fault(cached, "content-2", "a content in an unknown place", "malformed", unknown)
    kit.fault(in_blob, "blob-header", "a blob's clear header with another magic", "malformed", flipped(in_blob.data, -124))


def envelopes(kit, partition, base, shapes):
    name = shapes["blobs"][0]
    salts = seeded("lead salt"), seeded("rest salt")
    record = shapes["in-blob"].encode()
    blob = records.seal_envelope(partition, name, salts, record)
    good = kit.add("store-envelope", "container", "an envelope of a container", blob, {**base, "blob": name})
    change, change_blob = shapes["change"], shapes["blobs"][2]
    inside = records.encode_envelope(
        change.encode(), seeded("idempotency", 16), shapes["keys"].encode(), seeded("blob", 224), seeded("salt") + b"invoice", b"the body"
    )
    outbox = kit.add(
        "store-envelope", "change", "an envelope of a change", records.seal_envelope(partition, change_blob, salts, inside),
        {**base, "blob": change_blob},
    )
    bad = "degraded"
    lead = store.OVERHEAD + 256
    kit.flips(good, "field", [("lead-salt", 8, bad), ("lead-text", 40, bad), ("rest-generation", lead + 7, bad), ("rest-text", lead + 40, bad), ("tag", -1, bad)])
    kit.lengths(good, "blob", bad, "success")
    kit.fault(good, "parts-swapped", "the two parts exchanged", bad, blob[lead:] + blob[:lead])
    kit.fault(good, "another-blob", "in another blob", bad, blob=shapes["blobs"][1])
    kit.fault(good, "lead-alone", "the first part alone", bad, blob[:lead])
    moved = records.seal_envelope(partition, name, salts, inside)
    kit.fault(outbox, "moved", "a change that names another blob", bad, moved, blob=name)
    cut = records.seal_envelope(partition, change_blob, salts, inside[:-1])
    kit.fault(outbox, "inside-cut", "a change that ends early", "malformed", cut)
    other = records.seal_envelope(partition, name, salts, record + b"\0")
    kit.fault(good, "inside-appended", "a byte behind the record", "malformed", other)


def exports(kit, person, partition, base, shapes):
    salt = seeded("root salt")
    named = shapes["blobs"]
    contents = [
        (named[0], b"envelope of a container"), (named[1], b"".join(shapes["content"].chunks)), (named[2], b"envelope of a change"),
    ]
    rows = [
        (store.CONTAINER, shapes["in-blob"].container, shapes["in-blob"].encode()), (store.USER, person.user, shapes["user"]),
        (store.CURSOR, b"events", shapes["cursor"]), (store.OUTBOX, u64(3), shapes["change"].encode()),
    ]

    def made(rows=rows, contents=contents, count=None, **changes):
        values = []
        for kind, record_id, data in rows:
            name = partition.record_name(kind, record_id)
            values.append((name, partition.seal(store.RECORD, name, 9, seeded(f"salt {kind}"), data)))
        elements = [partition.element(name, value) for name, value in values]
        state = store.State(9, len(rows) if count is None else count, store.sum_of(elements), len(contents), START, 0)
        name = partition.record_name(store.STATE, b"")
        sealed = partition.seal(store.RECORD, name, 9, seeded("state salt"), state.encode())
        cell = store.at_rest(salt, person.user, sealed_key_file(person))
        return replace(export.Export(salt, cell, sealed, list(contents), sorted(values)), **changes)

    def add(slug, comment, stream, expect="success"):
        return kit.add("export", slug, comment, stream, base, expect)

    whole = made()
    good = add("whole", "an export", whole.encode(partition))
    add("new", "of a partition that is new", made([], []).encode(partition))
    add("no-state", "of a partition without a state", made([], [], state=b"").encode(partition))
    small = [(store.CURSOR, b"events", shapes["cursor"])]
    add("cursor", "a cursor alone", made(small, []).encode(partition))
    add("empty-blob", "a blob of no bytes", made(contents=[contents[0], (named[1], b""), contents[2]]).encode(partition))
    bad = "malformed"
    kit.flips(good, "field", [("magic", 0, bad), ("salt", 9, bad), ("key-file", 60, bad), ("blob-count", -57, bad), ("record-count", -49, bad), ("mac", -1, bad)])
    kit.lengths(good, "stream", bad, "success")
    kit.fault(good, "cut-blocks", "cut before the end of the blocks", bad, good.data[:-68])
    kit.fault(good, "block-huge", "a block over its limit", bad, put(good.data, 4, u32(2**20 + 1)))
    kit.fault(good, "another-user", "another user", bad, user=seeded("x", 16))
    kit.fault(good, "another-secret", "another store secret", bad, store_secret=seeded("x"))
    add("count", "another count in the state", made(count=3).encode(partition), bad)
    add("record-missing", "a record is missing", replace(whole, records=whole.records[1:]).encode(partition), bad)
    add("record-twice", "a record twice", replace(whole, records=[*whole.records, whole.records[0]]).encode(partition), bad)
    swapped = [(whole.records[1][0], whole.records[0][1]), *whole.records[1:]]
    add("record-name", "a record under another's name", replace(whole, records=swapped).encode(partition), bad)
    add("blob-missing", "a blob that a record names is missing", replace(whole, blobs=whole.blobs[1:]).encode(partition), bad)
    add("blob-twice", "a blob twice", replace(whole, blobs=[*whole.blobs, whole.blobs[0]]).encode(partition), bad)
    foreign = [*whole.blobs, (seeded("x", 20), b"")]
    add("blob-foreign", "a blob of another partition", replace(whole, blobs=foreign).encode(partition), bad)
    add("no-state-records", "records without a state", replace(whole, state=b"").encode(partition), bad)
    add("key-file-torn", "the key file is torn", replace(whole, key_file=whole.key_file[:-1]).encode(partition), bad)
    misnamed = [(store.CURSOR, b"other", shapes["cursor"])]
    add("cursor-id", "a cursor of another id", made(misnamed, []).encode(partition), bad)
    unknown = [(store.CURSOR, b"events", put(shapes["cursor"], 0, b"\2"))]
    add("record-version", "a record of an unknown version", made(unknown, []).encode(partition), "unknown_algorithm")


def journals(kit, person, partition, base):
    id_salt, secret = seeded("id salt"), seeded("content secret")
    own = key_blob.container_id(person.user, id_salt)
    context = segment.Context(segment.CONTENT, 16, own, 1, 0, 0, seeded("salt"))
    header = context.encode() + context.keys(secret)[2]
    begun = journal.Begun(id_salt, secret, header, seeded("upload", 16), 20_000_000)
    roots = [tree.leaf(bytes([part])) for part in range(3)]
    salts = [seeded(f"entry salt {number}") for number in range(4)]
    name = seeded("journal", 16)

    def sealed(begun=begun, roots=roots):
        return journal.seal(partition, name, salts, begun, roots)

    def add(slug, comment, data):
        return kit.add("journal", slug, comment, data, base)

    entry = lambda number: slice(20 + number * journal.ENTRY, 20 + (number + 1) * journal.ENTRY)
    good = add("three-parts", "three parts recorded", sealed())
    add("begun", "no part recorded yet", sealed(roots=[]))
    add("torn", "the last entry was torn", good.data[:-10])
    add("torn-zeros", "the last entry was torn, with zeros", good.data[: entry(3).start + 100] + bytes(244))
    bad = "begun_anew"
    kit.flips(good, "field", [("magic", 0, bad), ("name", 4, bad), ("first-entry", 60, bad), ("second-entry", entry(1).start + 60, bad), ("third-entry", entry(2).start + 60, bad)])
    kit.fault(good, "cut-first", "the first entry was torn", bad, good.data[:300])
    kit.fault(good, "empty", "no byte at all", bad, b"")
    swapped = good.data[: entry(1).start] + good.data[entry(2)] + good.data[entry(1)] + good.data[entry(3)]
    kit.fault(good, "swapped", "two entries exchanged", bad, swapped)
    kit.fault(good, "dropped", "an entry is missing", bad, good.data[: entry(0).start] + good.data[entry(1).start :])
    kit.fault(good, "another-user", "another user", bad, user=seeded("x", 16))
    kit.fault(good, "keys", "keys that do not fit the header", bad, sealed(replace(begun, content_secret=seeded("x"))))
    kit.fault(good, "header", "a clear header with another magic", bad, sealed(replace(begun, header=flipped(header, 0))))
