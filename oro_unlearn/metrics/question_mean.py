"""The mean of a value over questions."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class QuestionMean(Metric):
    """Base class of metrics that are the mean of a value in [0, 1] over questions: their ``update`` adds to two sums.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """Mean over the questions, a scalar in [0, 1]; NaN without questions."""
        return self.total / self.count
