"""The tree of RFC 6962 over SHA-384, and range proofs (§9.4)."""

from .primitives import sha
from .reading import Reader, require, u8

HASHES = 66


def leaf(data):
    return sha(b"\0" + data)


def node(left, right):
    return sha(b"\1" + left + right)


def split(count):
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def root(hashes):
    """The root over leaf hashes."""
    if len(hashes) == 1:
        return hashes[0]
    at = split(len(hashes))
    return node(root(hashes[:at]), root(hashes[at:]))


def prove(hashes, first, end):
    """The hashes of a proof for leaves `first` to `end` − 1."""
    if first <= 0 and end >= len(hashes):
        return []
    if end <= 0 or first >= len(hashes):
        return [root(hashes)]
    at = split(len(hashes))
    return prove(hashes[:at], first, end) + prove(hashes[at:], first - at, end - at)


def encode_proof(hashes):
    return u8(len(hashes)) + b"".join(hashes)


def take_proof(reader):
    """A proof from the front of `reader`."""
    count = reader.u8()
    require(count <= HASHES, "malformed", "more hashes than any tree has")
    return [reader.take(48) for _ in range(count)]


def parse_proof(data):
    reader = Reader(data)
    hashes = take_proof(reader)
    reader.end()
    return hashes


def proven_root(count, first, leaves, proof):
    """The root that `leaves`, from leaf `first` on, and `proof` make in a tree of `count`; every hash is used once."""
    left = list(proof)
    made = climb(0, count, first, leaves, left)
    require(not left, "decrypt", "a hash too many")
    return made


def climb(start, count, first, leaves, proof):
    end = first + len(leaves)
    if end <= start or first >= start + count:
        require(proof, "decrypt", "a hash missing")
        return proof.pop(0)
    if count == 1:
        return leaves[start - first]
    at = split(count)
    left = climb(start, at, first, leaves, proof)
    return node(left, climb(start + at, count - at, first, leaves, proof))
