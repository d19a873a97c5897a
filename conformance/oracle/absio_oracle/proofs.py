"""Login proof, retrieval proof and signed request (§5)."""

from . import curve
from .card import SIGN
from .primitives import check_signature, labelled, stretched
from .reading import prefixed, require, u32, u64

RETRIEVAL_ITERATIONS = 600_000


def login_payload(user, index, api_key, time, client_nonce, server_nonce, origin):
    return user + u32(index) + api_key + u64(time) + client_nonce + prefixed(server_nonce) + prefixed(origin)


def retrieval_payload(user, api_key, time, client_nonce, server_nonce, origin):
    return user + api_key + u64(time) + client_nonce + prefixed(server_nonce) + prefixed(origin)


def request_payload(user, index, idempotency_key, time, body, method, path, origin):
    head = user + u32(index) + idempotency_key + u64(time) + labelled("request-body", body)
    return head + prefixed(method) + prefixed(path) + prefixed(origin)


def retrieval_seed(passphrase, user, origin):
    """The seed of the retrieval key (§5.2)."""
    return stretched(passphrase, labelled("retrieval", origin + user), RETRIEVAL_ITERATIONS)[:32]


def check_by_active_key(chain, user, index, purpose, payload, signature):
    """A login proof or signed request: only the active key of the user's latest card counts (§3.4)."""
    key = chain.active(SIGN)
    require(chain.user == user and key is not None and key.index == index, "key_not_valid")
    check_signature(key.public, purpose, payload, signature)


def check_retrieval(public, payload, signature):
    curve.check_ed25519(public)
    check_signature(public, "retrieval", payload, signature)
