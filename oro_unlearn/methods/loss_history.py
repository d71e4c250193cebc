"""The losses of every step of a run, for its loss plot."""

from typing import Any

import torch
from torch import Tensor

from oro_unlearn.methods.unlearning_module import UnlearningModule


class LossHistory(UnlearningModule):
    """Keeps the losses of every step, also over a stop and a resumption. A step may lack a loss that others have.

    Args:
        kwargs: Arguments of :class:`UnlearningModule`.

    Attributes:
        history: Losses of this process by step, on its device.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.history: list[dict[str, Tensor]] = []

    def terms(self) -> list[str]:
        """Names of the losses of all steps so far."""
        return list(dict.fromkeys(name for step in self.history for name in step))

    def on_fit_start(self) -> None:
        """In a resumed run, move the earlier losses to the device of the new ones."""
        super().on_fit_start()
        self.history = [{name: value.to(self.device) for name, value in step.items()} for step in self.history]

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """The sum of the losses; each loss is kept."""
        total = super().training_step(batch, batch_idx)
        self.history.append(self.last_losses)
        return total

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the losses so far; NaN where a step lacks one."""
        super().on_save_checkpoint(checkpoint)
        absent = torch.tensor(torch.nan)
        checkpoint["history"] = {
            name: torch.stack([step.get(name, absent).cpu() for step in self.history]) for name in self.terms()
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the losses so far."""
        super().on_load_checkpoint(checkpoint)
        losses = checkpoint.get("history", {})
        steps = [dict(zip(losses, step, strict=True)) for step in zip(*losses.values(), strict=True)]
        self.history = [{name: value for name, value in step.items() if not value.isnan()} for step in steps]
