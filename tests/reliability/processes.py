"""Run every method with one process and with several, and compare figures and weights.

    python -m tests.reliability.processes                    (two processes on this machine's CPU, by torchrun)

Global batches are the same, so weights may differ by rounding only. Batch normalisation keeps its statistics here, since each
process would see only a part of a batch. In one test set, one process has no images. Writes
benchmarks/results/reliability_processes.json.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from oro_unlearn.cli import main as command_line
from tests.reliability.records import write
from tests.reliability.small_runs import Case, cases, prepare
from tests.undrawn import undrawn

ROOT = Path("runs/reliability/processes")
UNEQUAL = {"checkpoint", "seconds", "run", "processes", "versions", "hardware", "files", "config", "inputs", "data_sha256"}


def run_all(words: Sequence[Sequence[str]], world: int, folder: Path, launch_one: bool = False, drawn: bool = True) -> None:
    """Run commands one after another, each by ``world`` processes that torchrun starts.

    Args:
        words: Of each command, after ``oro-unlearn``.
        world: Number of processes; 1 is this one.
        folder: For the list of commands.
        launch_one: Start one process by torchrun too.
        drawn: Whether the processes draw pictures.

    Raises:
        RuntimeError: If a process fails; with the end of what it said.
    """
    if world == 1 and not launch_one:
        sys.argv = sys.argv[:1]  # LightningCLI warns when both are given
        for command in words:
            command_line(list(command))
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "commands.json").write_text(json.dumps([list(command) for command in words]))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(world)]
    launch += ["-m", "tests.reliability.processes", "--worker", str(folder / "commands.json")]
    launch += [] if drawn else ["--undrawn"]
    done = subprocess.run(launch, capture_output=True, text=True, check=False)
    if done.returncode:
        ours = [line for line in done.stderr.splitlines() if "oro-unlearn: error" in line or line.startswith("[rank")]
        raise RuntimeError("\n".join([" ".join(launch), *ours[-40:]]) or done.stderr[-4000:])


def compare(one: Path, several: Path) -> dict[str, float]:
    """Largest difference by figure of two runs, and under ``weights`` of their weights.

    Args:
        one: Folder of a finished run.
        several: Of another.

    Raises:
        ValueError: If one has a figure that the other lacks.
    """
    reports = [flat({k: v for k, v in json.loads((f / "report.json").read_text()).items() if k not in UNEQUAL})
               for f in (one, several)]  # fmt: skip
    if reports[0].keys() != reports[1].keys():
        raise ValueError(f"{one} and {several} do not have the same figures: {reports[0].keys() ^ reports[1].keys()}")
    found: dict[str, float] = {}
    for name, value in reports[0].items():
        other, figure = reports[1][name], name.rpartition(".")[2]
        gap = abs(value - other) if isinstance(value, int | float) and isinstance(other, int | float) else float(value != other)
        found[figure] = max(found.get(figure, 0.0), gap)
    files = [folder / "model.safetensors" for folder in (one, several)]
    if all(path.is_file() for path in files):  # measuring writes none
        weights = [load_file(path) for path in files]
        found["weights"] = max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])
    return found


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """Leaves by their place; those of lists by position."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {name: leaf for key, item in pairs for name, leaf in flat(item, f"{place}.{key}").items()}
    return {place: value}


def trained_and_measured(
    chosen: Sequence[Case], world: int, root: Path, measured: Sequence[str] = (), drawn: bool = True
) -> dict[str, dict[str, dict[str, float]]]:
    """Differences by case: of runs by one and by several processes, and of measuring the one's checkpoint by several.

    Args:
        chosen: Runs.
        world: Number of processes.
        root: Folder for all of it.
        measured: Names of the cases whose checkpoint is measured again; all of them when left out.
        drawn: Whether the several processes draw pictures.
    """
    several = ["--trainer.devices", str(world), "--trainer.strategy", "ddp"]
    folders = {kind: {case.name: root / kind / case.name for case in chosen} for kind in ("one", "several", "test")}
    into = {
        kind: {name: ["--trainer.default_root_dir", str(path)] for name, path in own.items()} for kind, own in folders.items()
    }
    run_all([[*case.words, *into["one"][case.name]] for case in chosen], 1, root)
    again = [
        [
            "test",
            *case.words[1:],
            "--ckpt_path",
            str(folders["one"][case.name] / "model.ckpt"),
            *into["test"][case.name],
            "--report",
            str(folders["test"][case.name]),
            *several,
        ]
        for case in chosen
        if case.name in measured or not measured
    ]
    run_all([*([*case.words, *into["several"][case.name], *several] for case in chosen), *again], world, root, drawn=drawn)
    kinds = {"trained": "several", "measured": "test"}
    return {
        kind: {
            name: compare(folders["one"][name], path)
            for name, path in folders[other].items()
            if (path / "report.json").is_file()
        }
        for kind, other in kinds.items()
    }


def largest(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Of all cases, by figure."""
    names = dict.fromkeys(name for differences in found.values() for name in differences)
    return {name: max(differences.get(name, 0.0) for differences in found.values()) for name in names}


def main(args: Sequence[str] | None = None) -> None:
    """Compare all, or be one of several processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", type=Path, help="a list of commands, as this script writes it for torchrun")
    parser.add_argument("--undrawn", action="store_true", help="pictures of one pixel")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(args)
    if options.worker:
        sys.argv = sys.argv[:1]
        with undrawn() if options.undrawn else nullcontext():
            for words in json.loads(options.worker.read_text()):
                command_line(words)
        return
    comparable = [case for case in cases(prepare(ROOT)) if not case.by_process]
    found = trained_and_measured(comparable, options.processes, ROOT)
    by_metric = {kind: largest(by_case) for kind, by_case in found.items()}
    write("processes", f"--processes {options.processes}", {"processes": options.processes, "by_metric": by_metric, **found})
    for kind, differences in by_metric.items():
        print(kind, "largest differences:", dict(sorted(differences.items(), key=lambda pair: -pair[1])[:5]))


if __name__ == "__main__":
    main()
