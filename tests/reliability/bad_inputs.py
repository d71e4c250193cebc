"""Check that every known bad input is rejected in one line, that none of its code runs, and that an earlier run is kept.

    python -m tests.reliability.bad_inputs

For each input, the command line runs in this process, in a temporary folder that holds a finished run. Inputs that are unusual
but legal must work. Writes benchmarks/results/reliability_bad_inputs.json. The exit code is 1 if an input was not handled as it
should be.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.progress import track

from tests.reliability import bad_checkpoints, bad_configs, bad_disks, bad_graphs, bad_people, bad_pictures, odd_names
from tests.reliability.attempts import BadInput, attempt
from tests.reliability.records import write

MODULES = (bad_configs, bad_pictures, bad_graphs, bad_checkpoints, bad_disks, odd_names, bad_people)
TABLE: dict[str, list[BadInput]] = {kind: entries for module in MODULES for kind, entries in module.KINDS.items()}


def faults(entry: BadInput) -> list[str]:
    """What goes wrong with an input, in a temporary folder of its own."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return attempt(entry, Path(folder).resolve())
        finally:
            os.chdir(before)


def main() -> None:
    """Try all of them."""
    by_kind: dict[str, Any] = {}
    failures = []
    inputs = [(kind, entry) for kind, entries in TABLE.items() for entry in entries]
    for kind, entry in track(inputs, "trying"):
        counts = by_kind.setdefault(kind, {"tried": 0, "refused": 0, "legal, worked": 0})
        counts["tried"] += 1
        found = faults(entry)
        if found:
            failures.append({"kind": kind, "input": entry.name, "faults": found})
        else:
            counts["legal, worked" if entry.works else "refused"] += 1
    totals = {name: sum(counts[name] for counts in by_kind.values()) for name in ("tried", "refused", "legal, worked")}
    started = [entry.name for _, entry in inputs if entry.started]
    write("bad_inputs", "", {**totals, "by_kind": by_kind, "failures": failures, "began before they could fail": started})
    print(*(f"{failure['kind']}: {failure['input']}: {failure['faults']}" for failure in failures), totals, sep="\n")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
