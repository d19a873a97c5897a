"""Key files (§4), also as they rest on a device (§18.3)."""

from dataclasses import replace

from .. import key_file, store
from .collection import put, seeded
from .people import START, Person

PASSWORD = "Pass-wörd of the kit 1"
PASSPHRASE = "correct Horse battery 5 staple"
ORIGIN = b"https://absio.example:8443"


def body_of(person):
    return key_file.Body(
        "what the horse said 🐎".encode(), ORIGIN, seeded("api key", 16), seeded("store secret"),
        sorted(person.signing.items()), sorted(person.derivation.items()), person.encoded(),
    )


def salts(name):
    return [seeded(f"{name} {which} salt") for which in ("password", "passphrase", "file")]


def sealed(person, body=None, generation=1, file_salt="first"):
    three = salts("key file")[:2] + [seeded(f"{file_salt} file salt")]
    body = body_of(person).encode() if body is None else body
    return key_file.seal(person.user, generation, seeded("file key"), PASSWORD, PASSPHRASE, three, body).encode()


def owner():
    return Person("bob").rotate(START + 1000)


def build(kit):
    person = owner()
    file = sealed(person)
    door = {"user": person.user, "password": PASSWORD.encode()}
    good = kit.add("key-file", "password", "opened with the password", file, door)
    by_phrase = kit.add(
        "key-file", "passphrase", "opened with the passphrase", file,
        {"user": person.user, "passphrase": PASSPHRASE.encode()},
    )
    kit.add("key-file", "again", "written again", sealed(person, generation=7, file_salt="second"), door)
    decomposed = PASSWORD.replace("ö", "o\u0308").encode()
    kit.add("key-file", "decomposed", "the password is given in another normalisation form", file, {**door, "password": decomposed})
    empty = replace(body_of(person), reminder=b"")
    kit.add("key-file", "no-reminder", "an empty reminder", sealed(person, empty.encode()), door)
    prefixes(kit, good, by_phrase, person)
    bodies(kit, good, person)
    at_rest(kit, person, file)


def prefixes(kit, good, by_phrase, person):
    file = good.data
    kit.flips(good, "field", [
        ("magic", 0, "malformed"), ("suite", 5, "unknown_algorithm"), ("user", 6, "key_file_invalid"),
        ("generation", 28, "key_file_invalid"), ("password-salt", 34, "wrong_password"),
        ("password-wrap", 66, "wrong_password"), ("password-wrap-tag", 145, "wrong_password"),
        ("passphrase-salt", 150, "key_file_invalid"), ("passphrase-wrap", 182, "key_file_invalid"),
        ("file-salt", 262, "key_file_invalid"), ("body", 294, "key_file_invalid"), ("tag", -1, "key_file_invalid"),
    ])
    kit.lengths(good, "file", "key_file_invalid", "key_file_invalid")

    def iterations(slug, at, count, expect):
        kit.fault(good, slug, f"{count} iterations at byte {at}", expect, put(file, at, count.to_bytes(4, "big")))

    iterations("password-floor", 30, 209_999, "kdf_out_of_range")
    iterations("password-ceiling", 30, 10_000_001, "kdf_out_of_range")
    iterations("password-none", 30, 0, "kdf_out_of_range")
    iterations("password-one", 30, 1, "kdf_out_of_range")
    iterations("passphrase-floor", 146, 209_999, "kdf_out_of_range")
    iterations("passphrase-maximum", 146, 2**32 - 1, "kdf_out_of_range")
    kit.fault(good, "generation-0", "generation 0", "malformed", put(file, 22, bytes(8)))
    kit.fault(good, "short", "shorter than prefix and tag", "malformed", file[:341])
    kit.fault(good, "empty", "no byte at all", "malformed", b"")
    kit.fault(good, "another-user", "another user is asked for", "key_file_invalid", user=Person("carol").user)
    kit.fault(good, "wrong-password", "a wrong password", "wrong_password", password=b"pass-word")
    kit.fault(good, "passphrase-as-password", "the passphrase as password", "wrong_password", password=PASSPHRASE.encode())
    kit.fault(by_phrase, "wrong-passphrase", "a wrong passphrase", "wrong_passphrase", passphrase=b"incorrect")
    wraps = file[:30] + file[146:262] + file[30:146] + file[262:]
    kit.fault(good, "wraps-exchanged", "the two wraps are exchanged", "wrong_password", wraps)
    again = sealed(person, generation=7, file_salt="second")
    kit.fault(good, "spliced", "prefix of one write, body of another", "key_file_invalid", file[:294] + again[294:])


