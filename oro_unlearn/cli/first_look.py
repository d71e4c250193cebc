"""Callbacks that print what a run will do before it starts, and stop it if its figures would be wrong."""

import time
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only

from oro_unlearn.methods import UnlearningModule
from oro_unlearn.user_error import UserError

STEPS = 3  # training steps of a rehearsal; the first step is slower than the others


class FirstLook(Callback):
    """Prints a summary of data and method, and stops a run whose figures would be wrong before anything is edited.

    Args:
        force: Continue in spite of complaints. The report then contains :attr:`complaints`.
        notes: More lines to print.
    """

    def __init__(self, force: bool, notes: list[str]) -> None:
        self.force, self.notes = force, notes
        self.complaints: list[str] = []

    def state_dict(self) -> dict[str, Any]:
        """Save the complaints, so that a later measurement of the run reports them too."""
        return {"complaints": self.complaints}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the complaints that were found when the run started."""
        self.complaints = list(state_dict["complaints"])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Print what the method says before it loads the models. The data are read."""
        if stage == "fit" and isinstance(pl_module, UnlearningModule):
            for line in pl_module.before_loading():
                rank_zero_only(print)(line)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the summary and check the run.

        Raises:
            UserError: If the method has complaints, and the run is not forced.
        """
        assert isinstance(pl_module, UnlearningModule)
        for line in [*pl_module.data.lines(), *self.notes, *pl_module.remarks()]:
            rank_zero_only(print)(line)
        self.complaints = pl_module.first_look()
        if self.complaints and not self.force:
            raise UserError(f"{'; '.join(self.complaints)}; --force true runs it anyway")


class SeenEnoughError(Exception):
    """Raised to end a rehearsal."""


class Rehearsal(Callback):
    """Ends a fit after a few steps, and estimates how long the whole fit would take.

    Attributes:
        verdict: The line to print.
    """

    verdict = ""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the rehearsal before a method without training would edit the network.

        Raises:
            SeenEnoughError: If the method does not train.
        """
        self._times = [time.perf_counter()]
        if not pl_module.train_splits:
            self.verdict = f"would run: {type(pl_module).__name__}, in closed form, without training"
            raise SeenEnoughError

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop when the time of a step is known.

        Raises:
            SeenEnoughError: After a few steps, or after the last step of a shorter run.
        """
        self._times.append(time.perf_counter())
        steps = trainer.estimated_stepping_batches
        if len(self._times) > min(STEPS, steps):
            step = self._times[-1] - self._times[-2]
            epochs = f"{trainer.max_epochs} epochs" if trainer.max_epochs and trainer.max_epochs > 0 else "unlimited epochs"
            self.verdict = (
                f"would run: {type(pl_module).__name__}, {epochs}, {steps} steps in all: about {duration(step * steps)} "
                "of training, and the measurement"
            )
            raise SeenEnoughError


class UnlearningTrainer(Trainer):
    """A trainer with the command ``check``, which rehearses a run without writing anything.

    Attributes:
        callbacks: All callbacks, in order.
    """

    callbacks: list[Callback]  # Lightning sets this attribute without declaring its type

    def check(self, model: LightningModule, datamodule: LightningDataModule | None = None) -> None:
        """Print what a fit with these options would read and do. Only the first steps run, and nothing is written."""
        try:
            self.fit(model, datamodule=datamodule)
        except SeenEnoughError:
            for rehearsal in (callback for callback in self.callbacks if isinstance(callback, Rehearsal)):
                rank_zero_only(print)(rehearsal.verdict)


def duration(seconds: float) -> str:
    """A duration as short text for a person.

    Example:
        >>> duration(40), duration(600), duration(9000)
        ('40 s', '10 min', '2.5 h')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
