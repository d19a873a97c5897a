"""The key file `KEYF` (§4)."""

from dataclasses import dataclass

from .card import DERIVE, SIGN, ascending, verify_chain
from .primitives import (
    SUITE, check_suite, derivation_public, expand, extract, labelled, sha256, signing_public, stretched, unwrap, wrap,
)
from .reading import Reader, prefixed, require, u16, u32, u64, utf8

PREFIX = 294
LIMIT = 262_144
FLOOR, CEILING = 210_000, 10_000_000
PASSWORD = ("password-wrap", "key/password-wrap")
PASSPHRASE = ("passphrase-wrap", "key/passphrase-wrap")


@dataclass
class Body:
    reminder: bytes
    origin: bytes
    api_key: bytes
    store_secret: bytes
    signing: list
    derivation: list
    cards: list

    def encode(self):
        parts = [prefixed(self.reminder), prefixed(self.origin), self.api_key, self.store_secret]
        for seeds in (self.signing, self.derivation):
            parts += [u32(len(seeds))] + [u32(index) + seed for index, seed in seeds]
        parts += [u32(len(self.cards))] + [prefixed(card) for card in self.cards]
        return b"".join(parts)


@dataclass
class KeyFile:
    user: bytes
    generation: int
    password_iterations: int
    password_salt: bytes
    password_wrap: bytes
    passphrase_iterations: int
    passphrase_salt: bytes
    passphrase_wrap: bytes
    file_salt: bytes
    rest: bytes

    def prefix(self):
        return b"".join([
            b"KEYF", u16(SUITE), self.user, u64(self.generation),
            u32(self.password_iterations), self.password_salt, self.password_wrap,
            u32(self.passphrase_iterations), self.passphrase_salt, self.passphrase_wrap, self.file_salt,
        ])

    def encode(self):
        return self.prefix() + self.rest


def wrap_keys(labels, user, iterations, salt, secret):
    """The keys of a wrap (§4.2)."""
    context = u16(SUITE) + user + u32(iterations) + salt
    stretch = stretched(secret, labelled(labels[0], context), iterations)
    return expand(extract("keyfile", stretch), labels[1], context, 80)


def body_keys(file_key, user, generation, file_salt):
    context = u16(SUITE) + user + u64(generation) + file_salt
    return expand(extract("keyfile", file_key), "key/keyfile-body", context, 80)


def seal(user, generation, file_key, password, passphrase, salts, body, iterations=FLOOR):
    """A key file; `salts` are those of password, passphrase and file, `body` is encoded."""
    password_wrap = wrap(wrap_keys(PASSWORD, user, iterations, salts[0], password), b"", file_key)
    passphrase_wrap = wrap(wrap_keys(PASSPHRASE, user, iterations, salts[1], passphrase), b"", file_key)
    file = KeyFile(user, generation, iterations, salts[0], password_wrap, iterations, salts[1], passphrase_wrap, salts[2], b"")
    return close_body(file, file_key, body)


def close_body(file, file_key, body):
    file.rest = wrap(body_keys(file_key, file.user, file.generation, file.file_salt), file.prefix(), body)
    return file


def parse(data):
    """Step 1 of §4.5."""
    require(PREFIX + 48 <= len(data) <= LIMIT, "malformed", "length")
    reader = Reader(data)
    reader.magic(b"KEYF")
    check_suite(reader.u16())
    file = KeyFile(
        reader.take(16), reader.u64(), reader.u32(), reader.take(32), reader.take(80),
        reader.u32(), reader.take(32), reader.take(80), reader.take(32), reader.rest(),
    )
    require(file.generation != 0, "malformed", "generation 0")
    return file


def open_file(data, user, password=None, passphrase=None):
    """Steps 1 to 7; the body as it is in the file, and the parsed one."""
    file = parse(data)
    require(file.user == user, "key_file_invalid", "user")
    for iterations in (file.password_iterations, file.passphrase_iterations):
        require(FLOOR <= iterations <= CEILING, "kdf_out_of_range")
    if password is not None:
        keys = wrap_keys(PASSWORD, user, file.password_iterations, file.password_salt, password)
        file_key = unwrap(keys, b"", file.password_wrap, "wrong_password")
    else:
        keys = wrap_keys(PASSPHRASE, user, file.passphrase_iterations, file.passphrase_salt, passphrase)
        file_key = unwrap(keys, b"", file.passphrase_wrap, "wrong_passphrase")
    keys = body_keys(file_key, user, file.generation, file.file_salt)
    encoded = unwrap(keys, file.prefix(), file.rest, "key_file_invalid")
    body = parse_body(encoded)
    check_body(body, user)
    return encoded, body


def parse_body(data):
    reader = Reader(data)
    reminder, origin = reader.prefixed(1024), reader.prefixed(512)
    utf8(reminder)
    utf8(origin)
    api_key, store_secret = reader.take(16), reader.take(32)
    seeds = []
    for _ in range(2):
        members = []
        for _ in range(reader.u32()):
            members.append((reader.u32(), reader.take(32)))
        ascending([index for index, _ in members])
        seeds.append(members)
    count = reader.u32()
    # A body without a card is well formed; the rules of the chain refuse it.
    require(count <= 1024, "malformed", "number of cards")
    cards = [reader.prefixed() for _ in range(count)]
    reader.end()
    return Body(reminder, origin, api_key, store_secret, seeds[0], seeds[1], cards)


def check_body(body, user):
    """What §4.3 asks of cards and seeds."""
    chain = verify_chain(user, body.cards)
    require(not chain.closed, "own_identity_mismatch", "closed")
    for kind, seeds, public in ((SIGN, body.signing, signing_public), (DERIVE, body.derivation, derivation_public)):
        for index, seed in seeds:
            key = chain.key(kind, index)
            require(key is not None and key.public == public(seed), "own_identity_mismatch", "seed")
        require(chain.active(kind).index in dict(seeds), "own_identity_mismatch", "no seed of the active key")


def checksum(data):
    return sha256(data)
