"""The folder of a run: what is in it is of one run, whole, and stays until there is something to put in its place."""

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
from oro_unlearn.report.provenance import input_files, named, written
from oro_unlearn.user_error import UserError

CHECKPOINT, REPORT = "model.ckpt", "report.json"
WRITTEN = ("model.safetensors", *(f"adapter/{name}" for name in (CONFIG, WEIGHTS, BASE)))
PICTURES = pictures()


class RunFolder:
    """Begins a run in a folder, tells whether one stopped there, and keeps its report.

    Args:
        root: The folder.
        config: Everything the run was asked for, as YAML has it.
    """

    def __init__(self, root: str | Path, config: Mapping[str, Any]) -> None:
        self.root, self.config = Path(root), config
        self.inputs = input_files(config)
        self.identity = Identity.of(config, self.inputs)
        self.notes: dict[str, Any] = {}  # what this run's weights say of themselves
        self.goes_on = False  # with the run that was stopped here
        self.started_from: dict[str, str] | None = None  # path and hash of a checkpoint that was named
        self.begun = False

    def learn(self, content: Mapping[str, str]) -> None:
        """Take the hashes of the data into what makes this run the same run; they are known when the data are read."""
        self.identity = self.identity._replace(data=dict(content))

    @property
    def unfinished(self) -> Path | None:
        """A checkpoint here that no report completes; None if there is none."""
        path = self.root / CHECKPOINT
        return path if path.is_file() and not (self.root / REPORT).exists() else None

    def stopped(self) -> tuple[Path, int] | None:
        """The checkpoint of this very run, where it was stopped, and the epochs it has done; None if there is none.

        Of a run with other options, one line says why it does not go on.

        Raises:
            UserError: If a run was stopped here that cannot go on, though its options are these; or nobody can tell.
        """
        path = self.unfinished
        if path is None:
            return None
        content = read_stopped(path)
        epochs, found = int(content["epoch"]) + 1, Identity.read(content.get("identity"))
        differing = found.differences(self.identity) if found else ["the version of oro_unlearn that wrote it"]
        if not differing:
            return path, epochs
        here = f"the run that was stopped in {self.root} after epoch {epochs} is not this one: {', '.join(differing)} differ"
        if found and found.other_options(self.identity):
            rank_zero_only(print)(f"{here}; this one begins anew, and replaces it with its first checkpoint")
            return None
        raise UserError(f"{here}; --resume false begins anew, --ckpt_path {path} goes on with it all the same")

    def check_data(self, content: Mapping[str, Any]) -> None:
        """Refuse to go on with a stopped run on other data.

        Args:
            content: Of its checkpoint.

        Raises:
            UserError: If they are others; nothing has been replaced.
        """
        found = Identity.read(content.get("identity"))
        differing = found.differences(self.identity) if self.goes_on and found else []
        if differing:
            raise UserError(
                f"the run that was stopped in {self.root} was on other data: {', '.join(differing)} differ; "
                f"--resume false begins anew, --ckpt_path {self.root / CHECKPOINT} goes on with it all the same"
            )

    def begin(self, save_config: Callable[[], None]) -> None:
        """Remove what an earlier run has left, once, and write the configuration."""
        if self.begun:
            return
        self.begun = True
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
            UserError: If it was changed since.
        """
        known = self.report().get("files", {}).get(CHECKPOINT)
        if known and sha256(path) != known:
            raise UserError(
                f"{path} is not the checkpoint that {self.root / REPORT} was written for: it was changed or damaged; "
                "run fit again, or name another with --ckpt_path"
            )

    def is_own(self, path: str | Path) -> bool:
        """Whether a file is the checkpoint of this folder."""
        own = self.root / CHECKPOINT
        return own.is_file() and Path(path).is_file() and own.samefile(path)

    def provenance(self, measured: Path | None = None) -> dict[str, Any]:
        """What a report says of where it comes from.

        Args:
            measured: Checkpoint that was named to be measured; None for the run's own.
        """
        where = {"run": self.identity.mark, "sources": self.identity.sources, "own_sources": self.identity.own_sources}
        where |= {"inputs": self.inputs, "data_sha256": self.identity.data}
        if measured is None:
            where |= {"started_from": self.started_from} if self.started_from else {}
            return {**where, "files": written(self.root, (CHECKPOINT, *WRITTEN)), "config": self.config}
        return {**where, "checkpoint": named(measured), "config": self.config}

    def write(self, report: Mapping[str, Any], folder: Path | None = None) -> None:
        """``report.json``, which comes last: where it is, the run is complete.

        Args:
            report: Its content.
            folder: Another than the run's.
        """
        write_json(report, (folder or self.root) / REPORT)


def free_for_a_report(folder: Path) -> Path:
    """Refuse to put the report of a measurement into the folder of a run, which it would change.

    Args:
        folder: What ``--report`` names.

    Raises:
        UserError: If a run lies there.
    """
    found = next((name for name in (CHECKPOINT, *WRITTEN) if (folder / name).exists()), None)
    if found:
        raise UserError(f"--report {folder} is the folder of a run ({found} is there), which test never changes: name another")
    return folder


def read_stopped(path: Path) -> dict[str, Any]:
    """Content of a checkpoint that may be of a run that was stopped.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        int(content["epoch"])
    except Exception as error:  # whatever torch says of a damaged or foreign file
        reason = one_line(error) or type(error).__name__
        raise UserError(
            f"{path} cannot be read ({reason}), and no {REPORT} says that its run is complete: move it away, or begin anew "
            "with --resume false, which replaces it"
        ) from None
    return content


class History(CSVLogger):
    """Metrics by the step, in a folder that goes again if the fit is refused before there are any.

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
        """Write what is left; take away the folders that a failed fit has made, and left empty."""
        super().finalize(status)
        with contextlib.suppress(OSError):
            for place in self._new if status == "failed" else []:
                place.rmdir()


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint in one step, from a file beside it: it is the old one or the new one, whenever the process ends.

    ``begin`` removes an earlier run's files, so it comes between writing and replacing. A callback's ``on_save_checkpoint``
    comes before the file is written: on a full disk the earlier run would lose its report for nothing.

    Args:
        begin: Called before the first one is put in its place.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        self.begin = begin

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write it.

        Raises:
            UserError: If it cannot be written; what was there stays.
        """
        try:
            with replacing(path, self.begin) as partial, partial.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch's writer says RuntimeError where the disk is full
            raise UserError(
                f"{path} cannot be written ({first_line(error)}): make room there, and run the same command again"
            ) from None
