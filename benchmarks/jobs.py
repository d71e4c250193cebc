"""Runs of the command line that are done once: a job is finished when its folder holds the key of everything it depends on."""

import contextlib
import hashlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Job(NamedTuple):
    """One ``oro-unlearn fit``."""

    folder: Path
    config: Path
    seed: int
    options: list[str]
    inputs: list[Path]  # weights it reads; their content is part of the key

    @property
    def command(self) -> list[str]:
        """Words after ``oro-unlearn``."""
        words = ["fit", "--config", str(self.config), "--seed_everything", str(self.seed)]
        return [*words, "--trainer.default_root_dir", str(self.folder), *self.options]

    def key(self) -> str:
        """Hash of version, configuration (comments aside), command and inputs."""
        from oro_unlearn import __version__

        config = json.dumps(yaml.safe_load(self.config.read_text()), sort_keys=True)
        parts = [text.encode() for text in (__version__, config, *self.command)]
        return hashlib.sha256(b"\0".join([*parts, *(path.read_bytes() for path in self.inputs)])).hexdigest()

    def finished(self) -> bool:
        """Whether this very job has been run to its end."""
        key = self.folder / "job.key"
        complete = key.is_file() and (self.folder / "report.json").is_file() and all(path.is_file() for path in self.inputs)
        return complete and key.read_text() == self.key()

    def run(self, *words: str) -> None:
        """Run it in this process, finished or not; a mistake ends in SystemExit as on the command line.

        Args:
            words: Added to the command, without a part in the key.
        """
        from oro_unlearn.cli import main

        sys.argv = sys.argv[:1]  # LightningCLI warns when both are given
        (self.folder / "job.key").unlink(missing_ok=True)
        main([*self.command, *words])
        (self.folder / "job.key").write_text(self.key())

    def report(self) -> dict[str, Any]:
        """What it measured."""
        return json.loads((self.folder / "report.json").read_text())


def run_stages(stages: Sequence[Sequence[Job]], processes: int | None = None, backend: str = "loky") -> None:
    """Run every stage's unfinished jobs side by side, the stages one after the other, with progress on the terminal.

    Args:
        stages: Jobs of a stage do not depend on each other.
        processes: How many at a time; one a core when left out.
        backend: Of joblib: ``loky`` (this machine), or ``ray`` or ``dask`` (a cluster that shares this folder).
    """
    from joblib import Parallel, delayed, parallel_config
    from rich.progress import track

    _connect(backend)
    processes = processes or os.cpu_count() or 1
    threads = max(1, (os.cpu_count() or 1) // processes)
    ordered = {} if backend == "ray" else {"return_as": "generator_unordered"}  # ray hands over a list, at the end
    for number, stage in enumerate(stages, start=1):
        missing = [job for job in stage if not job.finished()]
        with parallel_config(backend=backend, n_jobs=processes):
            results = Parallel(**ordered)(delayed(_work)(job, threads) for job in missing)
        for _ in track(results, f"stage {number} of {len(stages)}", total=len(missing)):
            pass


def _connect(backend: str) -> None:
    """Make joblib know a cluster's backend."""
    if backend == "ray":
        from ray.util.joblib import register_ray

        register_ray()
    elif backend == "dask":
        from distributed import Client

        Client()  # DASK_SCHEDULER_ADDRESS, or a cluster on this machine


def _work(job: Job, threads: int) -> None:
    """Run a job into its log; a failed one says so and stops nothing."""
    if job.finished():
        return
    import torch

    torch.set_num_threads(threads)
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "job.log").open("w") as log, contextlib.redirect_stdout(log):
        try:
            job.run("--trainer.enable_progress_bar", "false")
        except (Exception, SystemExit):
            traceback.print_exc(file=log)
            print(f"{job.folder} failed: see job.log there", file=sys.stderr)
