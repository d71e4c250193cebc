"""The folder of a run: what is in it is of one run, whole, and stays until there is something to put in its place."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from oro_unlearn.networks.adapter_files import BASE, CONFIG, WEIGHTS
from oro_unlearn.report import class_report, relation_report
from oro_unlearn.report.provenance import commit, input_files, settings, sha256, written
from oro_unlearn.report.run_report import versions, write_json

CHECKPOINT, REPORT = "model.ckpt", "report.json"
WRITTEN = ("model.safetensors", *(f"adapter/{name}" for name in (CONFIG, WEIGHTS, BASE)))
PICTURES = (*class_report.FIGURES, *relation_report.FIGURES)


class RunFolder:
    """Begins a run in a folder, tells whether one stopped there, and keeps its report.

    Args:
        root: The folder.
        config: Everything the run was asked for, as YAML has it.
    """

    def __init__(self, root: str | Path, config: Mapping[str, Any]) -> None:
        self.root, self.config = Path(root), config
        self.inputs = input_files(config)
        self.commit = commit()
        content = [settings(config), self.inputs, versions(), self.commit]
        self.mark = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
        self.notes: dict[str, Any] = {}  # what this run's weights say of themselves
        self._begun = False

    def stopped(self) -> tuple[Path, int] | None:
        """The checkpoint of this very run, where it was stopped, and the epochs it has done; None if there is none."""
        path = self.root / CHECKPOINT
        if not path.is_file() or self.report().get("run") == self.mark:
            return None
        try:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            return (path, int(content["epoch"]) + 1) if content.get("run") == self.mark else None
        except Exception:  # whatever is wrong with it, it is no checkpoint of this run
            return None

    def begin(self, save_config: Callable[[], None]) -> None:
        """Remove what an earlier run has left, once, and write the configuration."""
        if self._begun:
            return
        self._begun = True
        for name in (REPORT, *PICTURES, *WRITTEN):  # the report first: a folder without it is no finished run
            (self.root / name).unlink(missing_ok=True)
        adapter = self.root / "adapter"
        if adapter.is_dir() and not any(adapter.iterdir()):
            adapter.rmdir()  # never a folder with the user's own files
        self.root.mkdir(parents=True, exist_ok=True)
        save_config()

    def report(self) -> dict[str, Any]:
        """Content of ``report.json``; empty where there is none that can be read."""
        try:
            found = json.loads((self.root / REPORT).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def check(self, path: Path) -> None:
        """Refuse a checkpoint that the report beside it does not know.

        Raises:
            ValueError: If it was changed since.
        """
        known = self.report().get("files", {}).get(CHECKPOINT)
        if known and sha256(path) != known:
            raise ValueError(
                f"{path} is not the checkpoint that {self.root / REPORT} was written for: it was changed or damaged; "
                "run fit again, or name another with --ckpt_path"
            )

    def provenance(self, data: Any) -> dict[str, Any]:
        """What a report says of where it comes from."""
        content = data.content() if hasattr(data, "content") else {}
        where = {"run": self.mark, "commit": self.commit, "inputs": self.inputs, "data_sha256": content}
        return {**where, "files": written(self.root, (CHECKPOINT, *WRITTEN)), "config": self.config}

    def write(self, report: Mapping[str, Any]) -> None:
        """``report.json``, which comes last: where it is, the run is complete."""
        write_json(report, self.root / REPORT)


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint in one step, from a file beside it: it is the old one or the new one, whenever the process ends.

    Args:
        begin: Called before the first one is put in its place.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        self.begin = begin

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write it.

        Raises:
            OSError: If it cannot be written; what was there stays.
        """
        path = Path(path)
        partial = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            self.begin()
            os.replace(partial, path)
        except (OSError, RuntimeError) as error:  # torch's writer says RuntimeError where the disk is full
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            reason = str(error).splitlines()[0]
            raise OSError(f"{path} cannot be written ({reason}): make room there, and run the same command again") from None
