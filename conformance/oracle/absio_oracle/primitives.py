"""The constructions of §2.2 and the encodings of §1."""

import functools
import hashlib
import hmac
import unicodedata
import uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from . import curve
from .reading import Refused, require

NS = b"absio/v1/"
SUITE = 1
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def sha(data):
    return hashlib.sha384(data).digest()


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.digest(key, data, "sha384")


def same(left, right):
    return hmac.compare_digest(left, right)


def labelled(label, data):
    """*H(label, x)*."""
    return sha(NS + label.encode() + b"\0" + data)


def extract(label, ikm):
    return mac(labelled(label, b""), ikm)


def expand(prk, label, context, length):
    info = NS + label.encode() + b"\0" + context
    return HKDFExpand(algorithm=hashes.SHA384(), length=length, info=info).derive(prk)


# Cases share secrets and salts, and a stretch takes a tenth of a second or more.
@functools.lru_cache(maxsize=None)
def stretched(secret, salt, iterations):
    """PBKDF2-HMAC-SHA-384 to 48 bytes; the secret is text, brought to NFC."""
    return hashlib.pbkdf2_hmac("sha384", normal(secret), salt, iterations, 48)


def normal(text):
    return unicodedata.normalize("NFC", text).encode()


def counter_mode(key, data, block=0):
    """AES-256-CTR from counter block `block`, one 128-bit big-endian number."""
    return Cipher(algorithms.AES(key), modes.CTR(block.to_bytes(16, "big"))).encryptor().update(data)


def wrap(keys, clear, plaintext):
    """*Wrap(keys, clear, plaintext)*."""
    ciphertext = counter_mode(keys[:32], plaintext)
    return ciphertext + mac(keys[32:], clear + ciphertext)


def unwrap(keys, clear, wrapped, code):
    """What *Wrap* sealed; refused with `code` if the tag does not hold."""
    require(len(wrapped) >= 48, code, "shorter than a tag")
    ciphertext, tag = wrapped[:-48], wrapped[-48:]
    require(same(mac(keys[32:], clear + ciphertext), tag), code, "tag")
    return counter_mode(keys[:32], ciphertext)


def sign(seed, purpose, payload):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(signed_text(purpose, payload))


def signed_text(purpose, payload):
    return NS + b"sig/" + purpose.encode() + b"\0" + payload


def check_signature(public, purpose, payload, signature, code="signature_invalid"):
    require(curve.verifies(public, signed_text(purpose, payload), signature), code, "signature")


def signing_public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def derivation_public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def shared_secret(secret, public, code):
    """X25519; a shared secret that is all zero is refused."""
    try:
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise Refused(code, "all-zero shared secret") from error
    require(shared != bytes(32), code, "all-zero shared secret")
    return shared


def uuid8(digest):
    """*UUIDv8(d)*."""
    made = bytearray(digest[:16])
    made[6] = made[6] & 0x0F | 0x80
    made[8] = made[8] & 0x3F | 0x80
    return bytes(made)


def id_text(id_bytes):
    return str(uuid.UUID(bytes=id_bytes))


def id_bytes(text):
    return uuid.UUID(text).bytes


def crockford(digest, characters):
    """*Crockford(d, n)*."""
    bits = int.from_bytes(digest, "big") >> (8 * len(digest) - 5 * characters)
    return "".join(CROCKFORD[bits >> 5 * place & 31] for place in reversed(range(characters)))


def check_suite(suite):
    require(suite == SUITE, "unknown_algorithm", "suite")
