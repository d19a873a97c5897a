"""Runs the oracle over the published vectors, `docs/vectors/*.json`: `python3 -m absio_oracle.published docs/vectors`."""

import json
import sys
from pathlib import Path

from . import container, history, journal, key_blob, key_file, manifest, message, proofs, segment, store
from .card import DERIVE, SIGN, fingerprint, parse_card, verify_chain
from .primitives import (
    check_signature, derivation_public, id_bytes, id_text, labelled, sign, signing_public, uuid8,
)
from .reading import Refused

unhex = bytes.fromhex


def identity_card(case, _):
    chain = verify_chain(id_bytes(case["user_id"]), [unhex(card) for card in case["cards"]])
    last = chain.cards[-1]
    expect(last.hash().hex(), case["card_hash"])
    expect(last.body().hex(), case["body"])
    expect(last.sequence, case["sequence"])
    expect(chain.closed, case["closed"])
    expect(fingerprint(chain.cards[0]), case["fingerprint"])
    expect([card.encode().hex() for card in chain.cards], case["cards"])
    if not chain.closed:
        expect(chain.active(SIGN).public, signing_public(unhex(case["active_signing_seed"])))
        expect(chain.active(DERIVE).public, derivation_public(unhex(case["active_derivation_seed"])))


def key_blob_json(case, _):
    if case["kind"] == "container_id":
        key_blob.check_container_id(id_bytes(case["container"]), id_bytes(case["creator"]), unhex(case["salt"]))
    elif case["kind"] == "container_keys":
        keys = key_blob.parse_container_keys(unhex(case["bytes"]))
        expect(keys, key_blob.ContainerKeys(case["mac_index"], unhex(case["header_secret"]), unhex(case["content_secret"])))
        expect(keys.encode().hex(), case["bytes"])
    else:
        blob, context = unhex(case["blob"]), blob_context(case)
        # The hash of an invalid case is that of the unaltered blob, and not compared (README of the vectors).
        expected = unhex(case["blob_hash"]) if case["valid"] else key_blob.blob_hash(blob)
        keys = key_blob.open_blob(blob, context, unhex(case["recipient_secret"]), expected)
        expect(keys.encode().hex(), case["keys"])
        expect(key_blob.seal(context, unhex(case["ephemeral_secret"]), keys), blob)


def blob_context(case):
    return key_blob.BlobContext(
        id_bytes(case["container"]), case["header_epoch"], case["content_epoch"],
        id_bytes(case["sender"]), case["sender_index"], unhex(case["sender_public"]),
        id_bytes(case["recipient"]), case["recipient_index"], unhex(case["recipient_public"]),
    )


def key_file_json(case, _):
    data = unhex(case["key_file"])
    encoded, body = key_file.open_file(data, id_bytes(case["user_id"]), case.get("password"), case.get("passphrase"))
    expect(encoded.hex(), case["body"])
    expect(body.encode(), encoded)
    expect(key_file.checksum(data).hex(), case["checksum"])
    again = key_file.seal(
        id_bytes(case["user_id"]), case["generation"], unhex(case["file_key"]), case["password"], case["passphrase"],
        [unhex(case[name]) for name in ("password_salt", "passphrase_salt", "file_salt")], encoded, case["iterations"],
    )
    expect(again.encode(), data)
    key_file.open_file(data, id_bytes(case["user_id"]), passphrase=case["passphrase"])


def labels(case, _):
    if "label" in case:
        expect(labelled(case["label"], unhex(case["input"])).hex(), case["hash"])
    else:
        payload = unhex(case["payload"])
        check_signature(unhex(case["public"]), case["purpose"], payload, unhex(case["signature"]))
        expect(sign(unhex(case["seed"]), case["purpose"], payload).hex(), case["signature"])


