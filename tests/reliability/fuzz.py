"""Fuzz the parsers of graphs and manifests with random files, for a given time.

    python -m tests.reliability.fuzz --minutes 10

Each case is a valid file, or a valid file with some changes to its values or bytes. Either the parser reads the file, and the
result fulfils the parser's guarantees. Or the parser raises a ValueError or an OSError with a message of one line that names
the file. Writes benchmarks/results/reliability_fuzz.json. The exit code is 1 if a case does neither.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from rich.progress import Progress

from tests.reliability import fuzz_graphs, fuzz_manifests
from tests.reliability.records import write
from tests.small_world import write_graph

Check = tuple[Any, Callable[[Any], bool]]  # cases, and what returns whether one is valid
PARSERS: dict[str, Check] = {
    "graph": (fuzz_graphs.graphs(), fuzz_graphs.check_graph),
    "manifest": (fuzz_manifests.manifests(), fuzz_manifests.check_manifest),
}
CASES = 100  # with one seed
KEPT = 20  # failures that are written down


def campaign(parser: str, number: int, counts: dict[str, int], failures: list[dict[str, str]]) -> None:
    """Try the cases of one seed in the current folder.

    Args:
        parser: A key of ``PARSERS``.
        number: The seed.
        counts: ``tried`` and ``valid``, counted on.
        failures: What went wrong is added here.
    """
    cases, check = PARSERS[parser]

    @seed(number)
    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def run(case: Any) -> None:
        counts["tried"] += 1
        try:
            counts["valid"] += check(case)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            fault = f"{type(error).__name__}: {str(error)[:300]} ({Path(where.filename).name}:{where.lineno})"
            failures.append({"parser": parser, "seed": str(number), "fault": fault, "case": repr(case)[:2000]})

    run()


def main(args: Sequence[str] | None = None) -> None:
    """Go on until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args(args)
    counts = {name: {"tried": 0, "valid": 0} for name in PARSERS}
    failures: list[dict[str, str]] = []
    began, home = time.perf_counter(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder, Progress() as progress:
        os.chdir(folder)
        fuzz_manifests.prepare()
        task = progress.add_task("fuzzing", total=options.minutes)
        for number in itertools.count():
            spent = (time.perf_counter() - began) / 60
            progress.update(task, completed=spent)
            if spent >= options.minutes:
                break
            for name in PARSERS:
                write_graph()  # manifests are read with it, and graphs are written over it
                campaign(name, number, counts[name], failures)
        os.chdir(home)
    found = {"cases": counts, "failures": failures[:KEPT], "failed": len(failures), "minutes": round(spent, 2), "seeds": number}
    write("fuzz", f"--minutes {options.minutes:g}", found)
    print(found)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
