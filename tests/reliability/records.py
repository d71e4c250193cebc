"""Results of a reliability benchmark, with the hardware and versions it ran on."""

from pathlib import Path
from typing import Any

import torch

from benchmarks import RESULTS
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.report.run_report import hardware, versions

HERE = Path(__file__).parent


def write(name: str, words: str, content: dict[str, Any], device: str = "cpu") -> None:
    """Write ``benchmarks/results/reliability_NAME.json``.

    Args:
        name: Of the script.
        words: Its arguments.
        content: What it found.
        device: ``cpu`` or ``cuda``.
    """
    command = f"python -m tests.reliability.{name} {words}".strip()
    machine = {"versions": versions(), "hardware": hardware(device), "torch": torch.__version__}
    found = {**content, "command": command, **record(str(HERE / f"{name}.py")), **machine}
    write_json(found, RESULTS / f"reliability_{name}.json")


__all__ = ["write"]
