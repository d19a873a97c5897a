"""Sealed messages `MSG1` (§8)."""

from dataclasses import dataclass

from . import curve
from .key_blob import encapsulated_keys
from .primitives import SUITE, check_signature, check_suite, derivation_public, shared_secret, sign, unwrap, wrap
from .reading import Reader, require, u16, u32, u64

LABELS = ("message", "key/message")
LIMIT = 2**20


@dataclass(frozen=True)
class Envelope:
    sender: bytes
    sender_index: int
    recipient: bytes
    recipient_index: int
    subject: bytes
    sent_at: int

    def clear(self, enc, length):
        return b"".join([
            b"MSG1", u16(SUITE), self.sender, u32(self.sender_index), self.recipient, u32(self.recipient_index),
            self.subject, u64(self.sent_at), enc, u32(length),
        ])


def seal(envelope, sender_seed, sender_public, recipient_public, ephemeral_secret, plaintext):
    enc = derivation_public(ephemeral_secret)
    clear = envelope.clear(enc, len(plaintext))
    shared = shared_secret(ephemeral_secret, recipient_public, "decrypt")
    keys = encapsulated_keys(LABELS, shared, enc, recipient_public, clear, sender_public)
    unsigned = clear + wrap(keys, clear, plaintext)
    return unsigned + sign(sender_seed, "message", unsigned)


def parse(data):
    """The envelope, `enc` and the wrapped plaintext."""
    reader = Reader(data)
    reader.magic(b"MSG1")
    check_suite(reader.u16())
    envelope = Envelope(reader.take(16), reader.u32(), reader.take(16), reader.u32(), reader.take(16), reader.u64())
    enc, length = reader.take(32), reader.u32()
    require(length <= LIMIT, "malformed", "length")
    wrapped = reader.take(length + 48)
    reader.take(64)
    reader.end()
    return envelope, enc, wrapped


def open_message(data, sender_public, recipient_secret):
    """Form, signature, plaintext; in this order."""
    envelope, enc, wrapped = parse(data)
    check_signature(sender_public, "message", data[:-64], data[-64:])
    require(curve.good_x25519(enc), "decrypt", "enc")
    shared = shared_secret(recipient_secret, enc, "decrypt")
    recipient_public = derivation_public(recipient_secret)
    keys = encapsulated_keys(LABELS, shared, enc, recipient_public, data[:106], sender_public)
    return envelope, unwrap(keys, data[:106], wrapped, "decrypt")
