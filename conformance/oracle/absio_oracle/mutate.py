"""Random single faults of a case."""

from dataclasses import replace

from .kit import SUCCESS

# A key file takes a stretch of the password for each judgement.
SLOW = {"key-file"}


def mutated(random, case):
    """The case with one random fault, in its data or in what it is opened with."""
    inputs = [name for name in case.inputs if changeable(case, name)]
    if inputs and random.random() < 0.15:
        name = random.choice(inputs)
        changed = {**case.inputs, name: bit_of_hex(random, case.inputs[name])}
        return replace(case, inputs=changed, comment=f"{name} altered")
    name, fault = random.choice(FAULTS)
    return replace(case, data=fault(random, case.data), comment=name, expect=SUCCESS)


def changeable(case, name):
    """An input in hex that is a value and no list: what is in a list is tried as data of its own kind."""
    if name in ("cards", "views", "header", "keys", "password", "passphrase", "public", "sender-public", "recipient-public"):
        return False
    value = case.inputs[name]
    return len(value) >= 32 and all(character in "0123456789abcdef" for character in value)


def bit_of_hex(random, value):
    data = bytearray.fromhex(value)
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data).hex()


def flip(random, data):
    if not data:
        return b"\0"
    changed = bytearray(data)
    changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def near_the_front(random, data):
    """A bit of the first 160 bytes, where most fields are."""
    return flip(random, data[:160]) + data[160:]


def overwrite(random, data):
    """A byte is set to one of the values at which fields end."""
    if not data:
        return b"\xff"
    changed = bytearray(data)
    changed[random.randrange(len(data))] = random.choice((0, 1, 2, 3, 0x7F, 0x80, 0xFF))
    return bytes(changed)


def cut(random, data):
    return data[: random.randrange(len(data) + 1)]


def append(random, data):
    return data + random.randbytes(random.choice((1, 4, 48)))


def span(random, data):
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((1, 8, 32, 48, 196, 4128)))


def remove(random, data):
    start, end = span(random, data)
    return data[:start] + data[end:]


def double(random, data):
    start, end = span(random, data)
    return data[:end] + data[start:]


def zero(random, data):
    start, end = span(random, data)
    return data[:start] + bytes(end - start) + data[end:]


FAULTS = [
    ("a bit flipped", flip), ("a bit of the front flipped", near_the_front), ("a byte overwritten", overwrite),
    ("cut", cut), ("appended", append), ("a span removed", remove), ("a span doubled", double), ("a span of zeros", zero),
]
