"""Container ids, container keys, key blobs, messages, container data and JSON (§6 to §8, §10)."""

from .. import container, key_blob, message, segment
from ..primitives import derivation_public, sign, signing_public
from ..reading import u32
from .collection import flipped, put, seeded
from .identity import SMALL_X
from .people import START, Person

BLOB_FIELDS = [
    ("magic", 0), ("suite", 5), ("cipher", 6), ("mac", 7), ("container", 8), ("header-epoch", 31), ("content-epoch", 39),
    ("sender", 40), ("sender-index", 59), ("recipient", 60), ("recipient-index", 79), ("enc", 80), ("first-secret", 112),
    ("second-secret", 150), ("tag", 176), ("last-byte", -1),
]


def build(kit):
    ids(kit)
    keys = key_blob.ContainerKeys(0, seeded("header secret"), seeded("content secret"))
    longer = key_blob.ContainerKeys(1, keys.header, keys.content)
    container_keys(kit, keys, longer)
    blobs(kit, keys, longer)
    messages(kit)
    containers(kit, keys)
    headers(kit)


def ids(kit):
    creator, salt = Person("alice").user, seeded("id salt")
    made = key_blob.container_id(creator, salt)
    good = kit.add("container-id", "right", "an id of its creator", made, {"creator": creator, "salt": salt})
    kit.fault(good, "creator", "another creator", "foreign_container_id", creator=Person("bob").user)
    kit.fault(good, "salt", "another salt", "foreign_container_id", salt=flipped(salt, 31))
    kit.fault(good, "version", "another version of the UUID", "foreign_container_id", flipped(made, 6, 0xC0))
    kit.flips(good, "id", [("last-byte", 15, "foreign_container_id")])


def container_keys(kit, keys, longer):
    good = kit.add("container-keys", "short-tags", "keys with HMAC-SHA-256", keys.encode(), {})
    kit.add("container-keys", "long-tags", "keys with HMAC-SHA-384", longer.encode(), {})
    kit.flips(good, "field", [("magic", 0, "malformed"), ("cipher", 4, "unknown_algorithm")])
    kit.fault(good, "mac-2", "an unknown MAC", "unknown_algorithm", put(good.data, 5, b"\2"))
    kit.lengths(good, "keys", "malformed", "malformed")


def blobs(kit, keys, longer):
    sender, recipient = Person("alice"), Person("bob")
    recipient_public = derivation_public(recipient.derivation[1])
    context = key_blob.BlobContext(
        seeded("container", 16), 3, 4, sender.user, 1, signing_public(sender.seed), recipient.user, 1, recipient_public
    )
    blob = key_blob.seal(context, seeded("ephemeral"), keys)
    inputs = {
        "container": context.container, "header-epoch": 3, "content-epoch": 4, "sender": sender.user, "sender-index": 1,
        "sender-public": context.sender_public, "recipient": recipient.user, "recipient-index": 1,
        "recipient-public": recipient_public, "recipient-secret": recipient.derivation[1],
        "blob-hash": key_blob.blob_hash(blob),
    }
    good = kit.add("key-blob", "short-tags", "a key blob", blob, inputs)
    other = key_blob.seal(context, seeded("ephemeral 2"), longer)
    kit.add("key-blob", "long-tags", "a key blob of keys with HMAC-SHA-384", other, {**inputs, "blob-hash": key_blob.blob_hash(other)})
    kit.fault(good, "another-hash", "the entry names another blob", "manifest_mismatch", other)

    def wrong(slug, comment, data):
        kit.fault(good, slug, comment, "decrypt", data, blob_hash=key_blob.blob_hash(data))

    for name, at in BLOB_FIELDS:
        wrong(f"{name}-flipped", f"a bit of {name.replace('-', ' ')} is flipped", flipped(blob, at))
    wrong("cut", "the last byte is missing", blob[:-1])
    wrong("appended", "a byte stands behind the end", blob + b"\0")
    wrong("empty", "no byte at all", b"")
    for name, key in SMALL_X.items():
        wrong(f"enc-{name}", f"enc: {name.replace('-', ' ')}", put(blob, 80, key))
    changes = {
        "container": seeded("x", 16), "header-epoch": 2, "content-epoch": 5, "sender": Person("carol").user,
        "sender-index": 2, "sender-public": signing_public(seeded("x")), "recipient": Person("carol").user,
        "recipient-index": 2, "recipient-public": derivation_public(seeded("x")), "recipient-secret": seeded("x"),
    }
    for name, value in changes.items():
        kit.fault(good, f"expects-{name}", f"another {name.replace('-', ' ')} is expected", "decrypt", **{name: value})


