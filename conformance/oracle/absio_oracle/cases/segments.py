"""Segments, ranges of them, and padding (§9)."""

from .. import segment, tree
from ..primitives import counter_mode
from ..reading import u64
from .collection import flipped, put, seeded

OWN = seeded("container", 16)
SECRET = seeded("content secret")
CHUNK = 4096
STRIDE = CHUNK + 32


def context(kind=segment.CONTENT, mac_index=0, padding=0, epoch=7):
    return segment.Context(kind, 12, OWN, epoch, mac_index, padding, seeded("segment salt"))


def inputs_of(made, sealed):
    return {
        "segment-kind": made.kind, "container": made.container, "epoch": made.epoch, "length": sealed.length,
        "digest": sealed.digest, "secret": SECRET,
    }


def build(kit):
    def add(slug, comment, made, data):
        sealed = segment.seal(made, SECRET, data)
        return kit.add("segment", slug, comment, sealed.segment, inputs_of(made, sealed)), sealed

    add("empty", "an empty content", context(), b"")
    add("one-byte", "one byte", context(), b"\x5a")
    add("one-chunk", "one chunk and an empty last one", context(), seeded("text", CHUNK))
    add("long-tags", "tags of HMAC-SHA-384", context(mac_index=1), b"some text")
    add("header", "a header, padded to a bucket", context(segment.HEADER, padding=1), b'{"a":1}')
    add("header-full", "a header that fills its bucket", context(segment.HEADER, padding=1), seeded("text", 1016))
    add("padme", "padded by Padmé", context(padding=2), seeded("text", 1000))
    add("padme-empty", "an empty content, padded by Padmé", context(padding=2), b"")
    short, _ = add("short", "a short content", context(), b"what is in the segment")
    fields(kit, short)
    whole, sealed = add("chunks", "three chunks", context(), seeded("text", 2 * CHUNK + 108))
    chunks(kit, whole, sealed)
    unpadded(kit)
    ranges(kit, whole, sealed)
    paddings(kit)


def fields(kit, good):
    kit.flips(good, "field", [
        ("magic", 3, "malformed"), ("container", 8, "decrypt"), ("epoch", 31, "decrypt"), ("padding", 34, "decrypt"),
        ("mac", 33, "decrypt"), ("cipher", 32, "unknown_algorithm"), ("salt", 40, "decrypt"),
        ("commitment", 72, "decrypt"), ("ciphertext", 104, "decrypt"), ("tag", -1, "decrypt"),
    ])
    kit.lengths(good, "segment", "decrypt", "decrypt")

    def wrong(slug, comment, expect, at, new):
        kit.fault(good, slug, comment, expect, put(good.data, at, new))

    wrong("suite-2", "suite 2", "unknown_algorithm", 4, b"\0\2")
    wrong("suite-0", "suite 0", "unknown_algorithm", 4, b"\0\0")
    wrong("kind-0", "kind 0", "malformed", 6, b"\0")
    wrong("kind-3", "kind 3", "malformed", 6, b"\3")
    wrong("kind-1", "a content as a header", "decrypt", 6, b"\1")
    wrong("chunk-11", "a chunk size too small", "malformed", 7, b"\x0b")
    wrong("chunk-21", "a chunk size too large", "malformed", 7, b"\x15")
    wrong("chunk-16", "another chunk size", "decrypt", 7, b"\x10")
    wrong("epoch-0", "epoch 0", "malformed", 24, bytes(8))
    wrong("mac-2", "an unknown MAC", "unknown_algorithm", 33, b"\2")
    wrong("padding-3", "an unknown padding", "unknown_algorithm", 34, b"\3")
    for at in (35, 39):
        wrong(f"reserved-{at}", f"the reserved byte {at}", "malformed", at, b"\1")
    kit.fault(good, "header-cut", "cut in the clear header", "malformed", good.data[:103])
    kit.fault(good, "header-only", "nothing behind the clear header", "decrypt", good.data[:104])
    kit.fault(good, "empty-file", "no byte at all", "malformed", b"")
    kit.fault(good, "expects-kind", "a header is expected", "decrypt", segment_kind=1)
    kit.fault(good, "expects-container", "another container is expected", "decrypt", container=seeded("x", 16))
    kit.fault(good, "expects-epoch", "another epoch is expected", "decrypt", epoch=8)
    kit.fault(good, "expects-length", "another length is signed", "decrypt", length=23)
    kit.fault(good, "expects-digest", "another digest is signed", "decrypt", digest=seeded("x", 48))
    kit.fault(good, "another-secret", "another secret", "decrypt", secret=seeded("x"))


def chunks(kit, good, sealed):
    front, parts = good.data[:104], sealed.chunks

    def made_of(slug, comment, members):
        kit.fault(good, f"chunks-{slug}", comment, "decrypt", front + b"".join(members))

    made_of("swapped", "two chunks swapped", [parts[1], parts[0], parts[2]])
    made_of("doubled", "a chunk twice", [parts[0], parts[0], parts[1], parts[2]])
    made_of("replaced", "a chunk in the place of another", [parts[0], parts[0], parts[2]])
    made_of("dropped", "a chunk is missing", [parts[0], parts[2]])
    made_of("cut-at-chunk", "cut at the end of a chunk", parts[:2])
    made_of("cut-at-first", "cut behind the first chunk", parts[:1])
    made_of("last-first", "the last chunk alone", [parts[2]])
    made_of("appended", "a chunk behind the last", [*parts, parts[2]])
    kit.fault(good, "chunks-tag-0", "the tag of the first chunk", "decrypt", flipped(good.data, 104 + CHUNK))
    kit.fault(good, "chunks-text-1", "the text of the second chunk", "decrypt", flipped(good.data, 104 + STRIDE + 5))
    kit.fault(good, "chunks-tag-2", "the tag of the last chunk", "decrypt", flipped(good.data, -1))
    other = segment.seal(context(), SECRET, bytes(2 * CHUNK + 108))
    kit.fault(good, "chunks-rewritten", "written anew by another reader, all tags hold", "decrypt", other.segment)
    spliced = front + parts[0] + other.chunks[1] + parts[2]
    kit.fault(good, "chunks-spliced", "a chunk of another writing under the same keys", "decrypt", spliced)
    # The end of a longer plaintext is made the last chunk: tags and key are right, `final` and length are not.
    final = retagged(sealed, 1)
    kit.fault(good, "chunks-made-final", "a chunk is made the last one", "decrypt", front + parts[0] + final)


