"""Gradient ascent of the cross-entropy on the forget set alone."""

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

    The objective is unbounded by default: clip gradients with ``--trainer.gradient_clip_val``, and stop early.

    Args:
        bounded: Bound the objective: a sample whose cross-entropy exceeds log K, that of a uniform guess, gets no gradient.
        stop_accuracy: Training stops after the first epoch whose accuracy on the forget set is at most this value; -1 never
            stops. The accuracy is counted batch by batch while the network changes.
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
        self._counts = torch.zeros(2)  # right predictions and images in this epoch, in this process
        if self.batchnorm == "train":
            rank_zero_warn("batchnorm: train lets the forget set overwrite the statistics; prefer eval")

    def on_train_epoch_start(self) -> None:
        """Reset the counts."""
        super().on_train_epoch_start()
        self._counts = torch.zeros(2, device=self.device)

    def losses(self, forget: Batch) -> dict[str, Tensor]:
        """``forget``: minus the cross-entropy; if bounded, each sample's cross-entropy is clamped to log K."""
        logits = self(forget.images).float()
        right = (logits.detach().argmax(1) == forget.labels).sum()
        self._counts += torch.stack([right, torch.full_like(right, len(forget.labels))])
        ascended = cross_entropy(logits, forget.labels, reduction="none")
        return {"forget": -(ascended.clamp(max=log(self.num_classes)) if self.bounded else ascended).mean()}

    def on_train_epoch_end(self) -> None:
        """Stop on all processes if the accuracy on the forget set is at most ``stop_accuracy``."""
        super().on_train_epoch_end()
        right, seen = self.trainer.strategy.reduce(self._counts, reduce_op="sum").tolist()
        self.log("forget_accuracy", right / seen, prog_bar=True, sync_dist=True)
        if right / seen <= self.stop_accuracy:
            self.trainer.should_stop = True