def messages(kit):
    sender, recipient = Person("alice"), Person("bob")
    public, secret = signing_public(sender.seed), recipient.derivation[1]
    envelope = message.Envelope(sender.user, 1, recipient.user, 1, seeded("subject", 16), START)
    inputs = {"sender-public": public, "recipient-secret": secret}

    def sealed(plaintext):
        return message.seal(envelope, sender.seed, public, derivation_public(secret), seeded("ephemeral"), plaintext)

    good = kit.add("message", "short", "a message", sealed(b"meet at noon"), inputs)
    kit.add("message", "empty", "an empty message", sealed(b""), inputs)
    kit.add("message", "long", "a message of 2,000 bytes", sealed(seeded("text", 2000)), inputs)
    signed = "signature_invalid"
    kit.flips(good, "field", [
        ("magic", 0, "malformed"), ("suite", 5, "unknown_algorithm"), ("sender", 6, signed), ("sender-index", 25, signed),
        ("recipient", 26, signed), ("recipient-index", 45, signed), ("subject", 46, signed), ("sent-at", 69, signed),
        ("enc", 70, signed), ("length", 105, "malformed"), ("ciphertext", 106, signed), ("tag", 120, signed),
        ("signature", -64, signed), ("last-byte", -1, signed),
    ])
    kit.lengths(good, "message", "malformed", "malformed")
    kit.fault(good, "length-limit", "a length over the limit", "malformed", put(good.data, 102, u32(2**20 + 1)))

    def again(slug, comment, expect, data, seed=sender.seed, **changes):
        unsigned = data[:-64]
        kit.fault(good, slug, comment, expect, unsigned + sign(seed, "message", unsigned), **changes)

    again("tag-signed-again", "the tag is altered, and all is signed again", "decrypt", flipped(good.data, -65))
    for name, key in SMALL_X.items():
        again(f"enc-{name}", f"enc, signed again: {name.replace('-', ' ')}", "decrypt", put(good.data, 70, key))
    stolen = seeded("thief")
    again("stolen", "signed again by another, who says it is theirs", "decrypt", good.data, stolen, sender_public=signing_public(stolen))
    kit.fault(good, "another-sender", "another sender's key", signed, sender_public=signing_public(stolen))
    kit.fault(good, "another-recipient", "another recipient's secret", "decrypt", recipient_secret=seeded("x"))
    small = put(good.data, len(good.data) - 64, (1).to_bytes(32, "little"))
    kit.fault(good, "r-small-order", "R of the signature is of small order", signed, small)


def section(kind, keys, container_id, data, padding):
    secret = keys.header if kind == segment.HEADER else keys.content
    context = segment.Context(kind, 12, container_id, 1, keys.mac_index, padding, seeded(f"salt of {kind}"))
    return segment.seal(context, secret, data).segment


