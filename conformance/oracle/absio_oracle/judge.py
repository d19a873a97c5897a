"""What each kind of case is opened with, and what it releases (`docs/vectors/kit/README.md`)."""

from . import (
    bundle, container, export, history, journal, key_blob, key_file, manifest, message, proofs, records, segment, store, tree,
)
from .card import parse_card, verify_chain
from .primitives import uuid8
from .reading import Reader, prefixed, require, split_prefixed, u64


def card_chain(case):
    chain = verify_chain(case.bytes("user"), split_prefixed(case.data))
    return chain.cards[-1].hash()


def key_file_case(case):
    secret = {name: case.bytes(name).decode() for name in ("password", "passphrase") if case.has(name)}
    _, body = key_file.open_file(case.data, case.bytes("user"), **secret)
    return prefixed(body.reminder) + prefixed(body.origin) + body.api_key + body.store_secret


def login_proof(case):
    payload = proofs.login_payload(
        case.bytes("user"), case.number("key-index"), case.bytes("api-key"), case.number("time"),
        case.bytes("client-nonce"), case.bytes("server-nonce"), case.text("origin").encode(),
    )
    by_active_key(case, "login", payload)
    return payload


def signed_request(case):
    payload = proofs.request_payload(
        case.bytes("user"), case.number("key-index"), case.bytes("idempotency-key"), case.number("time"),
        case.bytes("body"), case.text("method").encode(), case.text("path").encode(), case.text("origin").encode(),
    )
    by_active_key(case, "request", payload)
    return payload


def by_active_key(case, purpose, payload):
    chain = chain_of(case.list("cards"))
    proofs.check_by_active_key(chain, case.bytes("user"), case.number("key-index"), purpose, payload, case.data)


def chain_of(cards):
    """The chain of whoever these cards are of."""
    return verify_chain(uuid8(parse_card(cards[0]).hash()), cards)


def retrieval_proof(case):
    payload = proofs.retrieval_payload(
        case.bytes("user"), case.bytes("api-key"), case.number("time"), case.bytes("client-nonce"),
        case.bytes("server-nonce"), case.text("origin").encode(),
    )
    proofs.check_retrieval(case.bytes("public"), payload, case.data)
    return payload


def container_id(case):
    require(len(case.data) == 16, "malformed", "length of an id")
    key_blob.check_container_id(case.data, case.bytes("creator"), case.bytes("salt"))
    return case.data


def container_keys(case):
    keys = key_blob.parse_container_keys(case.data)
    return keys.header + keys.content


def blob_context(case):
    return key_blob.BlobContext(
        case.bytes("container"), case.number("header-epoch"), case.number("content-epoch"), case.bytes("sender"),
        case.number("sender-index"), case.bytes("sender-public"), case.bytes("recipient"),
        case.number("recipient-index"), case.bytes("recipient-public"),
    )


def key_blob_case(case):
    keys = key_blob.open_blob(case.data, blob_context(case), case.bytes("recipient-secret"), case.bytes("blob-hash"))
    return keys.header + keys.content


def message_case(case):
    return message.open_message(case.data, case.bytes("sender-public"), case.bytes("recipient-secret"))[1]


def expected_segment(case):
    return segment.Expected(
        case.number("segment-kind"), case.bytes("container"), case.number("epoch"), case.number("length"),
        case.bytes("digest"),
    )


def segment_case(case):
    return segment.open_segment(case.data, expected_segment(case), case.bytes("secret"))


def range_case(case):
    """The proof is in front of the chunks, as a broker sends them (§14.5)."""
    reader = Reader(case.data)
    proof = tree.take_proof(reader)
    return segment.open_range(
        case.bytes("header"), expected_segment(case), case.bytes("secret"), case.number("first"),
        tree.encode_proof(proof), reader.rest(),
    )


def padding(case):
    return segment.unpad(case.data, case.number("padding"))


def header_json(case):
    container.check_json(case.data)
    return case.data


def container_data(case):
    keys = key_blob.parse_container_keys(case.bytes("keys"))
    header, content = container.open_container(case.data, keys, case.bytes("container"))
    return prefixed(header or b"") + (content or b"")


def access_entry(case):
    return manifest.parse_entry(case.data).hash()


def view(case):
    return manifest.parse_view(case.data).manifest.hash()


def type_opening(case):
    return manifest.open_type(case.data, case.bytes("container"), case.bytes("commitment"))


def chains_of(case):
    chains = {}
    for cards in case.list("cards"):
        chain = chain_of(split_prefixed(cards))
        chains[chain.user] = chain
    return chains


def revisions(case):
    head = history.believe(
        case.bytes("container"), split_prefixed(case.data), chains_of(case), case.number("now"), pin_of(case)
    )
    return u64(head.manifest.revision) + head.manifest.hash()


def pin_of(case):
    if not case.has("pin-revision"):
        return None
    return history.Pin(case.number("pin-revision"), case.bytes("pin-hash"), bool(case.number("pin-tombstone")))


def tombstone(case):
    chains, now = chains_of(case), case.number("now")
    last = history.believe(case.bytes("container"), case.list("views"), chains, now)
    history.check_tombstone(case.data, last, chains, now)
    return case.data


def bundle_case(case):
    return b"".join(data for _, data in bundle.parse(case.data))


def partition_of(case):
    return store.partition(case.bytes("store-secret"), case.bytes("user"))


def store_record(case):
    partition = partition_of(case)
    name = partition.record_name(case.number("record-kind"), case.bytes("id"))
    return partition.open(store.RECORD, name, case.data)[1]


def store_anchor(case):
    partition = partition_of(case)
    return partition.open(store.ANCHOR, partition.anchor_cell(case.number("anchor")), case.data)[1]


def store_envelope(case):
    return records.open_envelope(partition_of(case), case.bytes("blob"), case.data)


def record_form(case):
    records.check_record(case.number("record-kind"), case.data)
    return case.data


def key_file_at_rest(case):
    return store.read_at_rest(case.bytes("salt"), case.bytes("user"), case.data)


def salt_cell(case):
    return store.read_salt_cell(case.data)


def export_case(case):
    export.check(case.data, partition_of(case), case.bytes("user"))
    return case.data


def journal_case(case):
    _, roots = journal.open_journal(case.data, partition_of(case))
    return b"".join(roots)


KINDS = {
    "card-chain": card_chain, "key-file": key_file_case, "login-proof": login_proof, "signed-request": signed_request,
    "retrieval-proof": retrieval_proof, "container-id": container_id, "container-keys": container_keys,
    "key-blob": key_blob_case, "message": message_case, "segment": segment_case, "range": range_case,
    "padding": padding, "header-json": header_json, "container-data": container_data, "access-entry": access_entry,
    "view": view, "type-opening": type_opening, "revisions": revisions, "tombstone": tombstone,
    "bundle": bundle_case, "store-record": store_record, "store-anchor": store_anchor,
    "store-envelope": store_envelope, "record-form": record_form, "key-file-at-rest": key_file_at_rest,
    "salt-cell": salt_cell, "export": export_case, "journal": journal_case,
}


def judge(case):
    """What the case releases; refused as its object is."""
    return KINDS[case.kind](case)
