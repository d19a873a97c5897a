"""The files of the kit: one case each (`docs/vectors/kit/README.md`)."""

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from .reading import Refused, split_prefixed

LINE = 48
EMPTY = hashlib.sha256(b"").hexdigest()
SUCCESS = "success"
# Keys of the head that stand in every file; the others are inputs.
FIXED = ("expect", "suite", "kind", "comment", "payload-sha256")


@dataclass
class Case:
    """What is judged (`data`), with what (`inputs`, text under names), and what must come of it."""

    kind: str
    comment: str
    data: bytes
    inputs: dict = field(default_factory=dict)
    expect: str = SUCCESS
    payload: str = EMPTY

    def text(self, name):
        return self.inputs[name]

    def has(self, name):
        return name in self.inputs

    def number(self, name):
        return int(self.inputs[name])

    def bytes(self, name):
        return bytes.fromhex(self.inputs[name])

    def list(self, name):
        """A list of byte strings, each prefixed."""
        return split_prefixed(self.bytes(name))

    def encode(self):
        head = {"expect": self.expect, "suite": "1", "kind": self.kind, "comment": self.comment}
        head.update(self.inputs)
        head["payload-sha256"] = self.payload
        lines = [f"{name}: {value}" for name, value in head.items()]
        body = [
            base64.b64encode(self.data[at : at + LINE]).decode() for at in range(0, len(self.data), LINE)
        ]
        return "\n".join(lines + [""] + body) + "\n"


def decode(text):
    """A case from the text of its file."""
    head, _, body = text.partition("\n\n")
    fields = {}
    for line in head.split("\n"):
        name, separator, value = line.partition(": ")
        if not separator or name in fields:
            raise ValueError(f"not a line of a head: {line[:60]}")
        fields[name] = value
    data = b"".join(base64.b64decode(line, validate=True) for line in body.split("\n") if line)
    if fields["suite"] != "1":
        raise ValueError("another suite")
    inputs = {name: value for name, value in fields.items() if name not in FIXED}
    return Case(fields["kind"], fields["comment"], data, inputs, fields["expect"], fields["payload-sha256"])


def read_directory(directory):
    """Every case under `directory`, by the name of its file."""
    return {path.stem: decode(path.read_text()) for path in sorted(Path(directory).glob("*.kit"))}


def write_directory(directory, cases):
    """Writes cases, and takes away files that are none of them."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob("*.kit"):
        if path.stem not in cases:
            path.unlink()
    for name, case in cases.items():
        (directory / f"{name}.kit").write_text(case.encode())


def found(judge, case):
    """What `judge` makes of a case: the class, and the hash of what was released."""
    try:
        return SUCCESS, hashlib.sha256(judge(case)).hexdigest()
    except Refused as refused:
        return refused.code, EMPTY
