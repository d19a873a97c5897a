"""Gathers cases: valid ones, and each fault as a change of a valid one."""

import hashlib
from dataclasses import replace

from ..kit import SUCCESS, Case


def seeded(name, length=32):
    """Bytes that differ for each name and are the same on every run."""
    return hashlib.shake_256(b"absio kit " + name.encode()).digest(length)


def text_of(value):
    """How an input stands in a head."""
    return value.hex() if isinstance(value, bytes) else str(value)


def flipped(data, at, mask=1):
    changed = bytearray(data)
    changed[at] ^= mask
    return bytes(changed)


def put(data, at, new):
    return data[:at] + new + data[at + len(new) :]


class Collection:
    """Cases by the name of their file."""

    def __init__(self):
        self.cases = {}

    def add(self, kind, slug, comment, data, inputs, expect=SUCCESS):
        case = Case(kind, comment, data, {name: text_of(value) for name, value in inputs.items()}, expect)
        return self.keep(slug, case)

    def keep(self, slug, case):
        name = f"{case.kind}-{slug}"
        if name in self.cases:
            raise ValueError(f"two cases are called {name}")
        self.cases[name] = case
        return case

    def fault(self, base, slug, comment, expect, data=None, drop=(), **inputs):
        """`base` with one thing changed: its data or inputs (`_` stands for the hyphen in their names)."""
        changed = {name: value for name, value in base.inputs.items() if name not in drop}
        changed.update({name.replace("_", "-"): text_of(value) for name, value in inputs.items()})
        data = base.data if data is None else data
        return self.keep(slug, replace(base, comment=comment, data=data, inputs=changed, expect=expect))

    def flips(self, base, prefix, fields):
        """One flipped bit in each of `fields`: (name, offset, class)."""
        for name, at, expect in fields:
            at = at if at >= 0 else len(base.data) + at
            comment = f"a bit of {name.replace('-', ' ')} is flipped"
            self.fault(base, f"{prefix}-{name}-flipped", comment, expect, flipped(base.data, at))

    def lengths(self, base, prefix, short, long):
        """Cut by a byte, and a byte too long."""
        self.fault(base, f"{prefix}-cut", "the last byte is missing", short, base.data[:-1])
        self.fault(base, f"{prefix}-appended", "a byte stands behind the end", long, base.data + b"\0")
