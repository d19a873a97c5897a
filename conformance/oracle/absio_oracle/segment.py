"""Segments `SEG1`: chunks, digest, ranges and padding (§9)."""

import hmac as hmac_module
from dataclasses import dataclass

from . import tree
from .primitives import SUITE, check_suite, counter_mode, expand, extract, labelled, same
from .reading import Reader, require, u16, u32, u64, u8

HEADER, CONTENT = 1, 2
LONGEST = 2**44
HASH_OF_MAC = {0: "sha256", 1: "sha384"}
TAG = {0: 32, 1: 48}


@dataclass(frozen=True)
class Context:
    """The first 72 bytes."""

    kind: int
    chunk_log2: int
    container: bytes
    epoch: int
    mac_index: int
    padding: int
    salt: bytes

    def encode(self):
        return b"".join([
            b"SEG1", u16(SUITE), u8(self.kind), u8(self.chunk_log2), self.container, u64(self.epoch),
            u8(0), u8(self.mac_index), u8(self.padding), bytes(5), self.salt,
        ])

    @property
    def chunk(self):
        return 1 << self.chunk_log2

    @property
    def tag(self):
        return TAG[self.mac_index]

    def keys(self, secret):
        """Cipher key, MAC key and commitment (§9.2)."""
        made = expand(extract("segment", secret), "key/segment", self.encode(), 64 + self.tag)
        return made[:32], made[32 : 32 + self.tag], made[32 + self.tag :]


def parse_header(data):
    """The context and the commitment from the 104 bytes of a clear header."""
    reader = Reader(data)
    reader.magic(b"SEG1")
    check_suite(reader.u16())
    kind, chunk_log2 = reader.u8(), reader.u8()
    container, epoch = reader.take(16), reader.u64()
    cipher_index, mac_index, padding = reader.u8(), reader.u8(), reader.u8()
    reserved, salt, commitment = reader.take(5), reader.take(32), reader.take(32)
    reader.end()
    require(kind in (HEADER, CONTENT) and 12 <= chunk_log2 <= 20 and epoch != 0, "malformed", "kind, chunk or epoch")
    require(cipher_index == 0 and mac_index in TAG and padding in (0, 1, 2), "unknown_algorithm")
    require(reserved == bytes(5), "malformed", "reserved")
    return Context(kind, chunk_log2, container, epoch, mac_index, padding, salt), commitment


def chunk_tag(context, mac_key, index, final, ciphertext):
    text = u64(index) + u8(final) + u32(len(ciphertext)) + ciphertext
    return hmac_module.digest(mac_key, text, HASH_OF_MAC[context.mac_index])


def block_of(context, index):
    return index * context.chunk // 16


def digest(clear_header, length, root):
    return labelled("segdig", clear_header + u64(length) + root)


@dataclass(frozen=True)
class Sealed:
    header: bytes
    chunks: list
    length: int
    tags: list

    @property
    def segment(self):
        return self.header + b"".join(self.chunks)

    @property
    def leaves(self):
        return [tree.leaf(tag) for tag in self.tags]

    @property
    def digest(self):
        return digest(self.header, self.length, tree.root(self.leaves))


def seal(context, secret, data):
    """Pads, encrypts and authenticates `data`."""
    plaintext = pad(data, context.padding)
    cipher_key, mac_key, commitment = context.keys(secret)
    count = len(plaintext) // context.chunk + 1
    chunks, tags = [], []
    for index in range(count):
        clear = plaintext[index * context.chunk : (index + 1) * context.chunk]
        ciphertext = counter_mode(cipher_key, clear, block_of(context, index))
        tags.append(chunk_tag(context, mac_key, index, index == count - 1, ciphertext))
        chunks.append(ciphertext + tags[-1])
    return Sealed(context.encode() + commitment, chunks, len(plaintext), tags)


