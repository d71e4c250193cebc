"""Time and memory of suggestions for a graph with 101,000 tuples, by every ranking.

    python -m benchmarks.suggestion_size

Every ranking runs in a process of its own. Writes benchmarks/results/suggestion_size.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.report.run_report import hardware, versions

RESULT = Path("benchmarks/results/suggestion_size.json")
OBJECTS, KINDS, RELATIONS = 101, 15, 10
RANKINGS = ("network", "slots", "hierarchy", "text")


def big_graph() -> str:
    """A graph in which every object has a parent and every relation joins any two objects, with four marked edges of a sort."""
    lines = ["objects:", "  thing: {abstract: true}"]
    lines += [f"  group {kind}: {{is_a: thing, abstract: true}}" for kind in range(KINDS)]
    lines += [f"  object {number}: {{is_a: group {number % KINDS}}}" for number in range(OBJECTS)]
    lines += ["relations:", *(f"  rel {number}: {{}}" for number in range(RELATIONS)), "edges:"]
    marked = range(0, 4 * KINDS, KINDS)
    lines += [f"  - {{edge: object {number} rel 3 object {number + KINDS}, status: unsafe}}" for number in marked]
    lines += [f"  - {{edge: object {number + 1} rel 3 object {number}, status: safe}}" for number in marked]
    return "\n".join(lines) + "\n"


def cost(graph: Path, ranking: str) -> dict[str, float]:
    """CPU seconds and peak memory in MiB of one ranking.

    Raises:
        SystemExit: If the command fails.
    """
    words = [sys.executable, "-m", "oro_unlearn", "suggest", "--graph", str(graph), "--top", "5", "--by", ranking]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} failed")
    return {"seconds": round(usage.ru_utime + usage.ru_stime, 1), "mib": round(usage.ru_maxrss / 1024, 1)}


def size_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Cost of every ranking.

    Args:
        content: Content of ``suggestion_size.json``.
    """
    rows = [[f"`{name}`", f"{found['seconds']:.0f}", f"{found['mib']:.0f}"] for name, found in content["rankings"].items()]
    return [["ranking", "CPU seconds", "peak memory, MiB"], *rows]


def main(args: Sequence[str] | None = None) -> None:
    """Run every ranking and write what it takes."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(args)
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.yaml"
        graph.write_text(big_graph())
        found = {ranking: cost(graph, ranking) for ranking in RANKINGS}
    about = {"command": "python -m benchmarks.suggestion_size", **record(__file__), "versions": versions()}
    tuples = OBJECTS * (OBJECTS - 1) * RELATIONS
    write_json({**about, "hardware": hardware("cpu"), "tuples": tuples, "rankings": found}, RESULT)


if __name__ == "__main__":
    main()
