"""Check whether a change of the code has changed figures of the demo and of one comparison, against recorded figures.

    python -m benchmarks.same_figures            runs what is missing in runs/ and compares with the record
    python -m benchmarks.same_figures --record   writes benchmarks/results/same_figures.json: do that before the change

Takes about five minutes on two cores. Figures are compared exactly, so record and comparison need the same machine and
versions.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import RESULTS
from oro_unlearn.cli import main as command_line
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json

RUNS = ("original", "retrained-0", "logit_mask", "rwft_o", "rwft_2_o", "rw_a")
DEMO = {name: Path("runs/digits-small_cnn") / name for name in RUNS}
DEMO["relation"] = Path("runs/scenes-clip/shield")
COMPARED = Path("runs/compare/same_figures")
COMPARE = ["compare", "--methods", "rwft_o,salun", "--forget", "[5]", "--seeds", "1", "--retrained", "3"]


def figures(root: Path) -> dict[str, float | None]:
    """Every figure of the demo and of the comparison, by name.

    Args:
        root: Folder that holds ``runs``.
    """
    found: dict[str, Any] = {}
    for name, folder in DEMO.items():
        metrics = json.loads((root / folder / "report.json").read_text())["metrics"]
        found |= {f"demo/{name}/{key}": value for key, value in _flat(metrics)}
    result = json.loads((root / COMPARED / "compare.json").read_text())
    for model in result["models"]:
        found |= {f"compare/{model['method']}/{model['seed']}/{key}": value for key, value in model["figures"].items()}
    return found | {f"tuning/{key}": value for key, value in _flat(result["tuning"]["scores"])}


def _flat(content: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, float | None]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{start}{key}/")
        elif value is None or isinstance(value, int | float):
            yield f"{start}{key}", value


def differences(recorded: Mapping[str, float | None], found: Mapping[str, float | None]) -> list[str]:
    """What differs, a line each.

    Args:
        recorded: Figures of before.
        found: Figures of now.
    """
    lines = [f"{key}: {recorded[key]} is missing now" for key in recorded.keys() - found.keys()]
    lines += [f"{key}: {found[key]} is new" for key in found.keys() - recorded.keys()]
    for key in recorded.keys() & found.keys():
        if not _same(recorded[key], found[key]):
            lines.append(f"{key}: {recorded[key]} before, {found[key]} now")
    return sorted(lines)


def _same(before: float | None, now: float | None) -> bool:
    return before == now or (before is not None and now is not None and math.isnan(before) and math.isnan(now))


def main(args: Sequence[str] | None = None) -> None:
    """Run, then record or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the record instead of comparing with it")
    options = parser.parse_args(args)
    command_line(["demo"])
    command_line([*COMPARE, "--output", str(COMPARED)])
    found, path = figures(Path()), RESULTS / "same_figures.json"
    if options.record:
        report = json.loads((DEMO["rwft_o"] / "report.json").read_text())
        machine = {name: report[name] for name in ("versions", "hardware")}
        about = {"command": "python -m benchmarks.same_figures --record", **record(__file__), **machine}
        write_json({**about, "figures": found}, path)
        return
    lines = differences(json.loads(path.read_text())["figures"], found)
    print(*lines, f"{len(found)} figures, {len(lines)} differ", sep="\n")
    raise SystemExit(bool(lines))


if __name__ == "__main__":
    main()