def length_in(segment_length, context, code="decrypt"):
    """L of a segment of this many bytes; refused if no L gives it."""
    whole, rest = divmod(segment_length - 104, context.chunk + context.tag)
    require(rest >= context.tag, code, "no plaintext has this length")
    return whole * context.chunk + rest - context.tag


@dataclass(frozen=True)
class Expected:
    """What a manifest says of a segment. `length` and `digest` are None where there is no manifest."""

    kind: int
    container: bytes
    epoch: int
    length: int | None = None
    digest: bytes | None = None


def check_context(context, expected):
    there = context.kind, context.container, context.epoch
    require(there == (expected.kind, expected.container, expected.epoch), "decrypt", "another segment")


def open_keys(context, commitment, secret):
    cipher_key, mac_key, made = context.keys(secret)
    require(same(made, commitment), "decrypt", "commitment")
    return cipher_key, mac_key


def open_segment(data, expected, secret):
    """§9.6, one shot: the data without padding."""
    context, commitment = parse_header(data[:104])
    check_context(context, expected)
    length = length_in(len(data), context)
    require(expected.length in (None, length), "decrypt", "length")
    cipher_key, mac_key = open_keys(context, commitment, secret)
    plaintext, tags = open_chunks(context, cipher_key, mac_key, 0, length, data[104:])
    if expected.digest is not None:
        made = digest(data[:104], length, tree.root([tree.leaf(tag) for tag in tags]))
        require(made == expected.digest, "decrypt", "digest")
    return unpad(plaintext, context.padding)


def open_chunks(context, cipher_key, mac_key, first, length, data):
    """The plaintext of chunks from `first` on and their tags; `length` is L of the whole segment."""
    count = length // context.chunk + 1
    reader = Reader(data, "decrypt")
    plaintext, tags, index = [], [], first
    while reader.left():
        require(index < count, "decrypt", "past the end")
        final = index == count - 1
        ciphertext = reader.take(length % context.chunk if final else context.chunk)
        tag = reader.take(context.tag)
        require(same(chunk_tag(context, mac_key, index, final, ciphertext), tag), "decrypt", "tag of a chunk")
        plaintext.append(counter_mode(cipher_key, ciphertext, block_of(context, index)))
        tags.append(tag)
        index += 1
    return b"".join(plaintext), tags


def open_range(header, expected, secret, first, proof, chunks):
    """A run of chunks, proven alone (§9.4)."""
    context, commitment = parse_header(header)
    check_context(context, expected)
    hashes = tree.parse_proof(proof)
    cipher_key, mac_key = open_keys(context, commitment, secret)
    plaintext, tags = open_chunks(context, cipher_key, mac_key, first, expected.length, chunks)
    require(tags, "decrypt", "no chunk")
    count = expected.length // context.chunk + 1
    root = tree.proven_root(count, first, [tree.leaf(tag) for tag in tags], hashes)
    require(digest(header, expected.length, root) == expected.digest, "decrypt", "digest")
    return plaintext


def padme(length):
    """`length` rounded up by Padmé."""
    exponent = length.bit_length() - 1
    # ⌊log2 E⌋ + 1 is the number of bits of E.
    step = 1 << exponent - exponent.bit_length()
    return -(-length // step) * step


def padded_length(length, padding):
    return {0: length, 1: -(-(length + 8) // 1024) * 1024, 2: padme(length + 8)}[padding]


def pad(data, padding):
    if padding == 0:
        return data
    zeros = padded_length(len(data), padding) - len(data) - 8
    return data + bytes(zeros) + u64(len(data))


def unpad(plaintext, padding):
    if padding == 0:
        return plaintext
    require(len(plaintext) >= 8, "malformed", "padding")
    length = int.from_bytes(plaintext[-8:], "big")
    require(length <= len(plaintext) - 8 and padded_length(length, padding) == len(plaintext), "malformed", "padded length")
    require(not any(plaintext[length:-8]), "malformed", "padding is not zero")
    return plaintext[:length]
