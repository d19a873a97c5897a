"""Container ids (§6), container keys `CKY1` and key blobs `KBL1` (§7)."""

from dataclasses import dataclass

from . import curve
from .primitives import (
    SUITE, derivation_public, expand, extract, labelled, shared_secret, unwrap, uuid8, wrap,
)
from .reading import Reader, require, u16, u32, u64, u8


def container_id(creator, salt):
    return uuid8(labelled("containerid", creator + salt))


def check_container_id(expected, creator, salt):
    require(container_id(creator, salt) == expected, "foreign_container_id")


@dataclass(frozen=True)
class ContainerKeys:
    mac_index: int
    header: bytes
    content: bytes

    def encode(self):
        return b"CKY1" + u8(0) + u8(self.mac_index) + self.header + self.content


def check_indexes(cipher_index, mac_index, code="unknown_algorithm"):
    require(cipher_index == 0 and mac_index in (0, 1), code, "cipher or MAC")


def parse_container_keys(data):
    reader = Reader(data)
    reader.magic(b"CKY1")
    cipher_index, mac_index = reader.u8(), reader.u8()
    header, content = reader.take(32), reader.take(32)
    reader.end()
    check_indexes(cipher_index, mac_index)
    return ContainerKeys(mac_index, header, content)


@dataclass(frozen=True)
class BlobContext:
    """What an opener knows from manifest, entry and cards."""

    container: bytes
    header_epoch: int
    content_epoch: int
    sender: bytes
    sender_index: int
    sender_public: bytes
    recipient: bytes
    recipient_index: int
    recipient_public: bytes

    def clear(self, cipher_index, mac_index, enc):
        return b"".join([
            b"KBL1", u16(SUITE), u8(cipher_index), u8(mac_index), self.container,
            u64(self.header_epoch), u64(self.content_epoch), self.sender, u32(self.sender_index),
            self.recipient, u32(self.recipient_index), enc,
        ])


def encapsulated_keys(labels, shared, enc, recipient_public, clear, sender_public):
    """The keys of a key blob or of a sealed message."""
    prk = extract(labels[0], shared + enc + recipient_public)
    return expand(prk, labels[1], clear + recipient_public + sender_public, 80)


LABELS = ("keyblob", "key/keyblob")


def seal(context, ephemeral_secret, keys):
    enc = derivation_public(ephemeral_secret)
    clear = context.clear(0, keys.mac_index, enc)
    shared = shared_secret(ephemeral_secret, context.recipient_public, "decrypt")
    derived = encapsulated_keys(LABELS, shared, enc, context.recipient_public, clear, context.sender_public)
    return clear + wrap(derived, clear, keys.header + keys.content)


def blob_hash(blob):
    return labelled("blob", blob)


def open_blob(blob, context, recipient_secret, expected_hash):
    """§7.3, in its order."""
    require(blob_hash(blob) == expected_hash, "manifest_mismatch", "blob hash")
    require(len(blob) == 224, "decrypt", "length")
    cipher_index, mac_index, enc = blob[6], blob[7], blob[80:112]
    check_indexes(cipher_index, mac_index, "decrypt")
    clear = context.clear(cipher_index, mac_index, enc)
    require(blob[:112] == clear, "decrypt", "clear part")
    require(curve.good_x25519(enc), "decrypt", "enc")
    shared = shared_secret(recipient_secret, enc, "decrypt")
    derived = encapsulated_keys(LABELS, shared, enc, context.recipient_public, clear, context.sender_public)
    secrets = unwrap(derived, clear, blob[112:], "decrypt")
    return ContainerKeys(mac_index, secrets[:32], secrets[32:])
