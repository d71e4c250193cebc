"""What a run says before it begins, and whether it may begin."""

import time
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only

from oro_unlearn.methods import UnlearningModule
from oro_unlearn.user_error import UserError

STEPS = 3  # of a rehearsal; the first is slower than the others


class FirstLook(Callback):
    """Prints what was read, and stops a run whose figures would be wrong, before anything is edited.

    Args:
        force: Go on all the same; :attr:`complaints` then go into the report.
        notes: Further lines to print.
    """

    def __init__(self, force: bool, notes: list[str]) -> None:
        self.force, self.notes = force, notes
        self.complaints: list[str] = []

    def state_dict(self) -> dict[str, Any]:
        """What was said, for whoever measures the run again."""
        return {"complaints": self.complaints}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What was said when the run began."""
        self.complaints = list(state_dict["complaints"])

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print and look.

        Raises:
            UserError: If something speaks against the run, and it is not forced.
        """
        assert isinstance(pl_module, UnlearningModule)
        for line in [*pl_module.data.lines(), *self.notes, *pl_module.remarks()]:
            rank_zero_only(print)(line)
        self.complaints = pl_module.first_look()
        if self.complaints and not self.force:
            raise UserError(f"{'; '.join(self.complaints)}; --force true goes on all the same")


class SeenEnoughError(Exception):
    """A rehearsal is over."""


class Rehearsal(Callback):
    """Ends a fit after a few steps, and says how long the whole one would take.

    Attributes:
        verdict: What there is to say.
    """

    verdict = ""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A method without epochs would edit now.

        Raises:
            SeenEnoughError: If it does not train.
        """
        self._times = [time.perf_counter()]
        if not pl_module.train_splits:
            self.verdict = f"would run: {type(pl_module).__name__}, in closed form, without training"
            raise SeenEnoughError

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop when the time of a step is known.

        Raises:
            SeenEnoughError: After a few steps, or after the only one.
        """
        self._times.append(time.perf_counter())
        steps = trainer.estimated_stepping_batches
        if len(self._times) > min(STEPS, steps):
            step = self._times[-1] - self._times[-2]
            epochs = f"{trainer.max_epochs} epochs" if trainer.max_epochs and trainer.max_epochs > 0 else "epochs without end"
            self.verdict = (
                f"would run: {type(pl_module).__name__}, {epochs}, {steps} steps in all: about {duration(step * steps)} "
                "of training, and the measurement"
            )
            raise SeenEnoughError


class UnlearningTrainer(Trainer):
    """A trainer that can look at a run without doing it.

    Attributes:
        callbacks: All of them, in their order.
    """

    callbacks: list[Callback]  # Lightning sets them elsewhere, and declares them nowhere

    def check(self, model: LightningModule, datamodule: LightningDataModule | None = None) -> None:
        """Say what a fit with these options would read and do, up to the first steps; nothing is written."""
        try:
            self.fit(model, datamodule=datamodule)
        except SeenEnoughError:
            for rehearsal in (found for found in self.callbacks if isinstance(found, Rehearsal)):
                rank_zero_only(print)(rehearsal.verdict)


def duration(seconds: float) -> str:
    """A time as a person says it.

    Example:
        >>> duration(40), duration(600), duration(9000)
        ('40 s', '10 min', '2.5 h')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
