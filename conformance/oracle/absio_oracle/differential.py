"""Both implementations over the same objects.

    python3 -m absio_oracle.differential PROGRAM KIT WORK [--seed S] [--count N] [--faults M] [--weaken CHECK]

PROGRAM is `absio-conformance`. It makes N objects, which the oracle opens, and seals anew; then M random single faults, of those objects and of the
valid cases of KIT, are judged by the oracle and by the program. Both must accept, or both refuse, and what is released must be the same. A random fault can
break two rules at once, of which each implementation names the one that it looks at first: that is counted, and no error.
"""

import argparse
import random
import shutil
import subprocess
import sys
from pathlib import Path

from . import weaken
from .judge import judge
from .kit import SUCCESS, found, read_directory, write_directory
from .mutate import SLOW, mutated
from .reseal import resealed


def options(arguments):
    parser = argparse.ArgumentParser(prog="absio_oracle.differential")
    parser.add_argument("program")
    parser.add_argument("kit")
    parser.add_argument("work", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--faults", type=int, default=600)
    parser.add_argument("--weaken", choices=sorted(weaken.CHECKS))
    return parser.parse_args(arguments)


def program(*arguments):
    """Runs the program; its lines, and whether all was well."""
    result = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True, check=False)
    if result.stderr:
        raise SystemExit(f"{arguments[0]}: {result.stderr}")
    return result.stdout.splitlines(), result.returncode == 0


def judged_by_oracle(cases):
    """Where the oracle finds something else than a case says."""
    lines = []
    for name, case in cases.items():
        outcome = found(judge, case)
        if outcome != (case.expect, case.payload):
            lines.append(f"{name}: the oracle finds {outcome[0]}, not {case.expect}")
    return lines


def judged_by_program(binary, directory, cases):
    write_directory(directory, cases)
    lines, well = program(binary, "kit", "read", directory)
    return [] if well else lines[:-1] or ["the program judged nothing"]


def refused_by_both(line):
    """Whether a difference that the program tells is one of the class alone."""
    return "expected " in line and f"expected {SUCCESS}" not in line and f"found {SUCCESS}" not in line


def main(arguments):
    given = options(arguments)
    draw = random.Random(given.seed)
    if given.work.exists():
        shutil.rmtree(given.work)
    lines, well = program(given.program, "kit", "write", given.work / "made", "--seed", given.seed, "--count", given.count)
    if not well:
        raise SystemExit("\n".join(lines))
    if given.weaken:
        weaken.weaken(given.weaken)
    made = read_directory(given.work / "made")
    differences = judged_by_oracle(made)

    again = {f"again-{name}": resealed(draw, case) for name, case in made.items()}
    again = {name: case for name, case in again.items() if case is not None}
    differences += judged_by_oracle(again)
    differences += judged_by_program(given.program, given.work / "again", again)

    valid = [case for case in read_directory(given.kit).values() if case.expect == SUCCESS]
    valid = [case for case in [*valid, *made.values()] if case.kind not in SLOW]
    faults = {}
    for number in range(given.faults):
        case = mutated(draw, draw.choice(valid))
        case.expect, case.payload = found(judge, case)
        faults[f"fault-{number:05}-{case.kind}"] = case
    told = judged_by_program(given.program, given.work / "faults", faults)
    otherwise = [line for line in told if refused_by_both(line)]
    differences += [line for line in told if line not in otherwise]

    for line in differences:
        print(line)
    accepted = sum(case.expect == SUCCESS for case in faults.values())
    print(
        f"seed {given.seed}: {len(made)} made by the program, {len(again)} sealed anew by the oracle, "
        f"{len(faults)} random faults ({accepted} accepted by both, "
        f"{len(otherwise)} refused for another reason): {len(differences)} differences"
    )
    return 1 if differences or not made or not again else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
