"""Ascent of the cross-entropy on the forget set alone."""

from math import log
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class GradientAscent(ClassUnlearning):
    """Maximises the cross-entropy of the forget set; the retain set is never read (Thudi et al., EuroS&P 2022).

    Nothing bounds the objective: clip gradients with ``--trainer.gradient_clip_val``, and stop early.

    Args:
        bounded: Stop ascending on a sample whose cross-entropy exceeds log K, that of a guess: the objective is then bounded.
        stop_accuracy: Training ends with the first epoch whose accuracy on the forget set, counted batch by batch as the
            network changes, is at most this; -1 never stops.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If the accuracy is above 1.
    """

    forgets_samples = True
    train_splits = ("forget",)

    def __init__(self, bounded: bool = False, stop_accuracy: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if stop_accuracy > 1:
            raise UserError(f"--model.stop_accuracy is a share in [0, 1], or -1 for never, not {stop_accuracy}")
        self.bounded, self.stop_accuracy = bounded, stop_accuracy
        self._counts = torch.zeros(2)  # right and seen in this epoch, of this process
        if self.batchnorm == "train":
            rank_zero_warn("batchnorm: train lets the forget set overwrite the statistics; prefer eval")

    def on_train_epoch_start(self) -> None:
        """Count anew."""
        super().on_train_epoch_start()
        self._counts = torch.zeros(2, device=self.device)

    def losses(self, forget: Batch) -> dict[str, Tensor]:
        """``forget``: minus the cross-entropy, of each sample at most log K where it is bounded."""
        logits = self(forget.images).float()
        right = (logits.detach().argmax(1) == forget.labels).sum()
        self._counts += torch.stack([right, torch.full_like(right, len(forget.labels))])
        ascended = cross_entropy(logits, forget.labels, reduction="none")
        return {"forget": -(ascended.clamp(max=log(self.num_classes)) if self.bounded else ascended).mean()}

    def on_train_epoch_end(self) -> None:
        """Stop, on all processes alike, when enough is forgotten."""
        super().on_train_epoch_end()
        right, seen = self.trainer.strategy.reduce(self._counts, reduce_op="sum").tolist()
        self.log("forget_accuracy", right / seen, prog_bar=True, sync_dist=True)
        if right / seen <= self.stop_accuracy:
            self.trainer.should_stop = True
