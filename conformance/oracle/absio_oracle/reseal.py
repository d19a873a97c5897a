"""Seals anew what an object of the other implementation holds, for that implementation to read."""

from dataclasses import replace

from . import container, judge, key_blob, message, segment, store
from .card import parse_card
from .primitives import signing_public
from .reading import split_prefixed


def message_again(random, case):
    plaintext = message.open_message(case.data, case.bytes("sender-public"), case.bytes("recipient-secret"))[1]
    seed, secret = random.randbytes(32), case.bytes("recipient-secret")
    public = signing_public(seed)
    envelope = message.Envelope(random.randbytes(16), 1, random.randbytes(16), 2, random.randbytes(16), 5)
    recipient = message.derivation_public(secret)
    data = message.seal(envelope, seed, public, recipient, random.randbytes(32), plaintext)
    return replace(case, data=data, inputs={**case.inputs, "sender-public": public.hex()})


def key_blob_again(random, case):
    context = judge.blob_context(case)
    keys = key_blob.open_blob(case.data, context, case.bytes("recipient-secret"), case.bytes("blob-hash"))
    data = key_blob.seal(context, random.randbytes(32), keys)
    return replace(case, data=data, inputs={**case.inputs, "blob-hash": key_blob.blob_hash(data).hex()})


def segment_again(random, case):
    context, _ = segment.parse_header(case.data[:104])
    plaintext = segment.open_segment(case.data, judge.expected_segment(case), case.bytes("secret"))
    fresh = replace(context, salt=random.randbytes(32), padding=random.randrange(3), chunk_log2=random.choice((12, 13)))
    sealed = segment.seal(fresh, case.bytes("secret"), plaintext)
    inputs = {**case.inputs, "length": str(sealed.length), "digest": sealed.digest.hex()}
    return replace(case, data=sealed.segment, inputs=inputs)


def container_again(random, case):
    keys = key_blob.parse_container_keys(case.bytes("keys"))
    opened = container.open_container(case.data, keys, case.bytes("container"))
    sealed = []
    for kind, secret, plaintext in zip((segment.HEADER, segment.CONTENT), (keys.header, keys.content), opened):
        context = segment.Context(kind, 12, case.bytes("container"), 3, keys.mac_index, 2 - kind, random.randbytes(32))
        sealed.append(b"" if plaintext is None else segment.seal(context, secret, plaintext).segment)
    return replace(case, data=container.encode(*sealed))


def record_again(random, case):
    partition = judge.partition_of(case)
    name = partition.record_name(case.number("record-kind"), case.bytes("id"))
    _, data = partition.open(store.RECORD, name, case.data)
    return replace(case, data=partition.seal(store.RECORD, name, random.randrange(2**40), random.randbytes(32), data))


def anchor_again(random, case):
    partition = judge.partition_of(case)
    cell = partition.anchor_cell(case.number("anchor"))
    _, data = partition.open(store.ANCHOR, cell, case.data)
    return replace(case, data=partition.seal(store.ANCHOR, cell, random.randrange(2**40), random.randbytes(32), data))


def cards_again(random, case):
    """Written again from their fields: there is one encoding."""
    cards = [parse_card(data).encode() for data in split_prefixed(case.data)]
    return replace(case, data=b"".join(judge.prefixed(card) for card in cards))


AGAIN = {
    "message": message_again, "key-blob": key_blob_again, "segment": segment_again, "container-data": container_again,
    "store-record": record_again, "store-anchor": anchor_again, "card-chain": cards_again,
}


def resealed(random, case):
    """The case with its object sealed anew, or None for a kind that only its owner can make."""
    again = AGAIN.get(case.kind)
    return again and again(random, case)