def message_json(case, _):
    if case["kind"] == "container":
        keys = key_blob.parse_container_keys(unhex(case["keys"]))
        expected = id_bytes(case["container"]) if "container" in case else None
        header, content = container.open_container(unhex(case["data"]), keys, expected)
        if case["header"] is None:
            expect(header, None)
        else:
            expect(container.check_json(header), container.check_json(json_bytes(case["header"])))
        expect(None if content is None else content.hex(), case["content"])
        return
    envelope, plaintext = message.open_message(
        unhex(case["message"]), unhex(case["sender_public"]), unhex(case["recipient_secret"])
    )
    expect(plaintext.hex(), case["plaintext"])
    again = message.seal(
        envelope, unhex(case["sender_seed"]), unhex(case["sender_public"]),
        derivation_public(unhex(case["recipient_secret"])), unhex(case["ephemeral_secret"]), plaintext,
    )
    expect(again.hex(), case["message"])


def json_bytes(value):
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def proofs_json(case, _):
    user, time, origin = id_bytes(case["user_id"]), case["time"], case["origin"].encode()
    signature = unhex(case["signature"])
    if case["kind"] == "request":
        payload = proofs.request_payload(
            user, case["key_index"], unhex(case["idempotency_key"]), time, unhex(case["body"]), case["method"].encode(),
            case["path_and_query"].encode(), origin,
        )
    else:
        nonces = unhex(case["client_nonce"]), unhex(case["server_nonce"])
        api_key = id_bytes(case["api_key"])
        if case["kind"] == "retrieval":
            payload = proofs.retrieval_payload(user, api_key, time, *nonces, origin)
            proofs.check_retrieval(unhex(case["public"]), payload, signature)
            seed = proofs.retrieval_seed(case["passphrase"], user, origin)
            expect(signing_public(seed).hex(), case["public"])
            expect(payload.hex(), case["payload"])
            return
        payload = proofs.login_payload(user, case["key_index"], api_key, time, *nonces, origin)
    cards = [unhex(card) for card in case["cards"]]
    chain = verify_chain(owner(cards), cards)
    proofs.check_by_active_key(chain, user, case["key_index"], case["kind"], payload, signature)
    expect(payload.hex(), case["payload"])


def owner(cards):
    """The user whose first card this is."""
    return uuid8(parse_card(cards[0]).hash())


def revisions(case, _):
    chains = {}
    for cards in case["cards"]:
        encoded = [unhex(card) for card in cards]
        chain = verify_chain(owner(encoded), encoded)
        chains[chain.user] = chain
    pin = case["pin"] and history.Pin(case["pin"]["revision"], unhex(case["pin"]["hash"]), case["pin"]["tombstone"])
    views = [unhex(view) for view in case["views"]]
    last = history.believe(id_bytes(case["container"]), views, chains, case["now"], pin)
    pinned = history.Pin(last.manifest.revision, last.manifest.hash())
    if "tombstone" in case:
        history.check_tombstone(unhex(case["tombstone"]), last, chains, case["now"])
    elif "checkpoint" in case:
        expect(history.checkpoint({last.manifest.container: pinned}), case["checkpoint"])
    expect(last.encode(), views[-1])
    head = case["head"]
    expect([entry.hash().hex() for entry in last.shown], [entry["hash"] for entry in head["entries"]])
    expect(last.manifest.access_root.hex(), head["access_root"])
    expect(id_text(last.manifest.author), head["author"])
    if "type_opening" in case:
        manifest.open_type(unhex(case["type_opening"]), last.manifest.container, last.manifest.type_commitment)


def segment_json(case, cases):
    case = spliced(case, cases)
    expected = segment.Expected(
        case["kind"], unhex(case["container"]), case["epoch"], case["length"], unhex(case["digest"])
    )
    if case["length"] > segment.LONGEST:
        raise Refused("malformed", "a manifest's length over its limit")
    data, secret = unhex(case["segment"]), unhex(case["secret"])
    if "chunks" in case:
        opened = segment.open_range(data[:104], expected, secret, case["first"], unhex(case["proof"]), unhex(case["chunks"]))
        expect(opened.hex(), case["data"])
        return
    expect(segment.open_segment(data, expected, secret).hex(), case["data"])
    context, _ = segment.parse_header(data[:104])
    sealed = segment.seal(context, secret, unhex(case["data"]))
    expect((sealed.segment, sealed.digest.hex(), sealed.length), (data, case["digest"], case["length"]))


