"""Peak memory of every method of benchmarks.personas: one epoch in a process of its own, on the shipped model.

    python -m benchmarks.persona_memory

The peak is the largest resident set of the process, libraries included; "none" is a run that only measures. Attacks and
retrained models are left out. Writes benchmarks/results/persona_memory.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.personas import CONFIGS, FEW, METHODS, without
from benchmarks.personas import requests as people
from oro_unlearn.compare.jobs import Job
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.report.run_report import hardware, versions

RESULT = Path("benchmarks/results/persona_memory.json")
SHORT = ["--trainer.max_epochs", "1", "--data.eval_questions", "8", "--audit.attacks", "none"]
NOTHING = ("none", ["--trainer.limit_train_batches", "0"])


def peak(job: Job) -> float:
    """Largest resident set of a run, in MiB.

    Raises:
        SystemExit: If the run fails.
    """
    process = subprocess.Popen([sys.executable, "-m", "oro_unlearn", *job.command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(job.command)} failed")
    return usage.ru_maxrss / 1024


def jobs(folder: Path) -> dict[str, Job]:
    """One short run of every method, by name."""
    found = {}
    for name, method in METHODS.items():
        epochs = [] if "--trainer.max_epochs" in method.fixed or method.preset == "manu" else SHORT[:2]
        words = [*FEW, *SHORT[2:], *epochs, *without(people()["5"]), *method.fixed]
        found[name] = Job(folder / name, CONFIGS / f"{method.preset}.yaml", 0, words, [])
    measured = [*found["npo"].options, *NOTHING[1]]
    return {NOTHING[0]: found["npo"]._replace(folder=folder / NOTHING[0], options=measured), **found}


def memory_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Peak memory of each method, and what is above a run that only measures.

    Args:
        content: Content of ``persona_memory.json``.
    """
    peaks = content["peak_mib"]
    labels = {NOTHING[0]: "only measuring", **{name: method.label for name, method in METHODS.items()}}
    rows = [[labels[name], f"{value:.0f}", f"{value - peaks[NOTHING[0]]:+.0f}"] for name, value in peaks.items()]
    return [["method", "peak, MiB", "above measuring, MiB"], *rows]


def main(args: Sequence[str] | None = None) -> None:
    """Run every method and write the peaks."""
    words = list(sys.argv[1:] if args is None else args)
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        plan = jobs(Path(folder))
        peaks = {name: round(peak(job), 1) for name, job in plan.items()}
    result = {"command": " ".join(["python -m benchmarks.persona_memory", *words]), **record(__file__)}
    write_json({**result, "versions": versions(), "hardware": hardware("cpu"), "peak_mib": peaks}, RESULT)


if __name__ == "__main__":
    main()
