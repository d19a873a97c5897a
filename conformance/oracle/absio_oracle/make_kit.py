"""Writes the kit: `python3 -m absio_oracle.make_kit docs/vectors/kit [--check]`. The same bytes on every run.

What each case must come to is written in `cases`; a case of which the oracle finds something else stops the run.
"""

import sys
from pathlib import Path

from .cases import identity, key_files, proofs, revisions, sealed, segments, stores, tombstones
from .cases.collection import Collection
from .judge import judge
from .kit import SUCCESS, found, write_directory

AREAS = (identity, key_files, proofs, sealed, segments, revisions, tombstones, stores)


def make():
    """Every case, with the hash of what it releases; and what the oracle does not agree with."""
    kit = Collection()
    for area in AREAS:
        area.build(kit)
    differences = []
    for name, case in kit.cases.items():
        expect, case.payload = found(judge, case)
        if expect != case.expect:
            differences.append(f"{name}: expected {case.expect}, the oracle finds {expect}")
    return kit.cases, differences


def main(arguments):
    check = "--check" in arguments
    directory = Path([argument for argument in arguments if not argument.startswith("--")][0])
    cases, differences = make()
    if check:
        there = {path.stem: path.read_text() for path in directory.glob("*.kit")}
        made = {name: case.encode() for name, case in cases.items()}
        names = sorted(name for name in there.keys() | made.keys() if there.get(name) != made.get(name))
        differences += [f"{name}: the file is not what is made" for name in names]
    elif not differences:
        write_directory(directory, cases)
    for line in differences:
        print(line)
    valid = sum(case.expect == SUCCESS for case in cases.values())
    print(f"{valid} valid cases and {len(cases) - valid} with one fault: {len(differences)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