def spliced(case, cases):
    if "of" not in case:
        return case
    base = dict(next(other for other in cases if other["name"] == case["of"]), **case)
    if "splice" in case:
        splice, data = case["splice"], unhex(base["segment"])
        end = splice["offset"] + splice["removed"]
        base["segment"] = (data[: splice["offset"]] + unhex(splice["inserted"]) + data[end:]).hex()
    return base


def store_json(case, _):
    if "elements" in case:
        return expect(store.sum_of([unhex(element) for element in case["elements"]]).hex(), case["sum"])
    if "state" in case:
        fields = [case["sequence"], case["count"], unhex(case["sum"]), case["blobs"], case["time"], case["incomplete_since"]]
        expect(store.State(*fields).encode().hex(), case["state"])
        return expect(store.parse_state(unhex(case["state"])), store.State(*fields))
    user = unhex(case["user_id"])
    if "root_salt" in case:
        salt, file = unhex(case["root_salt"]), unhex(case["key_file"])
        expect(store.salt_cell(salt).hex(), case["salt_cell"])
        expect([store.key_file_cell(salt, user, cell).hex() for cell in (0, 1)], case["cells"])
        expect(store.at_rest(salt, user, file).hex(), case["content"])
        return expect(store.read_at_rest(salt, user, unhex(case["content"])), file)
    partition = store.partition(unhex(case["store_secret"]), user)
    if "anchor" in case and "value" not in case:
        return expect(partition.anchor_cell(case["anchor"]).hex(), case["cell"])
    if "random" in case:
        return expect(partition.blob_name(unhex(case["random"])).hex(), case["blob"])
    if "record" in case:
        return expect(partition.record_name(case["kind"], unhex(case["id"])).hex(), case["record"])
    if "export" in case:
        return store_export(case, partition, user)
    label, name = store_label(case, partition)
    value = unhex(case["value"])
    # The faults are all faults of a value that was written as the third.
    generation = case.get("generation", 3)
    expect(partition.open(label, name, value, generation)[1].hex(), case.get("data"))
    expect(partition.seal(label, name, generation, unhex(case["salt"]), unhex(case["data"])), value)
    if "element" in case:
        expect(partition.element(name, value).hex(), case["element"])


def store_label(case, partition):
    if "journal" in case:
        return journal.JOURNAL, unhex(case["journal"])
    if "cell" in case:
        return store.ANCHOR, unhex(case["cell"])
    if "blob" in case:
        return store.ENVELOPE, unhex(case["blob"])
    return store.RECORD, partition.record_name(case["kind"], unhex(case["id"]))


class Difference(Exception):
    """A case opened, but not to what it should."""


def expect(found, expected):
    if found != expected:
        raise Difference(f"found {str(found)[:120]}, expected {str(expected)[:120]}")


CHECKS = {
    "identity_card": identity_card, "key_blob": key_blob_json, "key_file": key_file_json, "labels": labels,
    "message": message_json, "proofs": proofs_json, "revisions": revisions, "segment": segment_json, "store": store_json,
}


def check_file(path):
    """How many cases a file has, and the differences found."""
    cases = json.loads(path.read_text())["cases"]
    differences = []
    for case in cases:
        outcome = None
        try:
            CHECKS[path.stem](case, cases)
        except Refused as refused:
            outcome = refused.code
        except Difference as difference:
            outcome = f"differs: {difference}"
        wanted = None if case["valid"] else case.get("error", "degraded")
        if outcome != wanted:
            differences.append(f"{path.stem}: {case['name']}: expected {wanted}, found {outcome}")
    return len(cases), differences


def main(arguments):
    paths = sorted(Path(arguments[0]).glob("*.json"))
    total, differences = 0, []
    for path in paths:
        count, found = check_file(path)
        total += count
        differences += found
    for line in differences:
        print(line)
    print(f"{total} published vectors in {len(paths)} files: {len(differences)} differences")
    return 1 if differences or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
