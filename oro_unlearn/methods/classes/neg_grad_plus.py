"""Ascent on the forget set, held back by descent on the retain set."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class NegGradPlus(ClassUnlearning):
    """NegGrad+: minimises a CE(retain) - (1 - a) CE(forget) in joint steps (Kurmanji et al., NeurIPS 2023).

    Args:
        retain_weight: The weight a, in (0, 1]; with 1 the method is :class:`FineTune`.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If the weight is outside (0, 1].
    """

    forgets_samples = True

    def __init__(self, retain_weight: float = 0.9999, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < retain_weight <= 1:
            raise UserError(f"--model.retain_weight is the share of the retain loss, in (0, 1], not {retain_weight}")
        self.retain_weight = retain_weight

    def losses(self, forget: Batch, retain: Batch) -> dict[str, Tensor]:
        """``forget``: minus the weighted cross-entropy; ``retain``: the weighted cross-entropy. One forward pass for both."""
        logits = self(torch.cat([forget.images, retain.images])).float().split([len(forget.labels), len(retain.labels)])
        return {
            "forget": (self.retain_weight - 1) * cross_entropy(logits[0], forget.labels),
            "retain": self.retain_weight * cross_entropy(logits[1], retain.labels),
        }
