"""Sparsity: how little of a graph an explanation names."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ExplanationSparsity(Metric):
    """Mean share of the parts of a graph that an explanation does not name (Pope et al. 2019).

    A mask names the parts whose value is above a threshold.

    Args:
        threshold: Value in [0, 1].
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = ExplanationSparsity()
        >>> metric.update(torch.tensor([.9, .1, .2, .3]))
        >>> float(metric.compute())
        0.75
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, mask: Tensor) -> None:
        """Add the mask of one explanation.

        Args:
            mask: Values in [0, 1] of any shape, at least one.

        Raises:
            ValueError: If the mask is empty, or a value is NaN or outside [0, 1].
        """
        if not mask.numel() or not ((mask >= 0) & (mask <= 1)).all():  # also false for NaN
            raise ValueError("a mask has values in [0, 1], at least one, and no NaN")
        self.total += 1 - (mask > self.threshold).double().mean()
        self.count += 1

    def compute(self) -> Tensor:
        """Sparsity in [0, 1]; NaN without explanations."""
        return self.total / self.count
