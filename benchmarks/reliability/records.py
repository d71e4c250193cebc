"""Results of a reliability benchmark, with what it was run on."""

from typing import Any

import torch

from benchmarks.compare_tables import RESULTS
from benchmarks.sources import record
from oro_unlearn.report.run_report import hardware, versions, write_json


def write(name: str, words: str, content: dict[str, Any], device: str = "cpu") -> None:
    """Write ``benchmarks/results/reliability_NAME.json``.

    Args:
        name: Of the script.
        words: Its arguments.
        content: What it found.
        device: ``cpu`` or ``cuda``.
    """
    command = f"python -m benchmarks.reliability.{name} {words}".strip()
    machine = {"versions": versions(), "hardware": hardware(device), "torch": torch.__version__}
    found = {**content, "command": command, **record(f"reliability.{name}"), **machine}
    write_json(found, RESULTS / f"reliability_{name}.json")


__all__ = ["write"]
