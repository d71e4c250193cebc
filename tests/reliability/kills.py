"""``kill -9`` at random moments, then the same command again, until it is done: nothing is lost or done twice, equal bits.

    python -m tests.reliability.kills --rounds 5

There are three commands: a fit for classes, a fit for a relation, and a comparison, which first trains its pool of originals
and retrained (shadow) models. Every second kill ends only the main process and leaves its workers running. At the end, all
weights and figures are compared with those of a run without kills. Writes benchmarks/results/reliability_kills.json.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import track

from tests.reliability.records import write
from tests.reliability.small_runs import prepare

ROOT = Path("runs/reliability/kills").resolve()
HERE = Path.cwd()
MOST = 60  # kills of one command
OF_A_RUN = {"seconds", "files", "config", "inputs"}  # of a report: time, and the names of folders
FIT = ["-m", "oro_unlearn", "fit", "--trainer.accelerator", "cpu", "--trainer.default_root_dir", "out"]
PATIENCE = 3.0  # seconds that workers without a parent get to end


class Command(NamedTuple):
    """What is killed, and how long it takes by itself."""

    name: str
    words: list[str]


COMMANDS = (
    Command("fit: classes", [*FIT, "--config", "lightning_configs/digits/original.yaml", "--trainer.max_epochs", "60"]),
    Command(
        "fit: relation",
        [*FIT, "--config", "lightning_configs/scenes/shield.yaml", "--data.pairs", "96", "--data.gallery", "1",
         "--audit.attacks", "none"],
    ),
    Command(
        "comparison: shadow training and sweep",
        ["-m", "oro_unlearn", "compare", "--methods", "rwft_o,eu_k", "--forget", "[8]", "--seeds", "1", "--retrained", "3",
         "--processes", "2", "--output", "runs/compare/kills"],
    ),
)  # fmt: skip


def start(command: Command, folder: Path) -> subprocess.Popen[bytes]:
    """Begin it in a folder that looks like the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("lightning_configs", "benchmarks"):
        if not (folder / name).exists():
            shutil.copytree(HERE / name, folder / name, ignore=shutil.ignore_patterns("results", "__pycache__"))
    (folder / "benchmarks" / "results").mkdir(exist_ok=True)
    with (folder / "said.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *command.words], cwd=folder, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(HERE)},
        )  # fmt: skip


def weights(folder: Path) -> dict[str, bytes]:
    """Content of every file of weights."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("model.safetensors"))}


def figures(folder: Path) -> dict[str, Any]:
    """Content of every report, without time and the names of folders."""
    reports = {str(path.relative_to(folder)): json.loads(path.read_text()) for path in sorted(folder.rglob("report.json"))}
    return {name: {key: value for key, value in report.items() if key not in OF_A_RUN} for name, report in reports.items()}


def finished(folder: Path) -> dict[str, float]:
    """When each job was finished, by its folder."""
    return {str(path.relative_to(folder)): path.stat().st_mtime for path in folder.rglob("job.key")}


def killed_until_done(command: Command, folder: Path, longest: float, draw: random.Random) -> dict[str, Any]:
    """Kill it at random moments until it ends by itself.

    Args:
        command: What is run.
        folder: Where.
        longest: Seconds to the latest kill.
        draw: Of the moments.

    Returns:
        ``kills``, ``repeated`` jobs that were finished already, and the exit ``code``.
    """
    kills, repeated = 0, 0
    while True:
        done = finished(folder)
        process = start(command, folder)
        try:
            code = process.wait(draw.uniform(0.2, 0.9) * longest if kills < MOST else None)
        except subprocess.TimeoutExpired:
            (os.kill if kills % 2 else os.killpg)(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(PATIENCE if kills % 2 else 0)
            kills += 1
            code = None
        now = finished(folder)
        repeated += sum(now.get(name) != moment for name, moment in done.items())
        if code is not None:
            return {"kills": kills, "repeated": repeated, "code": code}


def main(args: Sequence[str] | None = None) -> None:
    """Kill, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times that each command is killed until it is done")
    options = parser.parse_args(args)
    shutil.rmtree(ROOT, ignore_errors=True)
    prepare(ROOT)
    rows = []
    for number, command in enumerate(COMMANDS):
        whole = ROOT / f"{number}-whole"
        started = time.perf_counter()
        assert start(command, whole).wait() == 0, f"{command.name}: see {whole}/said.log"
        longest = time.perf_counter() - started
        for turn in track(range(options.rounds), command.name):
            folder = ROOT / f"{number}-{turn}"
            found = killed_until_done(command, folder, longest, random.Random(f"{number} {turn}"))
            same = {"weights": weights(folder) == weights(whole), "figures": figures(folder) == figures(whole)}
            partial = [str(path.relative_to(folder)) for path in folder.rglob("*.part")]
            rows.append({"command": command.name, "round": turn, **found, "identical": same, "partial": partial})
            write("kills", f"--rounds {options.rounds}", {"rows": rows})


if __name__ == "__main__":
    main()
