"""A user's own method: one small file, found by its import path."""

from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods import Batch, ClassUnlearning


class GradientDifference(ClassUnlearning):
    """Ascend on the forget set while descending on the retain set (Liu et al. 2022).

    Args:
        retain_weight: Weight of the retain loss.
        kwargs: Arguments of :class:`ClassUnlearning`.
    """

    def __init__(self, retain_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.retain_weight = retain_weight

    def losses(self, forget: Batch, retain: Batch) -> dict[str, Tensor]:
        return {
            "forget": -cross_entropy(self(forget.images), forget.labels),
            "retain": self.retain_weight * cross_entropy(self(retain.images), retain.labels),
        }
