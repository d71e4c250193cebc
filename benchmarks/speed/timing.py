"""Times two implementations of the same computation in turn, in one process."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks import RESULTS
from oro_unlearn.compare.sources import record

HERE = Path(__file__).parent


def in_turn(sides: Mapping[str, Callable[[], Any]], runs: int = 5) -> dict[str, list[float]]:
    """Seconds of every run, A B A B ..., after one of each that is not counted.

    Args:
        sides: What is timed, by name; one that times itself returns its seconds.
        runs: Of each.
    """
    for side in sides.values():
        side()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, side in sides.items():
            started = now()
            own = side()
            seconds[name].append(own if isinstance(own, float) else now() - started)
    return seconds


def ratio(seconds: Mapping[str, list[float]], of: str, to: str) -> float:
    """Median over the turns of how many times as long ``of`` took as ``to``."""
    return median(a / b for a, b in zip(seconds[of], seconds[to], strict=True))


def write(name: str, rows: list[dict[str, Any]], **more: Any) -> None:
    """Print the rows, and write benchmarks/results/speed_NAME.json.

    Args:
        name: Of the script.
        rows: ``what``, ``ratio``, ``target`` and what else is to be known, one a claim.
        more: Of all rows.
    """
    from oro_unlearn.files import write_json
    from oro_unlearn.report.run_report import hardware, versions

    device = "cuda" if torch.cuda.is_available() else "cpu"
    machine = {"versions": versions(), "hardware": hardware(device), "threads": torch.get_num_threads()}
    about = {"command": f"python -m benchmarks.speed.{name}", **record(str(HERE / f"{name}.py")), **machine}
    write_json({**about, **more, "rows": rows}, RESULTS / f"speed_{name}.json")
    for row in rows:
        print(f"{row['what']}: {row['ratio']:.2f} (target {row['target']})")


def rounded(seconds: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """Four digits after the point."""
    return {name: [round(value, 4) for value in values] for name, values in seconds.items()}


def now() -> float:
    """Seconds of a clock that waits for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