def bodies(kit, good, person):
    """Bodies that are sealed rightly and wrong in themselves."""
    body = body_of(person)

    def wrong(slug, comment, expect, **changes):
        kit.fault(good, f"body-{slug}", comment, expect, sealed(person, replace(body, **changes).encode()))

    wrong("signing-seed", "a signing seed of another key", "own_identity_mismatch", signing=[(1, seeded("x")), body.signing[1]])
    wrong("derivation-seed", "a derivation seed of another key", "own_identity_mismatch", derivation=[body.derivation[0], (2, seeded("x"))])
    wrong("no-active-seed", "no seed of the active signing key", "own_identity_mismatch", signing=body.signing[:1])
    wrong("no-derivation-seed", "no derivation seed", "own_identity_mismatch", derivation=[])
    wrong("extra-seed", "a seed of a key that is on no card", "own_identity_mismatch", derivation=[*body.derivation, (3, seeded("x"))])
    wrong("seeds-descend", "seeds in the wrong order", "malformed", signing=body.signing[::-1])
    wrong("seed-twice", "a seed twice", "malformed", signing=[body.signing[0], *body.signing])
    wrong("another-users-cards", "another user's cards", "identity_mismatch", cards=Person("carol").encoded())
    wrong("no-card", "no card", "card_chain_invalid", cards=[])
    wrong("cards-swapped", "cards in the wrong order", "card_chain_invalid", cards=body.cards[::-1])
    wrong("card-cut", "a card that ends early", "malformed", cards=[body.cards[0], body.cards[1][:-1]])
    wrong("reminder-long", "a reminder over its limit", "malformed", reminder=b"x" * 1025)
    wrong("reminder-not-utf8", "a reminder that is not UTF-8", "malformed", reminder=b"\xff")
    wrong("origin-long", "an origin over its limit", "malformed", origin=b"https://" + b"x" * 505)
    encoded = body.encode()
    for slug, comment, data in (
        ("empty", "an empty body", b""),
        ("cut", "a body that ends early", encoded[:-1]),
        ("appended", "a byte behind the body's end", encoded + b"\0"),
    ):
        kit.fault(good, f"body-{slug}", comment, "malformed", sealed(person, data))
    closed = owner().close(START + 2000)
    closed_body = body_of(closed)
    kit.fault(good, "body-closed", "a chain that is closed", "own_identity_mismatch", sealed(closed, closed_body.encode()))


def at_rest(kit, person, file):
    salt = seeded("root salt")
    content = store.at_rest(salt, person.user, file)
    good = kit.add("key-file-at-rest", "whole", "a cell of the key file", content, {"user": person.user, "salt": salt})
    kit.flips(good, "field", [("masked", 0, "degraded"), ("rest", 200, "degraded"), ("checksum", -1, "degraded")])
    kit.lengths(good, "cell", "degraded", "degraded")
    torn = content[:400] + bytes(len(content) - 400)
    kit.fault(good, "torn", "the write of the cell was torn", "degraded", torn)
    good = kit.add("salt-cell", "whole", "the cell of a root's salt", store.salt_cell(salt), {})
    kit.flips(good, "field", [("salt", 0, "degraded"), ("checksum", -1, "degraded")])
    kit.lengths(good, "cell", "degraded", "degraded")
    kit.fault(good, "zeros", "a cell of zeros", "degraded", bytes(64))
