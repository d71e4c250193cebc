"""Cost of ``oro-unlearn --help`` beyond importing lightning: CPU seconds of whole processes, measured in turn.

    python -m benchmarks.startup

Writes benchmarks/results/startup.json.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

COMMANDS = {
    "import lightning.pytorch.cli": [sys.executable, "-c", "import lightning.pytorch.cli"],
    "oro-unlearn --help": [sys.executable, "-m", "oro_unlearn", "--help"],
    "oro-unlearn fit --help": [sys.executable, "-m", "oro_unlearn", "fit", "--help"],
}


def cpu_seconds(command: Sequence[str]) -> float:
    """User and system time of one process and its children."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def main(args: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="of each command; the first is not counted")
    options = parser.parse_args(args)
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.runs):
        for name, command in COMMANDS.items():
            seconds[name].append(round(cpu_seconds(command), 2))
    medians = {name: round(median(values[1:]), 2) for name, values in seconds.items()}
    base = medians["import lightning.pytorch.cli"]
    from oro_unlearn.compare.sources import record
    from oro_unlearn.files import write_json
    from oro_unlearn.report.run_report import hardware, versions

    result = {
        "command": "python -m benchmarks.startup",
        **record(__file__),
        "versions": versions(),
        "hardware": hardware("cpu"),
        "cpu_seconds": seconds,
        "median": medians,
        "over_lightning": {name: round(value - base, 2) for name, value in medians.items()},
    }
    write_json(result, Path("benchmarks/results/startup.json"))
    print(result["median"], result["over_lightning"])


if __name__ == "__main__":
    main()
