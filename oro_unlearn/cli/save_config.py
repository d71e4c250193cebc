"""What a run writes of itself besides its results: its configuration, and marks in its checkpoints."""

import sys
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.trainer.states import TrainerFn

from oro_unlearn.cli.first_look import Rehearsal
from oro_unlearn.cli.lineage import notes_of
from oro_unlearn.cli.run_folder import RunFolder
from oro_unlearn.files import replacing


class SaveConfig(SaveConfigCallback):
    """Writes ``config.yaml`` when there is a first result, and marks checkpoints: a request that fails leaves all as it was."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """The data are read: what they are is a part of what the run is. Nothing is written yet."""
        folder: RunFolder | None = getattr(trainer, "run_folder", None)
        if folder is None or any(isinstance(callback, Rehearsal) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if not folder.identity.data:
            folder.learn(trainer.strategy.broadcast(data.content() if trainer.is_global_zero else {}))
        module: Any = pl_module
        folder.notes = notes_of(module, data, folder) if stage == "fit" else {}

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Into the run's folder, in one step."""
        path = Path(trainer.default_root_dir) / self.config_filename
        with replacing(path) as partial:
            self.parser.save(self.config, partial, skip_none=False, overwrite=True)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Which run it is of, so that the same command finds it."""
        folder: RunFolder | None = getattr(trainer, "run_folder", None)
        checkpoint["identity"] = folder.identity.written() if folder else ""
        checkpoint["started_from"] = folder.started_from if folder else None
        checkpoint["oro_unlearn"] = folder.notes if folder else {}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """A run that was stopped goes on with the same data alone."""
        folder: RunFolder | None = getattr(trainer, "run_folder", None)
        if folder is not None:
            folder.check_data(checkpoint)
            if folder.goes_on or trainer.state.fn != TrainerFn.FITTING:
                folder.started_from = checkpoint.get("started_from")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Tell who stopped a run how to go on."""
        folder: RunFolder | None = getattr(trainer, "run_folder", None)
        if isinstance(exception, KeyboardInterrupt) and folder and folder.unfinished:
            print("stopped; the same command goes on", file=sys.stderr)
