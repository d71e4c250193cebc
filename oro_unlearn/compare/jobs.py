"""Runs that are done only once. A finished job stores a hash of everything that it depends on, and one of its code."""

import contextlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from oro_unlearn import __version__
from oro_unlearn.cli.presets import config_path
from oro_unlearn.compare.sources import NOT_RECORDED, files_of, sources
from oro_unlearn.files import sha256_of, write_json

CLASS_OPTIONS = ("--model", "--data", "--model.network", "--model.optimizer", "--model.lr_scheduler")


class Job(NamedTuple):
    """One ``oro-unlearn fit``."""

    folder: Path
    config: Path  # path of a YAML, or the name of a preset
    seed: int
    options: list[str]
    inputs: list[Path]  # weights that it reads; their content is part of the key

    @property
    def command(self) -> list[str]:
        """The words after ``oro-unlearn``."""
        words = ["fit", "--config", str(self.config), "--seed_everything", str(self.seed)]
        return [*words, "--trainer.default_root_dir", str(self.folder), *self.options]

    def key(self) -> str:
        """Hash of version, configuration (without comments), command and inputs. The hash of the code is separate."""
        config = json.dumps([yaml.safe_load(path.read_text()) for path in self.configs], sort_keys=True)
        _, *parts = (part for value in (__version__, config, *self.command, *self.inputs) for part in ("\0", value))
        return sha256_of(parts)

    @property
    def configs(self) -> list[Path]:
        """Paths of its configuration files. Later files override earlier ones."""
        return [Path(config_path(name)) for name in self._config_names]

    @property
    def _config_names(self) -> list[str]:
        """Names of its configuration files in the command."""
        return [value for word, value in pairwise(self.command) if word == "--config"]

    def sources(self) -> str:
        """Hash of the current code that it would run."""
        named = [path for config in self.configs for path in _class_paths(yaml.safe_load(config.read_text()))]
        words = list(pairwise(self.command))
        methods = [path for option, path in named if option == "model"] + [value for word, value in words if word == "--model"]
        others = [path for _, path in named] + [value for word, value in words if word in CLASS_OPTIONS]
        classes = [kind for kind in type(self).__mro__ if kind.__module__.startswith("oro_unlearn.compare.")]
        kinds = {Path(inspect.getfile(kind)) for kind in classes}
        method = methods[-1].removeprefix("oro_unlearn.methods.") if methods else ""
        return sources(method, tuple(sorted(kinds | set(files_of(path for path in others if "." in path)))))

    def recorded(self) -> dict[str, Any]:
        """The record of a finished job: ``key``, ``sources``, ``version``, ``configuration``; empty if it is not finished."""
        path = self.folder / "job.key"
        if not path.is_file():
            return {}
        text = path.read_text()
        return json.loads(text) if text.startswith("{") else {"key": text}

    def recorded_sources(self) -> str:
        """Hash of the code that it ran with."""
        return str(self.recorded().get("sources", NOT_RECORDED))

    def mark_finished(self) -> None:
        """Record that the job is finished: its key, its code, its command and its configuration."""
        configuration = {name: Path(config_path(name)).read_text() for name in self._config_names}
        about = {"key": self.key(), "sources": self.sources(), "version": __version__, "command": self.command}
        write_json({**about, "configuration": configuration}, self.folder / "job.key")

    def finished(self) -> bool:
        """Whether exactly this job has finished, with the current code or another."""
        complete = (self.folder / "report.json").is_file() and all(path.is_file() for path in self.inputs)
        return complete and self.recorded().get("key") == self.key()

    def current(self) -> bool:
        """Whether it has finished with the current code."""
        return self.finished() and self.recorded_sources() == self.sources()

    def usable(self, reuse: bool = False) -> bool:
        """Whether the job need not run again.

        Args:
            reuse: Whether a job that finished with other code counts too.
        """
        return self.finished() if reuse else self.current()

    def run(self, *words: str) -> None:
        """Run the job in this process, even if it is finished. A mistake raises SystemExit, as on the command line.

        Args:
            words: More words for the command. They are not part of the key.
        """
        from oro_unlearn.cli import main

        sys.argv = sys.argv[:1]  # LightningCLI warns when both are given
        (self.folder / "job.key").unlink(missing_ok=True)
        main([*self.command, *words])
        self.mark_finished()

    def report(self) -> dict[str, Any]:
        """Content of the job's ``report.json``."""
        return json.loads((self.folder / "report.json").read_text())


def run_stages(
    stages: Sequence[Sequence[Job]], processes: int | None = None, backend: str = "loky", reuse: bool = False
) -> None:
    """Run the unfinished jobs of each stage in parallel, and the stages in sequence, with progress on the terminal.

    Args:
        stages: Lists of jobs. Jobs of one stage must not depend on each other.
        processes: Number of jobs at a time; None: one per core.
        backend: Backend of joblib: ``loky`` (this machine), or ``ray`` or ``dask`` (a cluster that shares this folder).
        reuse: Whether to keep finished jobs that ran with other code. Otherwise they run again. A line says which.
    """
    from joblib import Parallel, delayed, parallel_config
    from rich.progress import track
    from torch import get_num_threads

    _connect(backend)
    processes = processes or os.cpu_count() or 1
    threads = max(1, min(get_num_threads(), (os.cpu_count() or 1) // processes))  # never more than OMP_NUM_THREADS allows
    ordered = {} if backend == "ray" else {"return_as": "generator_unordered"}  # ray returns a list, at the end
    for number, stage in enumerate(stages, start=1):
        other = [job for job in stage if job.finished() and not job.current()]
        if other:
            codes = ", ".join(sorted({job.recorded_sources()[:12] for job in other}))
            print(f"{len(other)} finished jobs ran with other sources ({codes}): {'taken' if reuse else 'run again'}")
        missing = [job for job in stage if not job.usable(reuse)]
        with parallel_config(backend=backend, n_jobs=processes):
            results = Parallel(**ordered)(delayed(_work)(job, threads, reuse) for job in missing)
        for _ in track(results, f"stage {number} of {len(stages)}", total=len(missing), transient=True):
            pass


def _class_paths(config: Any, option: str = "") -> Iterator[tuple[str, str]]:
    """Options of a configuration that name a class or function, with its import path."""
    for name, value in config.items() if isinstance(config, dict) else []:
        if name == "class_path":
            yield option, str(value)
        elif option == "" and name in ("model", "data") and isinstance(value, str):
            yield name, value
        yield from _class_paths(value, name)


def _connect(backend: str) -> None:
    """Register a cluster's backend with joblib."""
    if backend == "ray":
        from ray.util.joblib import register_ray

        register_ray()
    elif backend == "dask":
        from distributed import Client

        Client()  # connects to DASK_SCHEDULER_ADDRESS, or starts a cluster on this machine


@contextlib.contextmanager
def with_threads(count: int) -> Iterator[None]:
    """Let PyTorch use so many threads in this block, and as many as before after it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _work(job: Job, threads: int, reuse: bool = False) -> None:
    """Run a job with its output in ``job.log``. A failure is printed and does not stop other jobs."""
    if job.usable(reuse):
        return
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "job.log").open("w") as log, contextlib.redirect_stdout(log), with_threads(threads):
        try:
            job.run("--trainer.enable_progress_bar", "false")
        except (Exception, SystemExit):
            traceback.print_exc(file=log)
            print(f"{job.folder} failed: see job.log there", file=sys.stderr)
