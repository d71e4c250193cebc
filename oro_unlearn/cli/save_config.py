"""Write the configuration of a run, and record the identity of the run in its checkpoints."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.trainer.states import TrainerFn

from oro_unlearn.cli.lineage import notes_of
from oro_unlearn.cli.run_folder import RunFolder
from oro_unlearn.files import write_text
from oro_unlearn.methods import UnlearningModule


class SaveConfig(SaveConfigCallback):
    """Writes ``config.yaml`` with the first result, so that a run that fails earlier changes nothing, and marks checkpoints.

    Args:
        args: Arguments of Lightning's callback.
        folder: The folder of the run; None if nothing is written, as in a rehearsal.
        content: The configuration as plain values.
        kwargs: Arguments of Lightning's callback.
    """

    def __init__(
        self, *args: Any, folder: RunFolder | None = None, content: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.folder, self.content = folder, content

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Add the hashes of the data, which are read now, to the run's identity. Nothing is written yet."""
        if self.folder is None:
            return
        assert isinstance(pl_module, UnlearningModule)
        if not self.folder.identity.data:
            self.folder.learn(trainer.strategy.broadcast(pl_module.data.content() if trainer.is_global_zero else {}))
        self.folder.notes = notes_of(pl_module, self.folder) if stage == "fit" else {}

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the configuration into the run's folder, atomically."""
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        text = yaml.dump(self.content, Dumper=dumper, allow_unicode=True, sort_keys=False)
        header = "".join(f"# {line}\n" for line in self.parser.dump_header or [])
        write_text(header + text, Path(trainer.default_root_dir) / self.config_filename)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Record the identity of the run, so that the same command recognises its checkpoint."""
        checkpoint["identity"] = self.folder.identity.written() if self.folder else ""
        checkpoint["started_from"] = self.folder.started_from if self.folder else None
        checkpoint["oro_unlearn"] = self.folder.notes if self.folder else {}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Check that a stopped run is continued on the same data."""
        if self.folder is not None:
            self.folder.check_data(checkpoint)
            if self.folder.goes_on or trainer.state.fn != TrainerFn.FITTING:
                self.folder.started_from = checkpoint.get("started_from")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """After an interruption from the keyboard, print how to continue."""
        if isinstance(exception, KeyboardInterrupt) and self.folder and self.folder.unfinished:
            print("stopped; the same command continues the run", file=sys.stderr)