def retagged(sealed, index):
    made = context()
    _, mac_key, _ = made.keys(SECRET)
    ciphertext = sealed.chunks[index][:-32]
    return ciphertext + segment.chunk_tag(made, mac_key, index, True, ciphertext)


def raw(made, plaintext):
    """Seals a plaintext that is padded by hand."""
    cipher_key, mac_key, commitment = made.keys(SECRET)
    ciphertext = counter_mode(cipher_key, plaintext)
    tag = segment.chunk_tag(made, mac_key, 0, True, ciphertext)
    return segment.Sealed(made.encode() + commitment, [ciphertext + tag], len(plaintext), [tag])


def unpadded(kit):
    """Sealed rightly, padded wrongly."""
    for slug, comment, padding, plaintext in wrong_paddings():
        made = context(segment.HEADER if padding == 1 else segment.CONTENT, padding=padding)
        sealed = raw(made, plaintext)
        kit.add("segment", f"padding-{slug}", comment, sealed.segment, inputs_of(made, sealed), "malformed")


def wrong_paddings():
    return [
        ("not-zero", "a padding byte is not zero", 1, flipped(segment.pad(b"data", 1), 700)),
        ("long", "a bucket too many", 1, b"data" + bytes(2048 - 12) + u64(4)),
        ("short", "less than a bucket", 1, b"data" + bytes(500) + u64(4)),
        ("past-end", "a length past the end", 1, bytes(1016) + u64(1017)),
        ("huge", "a length of 2^64 - 1", 1, bytes(1016) + u64(2**64 - 1)),
        ("none", "shorter than a length", 1, b"1234567"),
        ("padme-long", "a byte more than Padmé gives", 2, b"data" + bytes(1) + u64(4) + b""),
        ("padme-not-zero", "a padding byte of Padmé is not zero", 2, flipped(segment.pad(seeded("text", 1000), 2), 1003)),
    ]


def paddings(kit):
    for padding, lengths in ((0, (0, 5)), (1, (0, 1016, 1017)), (2, (0, 1, 10, 57, 1000))):
        for length in lengths:
            data = segment.pad(seeded("text", length), padding)
            kit.add("padding", f"{padding}-of-{length}", f"padding {padding} of {length} bytes", data, {"padding": padding})
    for slug, comment, padding, plaintext in wrong_paddings():
        kit.add("padding", slug, comment, plaintext, {"padding": padding}, "malformed")


def ranges(kit, whole, sealed):
    def inputs(first):
        given = {name: value for name, value in whole.inputs.items()}
        return {**given, "header": sealed.header, "first": first}

    def data(first, end):
        return tree.encode_proof(tree.prove(sealed.leaves, first, end)) + b"".join(sealed.chunks[first:end])

    for first, end, comment in ((0, 1, "the first chunk"), (1, 3, "the last two"), (2, 3, "the last chunk"), (0, 3, "everything")):
        kit.add("range", f"{first}-{end}", comment, data(first, end), inputs(first))
    middle = kit.add("range", "1-2", "the middle chunk", data(1, 2), inputs(1))
    proof, chunk = middle.data[:97], middle.data[97:]
    kit.fault(middle, "place", "at another place", "decrypt", first=0)
    kit.fault(middle, "past-end", "past the end", "decrypt", first=3)
    kit.fault(middle, "far-past-end", "far past the end", "decrypt", first=2**64 - 1)
    kit.flips(middle, "bit", [
        ("first-hash", 1, "decrypt"), ("second-hash", 49, "decrypt"), ("chunk", 97, "decrypt"), ("tag", -1, "decrypt"),
    ])
    kit.fault(middle, "hashes-swapped", "two hashes swapped", "decrypt", b"\2" + proof[49:] + proof[1:49] + chunk)
    kit.fault(middle, "hash-missing", "a hash is missing", "decrypt", b"\1" + proof[1:49] + chunk)
    kit.fault(middle, "hash-too-many", "a hash too many", "decrypt", b"\3" + proof[1:] + bytes(48) + chunk)
    kit.fault(middle, "hashes-67", "more hashes than any tree", "malformed", b"\x43" + bytes(67 * 48) + chunk)
    kit.fault(middle, "no-chunk", "no chunk at all", "decrypt", proof)
    kit.fault(middle, "cut", "the last byte is missing", "decrypt", middle.data[:-1])
    kit.fault(middle, "two-chunks", "a chunk more than is proven", "decrypt", middle.data + sealed.chunks[2])
    kit.fault(middle, "digest", "another digest is signed", "decrypt", digest=seeded("x", 48))
    kit.fault(middle, "length", "another length is signed", "decrypt", length=sealed.length - 1)
    kit.fault(middle, "secret", "another secret", "decrypt", secret=seeded("x"))
    kit.fault(middle, "epoch", "another epoch is expected", "decrypt", epoch=8)
