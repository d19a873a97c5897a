"""Login and retrieval proofs, and signed requests (§5)."""

from .. import proofs
from ..primitives import sign, signing_public
from ..reading import prefixed
from .collection import flipped, seeded
from .people import START, Person

ORIGIN = "https://absio.example:8443"


def build(kit):
    person = Person("alice").rotate(START + 1000)
    common = {"user": person.user, "time": START + 5000, "origin": ORIGIN}
    cards = {"key-index": 2, "cards": b"".join(prefixed(card) for card in person.encoded())}
    nonces = {
        "api-key": seeded("api key", 16), "client-nonce": seeded("client nonce"), "server-nonce": seeded("server nonce", 24),
    }
    login(kit, person, {**common, **cards, **nonces})
    retrieval(kit, person, {**common, **nonces})
    request(kit, person, {**common, **cards})


def times(kit, good, slug):
    kit.fault(good, f"{slug}-time", "another time", "signature_invalid", time=START + 5001)
    kit.fault(good, f"{slug}-origin", "another origin", "signature_invalid", origin="https://absio.example")
    kit.flips(good, slug, [("r", 0, "signature_invalid"), ("s", 33, "signature_invalid")])


def nonces(kit, good, slug):
    kit.fault(good, f"{slug}-api-key", "another API key", "signature_invalid", api_key=seeded("x", 16))
    kit.fault(good, f"{slug}-client-nonce", "another nonce of the client", "signature_invalid", client_nonce=seeded("x"))
    kit.fault(good, f"{slug}-server-nonce", "another nonce of the server", "signature_invalid", server_nonce=seeded("x", 24))
    moved = good.inputs["server-nonce"] + "00"
    kit.fault(good, f"{slug}-server-nonce-longer", "a longer nonce of the server", "signature_invalid", server_nonce=moved)


def keys(kit, good, slug, person):
    kit.fault(good, f"{slug}-retired-key", "the index of a retired key", "key_not_valid", key_index=1)
    kit.fault(good, f"{slug}-no-key", "the index of no key", "key_not_valid", key_index=3)
    kit.fault(good, f"{slug}-another-user", "another user", "key_not_valid", user=Person("carol").user)
    closed = Person("alice").rotate(START + 1000).close(START + 2000)
    cards = b"".join(prefixed(card) for card in closed.encoded())
    kit.fault(good, f"{slug}-closed", "a user whose chain is closed", "key_not_valid", cards=cards)


def login(kit, person, inputs):
    payload = proofs.login_payload(
        person.user, 2, inputs["api-key"], inputs["time"], inputs["client-nonce"], inputs["server-nonce"], ORIGIN.encode()
    )
    good = kit.add("login-proof", "right", "a login proof", person.sign("login", payload), inputs)
    short = {**inputs, "server-nonce": b""}
    payload = proofs.login_payload(person.user, 2, inputs["api-key"], inputs["time"], inputs["client-nonce"], b"", ORIGIN.encode())
    kit.add("login-proof", "empty-nonce", "a login proof over an empty nonce", person.sign("login", payload), short)
    times(kit, good, "fault")
    nonces(kit, good, "fault")
    keys(kit, good, "fault", person)
    kit.fault(good, "purpose", "signed for another purpose", "signature_invalid", person.sign("retrieval", payload))


def retrieval(kit, person, inputs):
    seed = seeded("retrieval seed")
    payload = proofs.retrieval_payload(
        person.user, inputs["api-key"], inputs["time"], inputs["client-nonce"], inputs["server-nonce"], ORIGIN.encode()
    )
    inputs = {**inputs, "public": signing_public(seed)}
    good = kit.add("retrieval-proof", "right", "a retrieval proof", sign(seed, "retrieval", payload), inputs)
    times(kit, good, "fault")
    nonces(kit, good, "fault")
    kit.fault(good, "another-user", "another user", "signature_invalid", user=Person("carol").user)
    kit.fault(good, "another-key", "another retrieval key", "signature_invalid", public=signing_public(seeded("x")))
    kit.fault(good, "weak-key", "a retrieval key of small order", "weak_key", public=bytes(32))
    kit.fault(good, "purpose", "signed for another purpose", "signature_invalid", sign(seed, "login", payload))


def request(kit, person, inputs):
    inputs = {
        **inputs, "idempotency-key": seeded("idempotency", 16), "method": "PUT", "path": "/v1/key-file?dry=0",
        "body": b"the body",
    }

    def signed(body):
        payload = proofs.request_payload(
            person.user, 2, inputs["idempotency-key"], inputs["time"], body, b"PUT", inputs["path"].encode(), ORIGIN.encode()
        )
        return person.sign("request", payload)

    good = kit.add("signed-request", "right", "a signed request", signed(b"the body"), inputs)
    kit.add("signed-request", "no-body", "a signed request without a body", signed(b""), {**inputs, "body": b""})
    times(kit, good, "fault")
    keys(kit, good, "fault", person)
    kit.fault(good, "method", "another method", "signature_invalid", method="POST")
    kit.fault(good, "path", "another path", "signature_invalid", path="/v1/key-file?dry=1")
    kit.fault(good, "body", "another body", "signature_invalid", body=flipped(b"the body", 0))
    kit.fault(good, "idempotency-key", "another idempotency key", "signature_invalid", idempotency_key=seeded("x", 16))
