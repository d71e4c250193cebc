"""Truth ratio: how likely a model finds false answers beside the right one."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class TruthRatio(Metric):
    """Mean of a bounded form of the truth ratio R (TOFU, section 2.2.2).

    R = mean over false answers of p(false)^(1 / tokens), divided by p(right)^(1 / tokens). The right answer is paraphrased, so
    that a sentence known by heart does not count. R is near 0 if the model knows the fact, and near 1 if it cannot tell the
    false answers from the right one. Bounded as in TOFU:

    - of what was to be forgotten: min(R, 1 / R), which is 1 for a model that cannot tell. It also falls if the model avoids the
      right answer (R above 1), which is a trace of the edit;
    - of everything else: max(0, 1 - R), which is 1 for a model that knows.

    TOFU's text has the arithmetic mean over the false answers, as here; its code takes the geometric mean.

    Args:
        forgotten: Whether the questions are about what was to be forgotten.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> right, wrong = -torch.tensor([0.8]).log(), [-torch.tensor([0.3, 0.1]).log()]  # R = 0.2 / 0.8
        >>> for forgotten in (True, False):
        ...     metric = TruthRatio(forgotten)
        ...     metric.update(right, wrong)
        ...     print(round(float(metric.compute()), 6))
        0.25
        0.75
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    truth_sums: Tensor
    truth_count: Tensor

    def __init__(self, forgotten: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.forgotten = forgotten
        self.add_state("truth_sums", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")  # both forms
        self.add_state("truth_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, right_losses: Tensor, wrong_losses: Sequence[Tensor] | Tensor) -> None:
        """Add a batch.

        Args:
            right_losses: (B,) mean negative log-likelihood of the tokens of the right, paraphrased answer; natural logarithm.
            wrong_losses: (B,) rows, each with that of every false answer; rows may differ in length. A question without false
                answers is not counted. If neither answer has a probability, as in a broken model, R is 1.

        Raises:
            ValueError: If the shapes do not fit.
        """
        if right_losses.ndim != 1 or len(right_losses) != len(wrong_losses):
            raise ValueError(f"losses must be (B,) and B rows: {tuple(right_losses.shape)} and {len(wrong_losses)} rows")
        for right, wrong in zip(right_losses.double(), wrong_losses, strict=True):
            if len(wrong):
                log_ratio = (-wrong.double()).logsumexp(0) - math.log(len(wrong)) + right
                log_ratio = log_ratio.nan_to_num(0.0, posinf=torch.inf, neginf=-torch.inf)
                self.truth_sums += torch.stack([(-log_ratio.abs()).exp(), (1 - log_ratio.exp()).clamp(min=0)])
                self.truth_count += 1

    def compute(self) -> Tensor:
        """Mean of the bounded ratio over the questions, a scalar in [0, 1]; NaN without questions that have false answers."""
        return self.truth_sums[0 if self.forgotten else 1] / self.truth_count
