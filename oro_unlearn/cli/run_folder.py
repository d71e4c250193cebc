"""The folder of a run: its files belong to one run, are complete, and stay until a new run has its first result."""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities import rank_zero_only

from oro_unlearn.cli.run_identity import Identity
from oro_unlearn.files import first_line, one_line, replacing, sha256, write_json
from oro_unlearn.networks.adapter_files import BASE, CONFIG, WEIGHTS
from oro_unlearn.report import pictures
from oro_unlearn.report.page import PAGES
from oro_unlearn.report.provenance import commit, input_files, named, written
from oro_unlearn.user_error import UserError

CHECKPOINT, REPORT = "model.ckpt", "report.json"
WRITTEN = ("model.safetensors", "moment.safetensors", *(f"adapter/{name}" for name in (CONFIG, WEIGHTS, BASE)))
PICTURES = pictures()


class RunFolder:
    """Starts a run in a folder, detects a stopped run there, and writes the report.

    Args:
        root: The folder.
        config: All options of the run, as plain values from YAML.
    """

    def __init__(self, root: str | Path, config: Mapping[str, Any]) -> None:
        self.root, self.config = Path(root), config
        self.inputs = input_files(config)
        self.identity = Identity.of(config, self.inputs)
        self.notes: dict[str, Any] = {}  # metadata for the weights of this run
        self.goes_on = False  # whether this run continues the one that was stopped here
        self.started_from: dict[str, str] | None = None  # path and hash of the checkpoint of --ckpt_path
        self.begun = False

    def learn(self, content: Mapping[str, str]) -> None:
        """Add the hashes of the data to the identity of this run. They are known only after the data are read."""
        self.identity = self.identity._replace(data=dict(content))

    @property
    def unfinished(self) -> Path | None:
        """The checkpoint of a run without a report, which is not complete; None if there is none."""
        path = self.root / CHECKPOINT
        return path if path.is_file() and not (self.root / REPORT).exists() else None

    def stopped(self) -> tuple[Path, int] | None:
        """The checkpoint of this run if it was stopped earlier, and its number of finished epochs; None if there is none.

        If a run with other options was stopped here, a printed line names the options that differ.

        Raises:
            UserError: If a run with the same options was stopped here and cannot be continued, or if its checkpoint does not
                tell its options.
        """
        path = self.unfinished
        if path is None:
            return None
        content = read_stopped(path)
        epochs, stopped = int(content["epoch"]) + 1, Identity.read(content.get("identity"))
        differing = stopped.differences(self.identity) if stopped else ["the version of oro_unlearn that wrote it"]
        if not differing:
            return path, epochs
        here = f"the run that was stopped in {self.root} after epoch {epochs} is not this one: {', '.join(differing)} differ"
        if stopped and stopped.other_options(self.identity):
            rank_zero_only(print)(f"{here}; this one starts again, and its first checkpoint replaces the stopped run")
            return None
        raise UserError(f"{here}; --resume false starts again, --ckpt_path {path} continues the stopped run anyway")

    def check_data(self, content: Mapping[str, Any]) -> None:
        """Refuse to continue a stopped run on other data.

        Args:
            content: Content of the run's checkpoint.

        Raises:
            UserError: If the data differ. Nothing has been replaced then.
        """
        stopped = Identity.read(content.get("identity"))
        differing = stopped.differences(self.identity) if self.goes_on and stopped else []
        if differing:
            raise UserError(
                f"the run that was stopped in {self.root} used other data: {', '.join(differing)} differ; "
                f"--resume false starts again, --ckpt_path {self.root / CHECKPOINT} continues the stopped run anyway"
            )

    def begin(self, save_config: Callable[[], None]) -> None:
        """Remove the files of an earlier run, and write the configuration. Only the first call has an effect."""
        if self.begun:
            return
        self.begun = True
        for name in (REPORT, *PAGES, *PICTURES, *WRITTEN):  # the report first: without it the folder counts as unfinished
            (self.root / name).unlink(missing_ok=True)
        adapter = self.root / "adapter"
        if adapter.is_dir() and not any(adapter.iterdir()):
            adapter.rmdir()  # only if empty: it may hold files of the user
        self.root.mkdir(parents=True, exist_ok=True)
        save_config()

    def report(self) -> dict[str, Any]:
        """Content of ``report.json``; empty if the file is missing or cannot be read."""
        try:
            content = json.loads((self.root / REPORT).read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def check(self, path: Path) -> None:
        """Reject a checkpoint whose hash is not the one in the report beside it.

        Raises:
            UserError: If the checkpoint was changed after the report was written.
        """
        known = self.report().get("files", {}).get(CHECKPOINT)
        if known and sha256(path) != known:
            raise UserError(
                f"{path} is not the checkpoint that {self.root / REPORT} was written for: it was changed or damaged; "
                "run fit again, or name another with --ckpt_path"
            )

    def is_own(self, path: str | Path) -> bool:
        """Whether a file is the checkpoint of this folder."""
        checkpoint = self.root / CHECKPOINT
        return checkpoint.is_file() and Path(path).is_file() and checkpoint.samefile(path)

    def provenance(self, measured: Path | None = None) -> dict[str, Any]:
        """The part of a report that records its origin: options, code, input files and data.

        Args:
            measured: The checkpoint that ``--ckpt_path`` names for a measurement; None for the checkpoint of this run.
        """
        where = {"run": self.identity.mark, "sources": self.identity.sources, "own_sources": self.identity.own_sources}
        where |= {"commit": commit()} if commit() else {}
        where |= {"inputs": self.inputs, "data_sha256": self.identity.data}
        if measured is None:
            where |= {"started_from": self.started_from} if self.started_from else {}
            return {**where, "files": written(self.root, (CHECKPOINT, *WRITTEN)), "config": self.config}
        return {**where, "checkpoint": named(measured), "config": self.config}

    def write(self, report: Mapping[str, Any], folder: Path | None = None) -> None:
        """Write ``report.json``. It is written last: a folder with this file is a complete run.

        Args:
            report: Content of the report.
            folder: Folder for the report; None for the run's folder.
        """
        write_json(report, (folder or self.root) / REPORT)


def free_for_a_report(folder: Path) -> Path:
    """Refuse to write the report of a measurement into the folder of a run, because that would change the run.

    Args:
        folder: The folder that ``--report`` names.

    Raises:
        UserError: If the folder contains files of a run.
    """
    existing = next((name for name in (CHECKPOINT, *WRITTEN) if (folder / name).exists()), None)
    if existing:
        raise UserError(
            f"--report {folder} is the folder of a run ({existing} is there), which test never changes: name another"
        )
    return folder


def read_stopped(path: Path) -> dict[str, Any]:
    """Load a checkpoint that a stopped run may have written.

    Raises:
        UserError: If the file cannot be read.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        int(content["epoch"])
    except Exception as error:  # torch may raise any exception for a damaged or foreign file
        reason = one_line(error) or type(error).__name__
        raise UserError(
            f"{path} cannot be read ({reason}), and no {REPORT} says that its run is complete: move it away, or start again "
            "with --resume false, which replaces it"
        ) from None
    return content


class History(CSVLogger):
    """Logs metrics per step. Its folder is removed again if the fit fails before the first metric.

    Args:
        root: The folder of the run.
        kwargs: Arguments of Lightning's logger.
    """

    def __init__(self, root: str | Path, **kwargs: Any) -> None:
        super().__init__(root, **kwargs)
        folder = Path(self.log_dir)
        self._new = [place for place in (folder, *folder.parents) if not place.exists()]  # inner ones first

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write the remaining metrics. After a failed fit, remove the folders that it created and left empty."""
        super().finalize(status)
        with contextlib.suppress(OSError):
            for place in self._new if status == "failed" else []:
                place.rmdir()


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints atomically. If the process is killed, the file has either the old or the new content.

    ``begin`` removes an earlier run's files, so it is called after the new file is written and before it replaces the old
    one. A callback's ``on_save_checkpoint`` would be too early: on a full disk the earlier run would lose its report, and no
    new checkpoint would be written.

    Args:
        begin: Called before the first checkpoint replaces an older file.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        self.begin = begin

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write the checkpoint.

        Raises:
            UserError: If it cannot be written. An older file is kept.
        """
        try:
            with replacing(path, self.begin) as partial, partial.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
            raise UserError(
                f"{path} cannot be written ({first_line(error)}): make room there, and run the same command again"
            ) from None