def containers(kit, keys):
    own = seeded("container", 16)
    header = section(segment.HEADER, keys, own, b'{"name":"a","n":[1,2.5,null]}', 1)
    content = section(segment.CONTENT, keys, own, b"the content", 0)
    inputs = {"keys": keys.encode(), "container": own}

    def add(slug, comment, data):
        return kit.add("container-data", slug, comment, data, inputs)

    both = add("both", "header and content", container.encode(header, content))
    add("header", "a header alone", container.encode(header, b""))
    add("content", "a content alone", container.encode(b"", content))
    add("nothing", "neither header nor content", container.encode(b"", b""))
    empty = section(segment.CONTENT, keys, own, b"", 0)
    add("empty-content", "an empty content is present", container.encode(b"", empty))
    at = 8 + len(header)
    kit.flips(both, "field", [
        ("magic", 0, "malformed"), ("header-salt", 8 + 40, "decrypt"), ("header-text", 8 + 104, "decrypt"),
        ("header-tag", at - 1, "decrypt"), ("content-salt", at + 40, "decrypt"), ("content-tag", -1, "decrypt"),
    ])
    kit.fault(both, "header-length", "a header length past the end", "malformed", put(both.data, 4, u32(at + 1000)))
    kit.fault(both, "header-limit", "a header length over the limit", "malformed", put(both.data, 4, u32(2**25)))
    kit.fault(both, "cut-header", "cut in the header", "malformed", both.data[: at - 1])
    kit.fault(both, "cut-content", "cut in the content", "decrypt", both.data[:-1])
    kit.fault(both, "content-as-header", "the content in the header's place", "decrypt", container.encode(content, b""))
    kit.fault(both, "header-as-content", "the header in the content's place", "decrypt", container.encode(b"", header))
    swapped = key_blob.ContainerKeys(0, keys.content, keys.header)
    kit.fault(both, "keys-swapped", "the two secrets exchanged", "decrypt", keys=swapped.encode())
    kit.fault(both, "another-container", "another container is expected", "decrypt", container=seeded("x", 16))
    twice = section(segment.HEADER, keys, own, b'{"a":1,"a":2}', 1)
    kit.fault(both, "header-json", "a header that is no strict JSON", "malformed", container.encode(twice, content))


def headers(kit):
    def add(slug, comment, data, expect="success"):
        kit.add("header-json", slug, comment, data, {}, expect)

    add("object", "an object", b'{"name":"a","n":[1,-2,3.5e-3,null,true]}')
    add("null", "null alone", b"null")
    add("text", "text alone", '"h\u00f6her \\ud83d\\ude00"'.encode())
    add("spaces", "white space around everything", b" [ 1 ,\n{ } ]\t\r\n")
    add("depth-64", "64 levels", b"[" * 64 + b"]" * 64)
    add("same-name-deeper", "a name again, in another object", b'{"a":{"a":{"a":1}}}')
    add("large-number", "the largest float", b"1.7976931348623157e308")
    add("large-integer", "an integer of 300 digits", b"9" * 300)
    for slug, comment, data in (
        ("name-twice", "a name twice", b'{"a":1,"a":2}'),
        ("name-twice-escaped", "a name twice, once escaped", b'{"a":1,"\\u0061":2}'),
        ("name-twice-deep", "a name twice, inside", b'[{"b":{"c":1,"c":1}}]'),
        ("depth-65", "65 levels", b"[" * 65 + b"]" * 65),
        ("depth-65-objects", "65 levels of objects", b'{"a":' * 65 + b"1" + b"}" * 65),
        ("number-too-large", "a number beyond a float", b"1e309"),
        ("integer-too-large", "an integer beyond a float", b"9" * 310),
        ("not-a-number", "NaN", b"NaN"),
        ("infinity", "Infinity", b"-Infinity"),
        ("empty", "no byte at all", b""),
        ("two-values", "a second value behind the first", b"{} {}"),
        ("trailing-comma", "a comma behind the last member", b"[1,]"),
        ("leading-zero", "a number with a leading zero", b"01"),
        ("plus", "a number with a plus", b"+1"),
        ("single-quotes", "single quotes", b"{'a':1}"),
        ("comment", "a comment", b"1 // one"),
        ("byte-order-mark", "a byte order mark", b"\xef\xbb\xbf1"),
        ("not-utf8", "a byte that is no UTF-8", b'"\xff"'),
        ("overlong", "an overlong encoding of a quote", b'"\xc0\xa2"'),
        ("surrogate", "half a surrogate pair, escaped", b'"\\ud800"'),
        ("surrogate-raw", "half a surrogate pair, as UTF-8", b'"\xed\xa0\x80"'),
        ("control", "a control character in text", b'"a\nb"'),
        ("cut", "text that does not end", b'["a'),
        ("form-feed", "white space that is none", b"\x0c1"),
        ("no-break-space", "a no-break space", b"\xc2\xa01"),
        ("zero-behind", "a zero byte behind the value", b"1\0"),
    ):
        add(slug, comment, data, "malformed")
