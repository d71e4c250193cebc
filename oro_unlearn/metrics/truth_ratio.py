"""Truth ratio: how likely a model finds false answers beside the right one."""

import math
from collections.abc import Sequence
from typing import Any, Literal

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
        group: ``forget`` if the questions are about what was to be forgotten, ``retain`` for all others.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> right, wrong = torch.tensor([0.8]).log(), [torch.tensor([0.3, 0.1]).log()]  # R = 0.2 / 0.8
        >>> for group in ("forget", "retain"):
        ...     metric = TruthRatio(group)
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

    def __init__(self, group: Literal["forget", "retain"], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if group not in ("forget", "retain"):
            raise ValueError(f"group must be 'forget' or 'retain', not {group!r}")
        self.group = group
        self.add_state("truth_sums", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")  # both forms
        self.add_state("truth_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, right: Tensor, wrong: Sequence[Tensor] | Tensor) -> None:
        """Add a batch.

        Args:
            right: (B,) mean log-probability of the tokens of the right, paraphrased answer; natural logarithm.
            wrong: (B,) rows, each with that of every false answer; rows may differ in length. A question without false answers
                is not counted. If neither answer has a probability, as in a broken model, R is 1.

        Raises:
            ValueError: If the shapes do not fit.
        """
        if right.ndim != 1 or len(right) != len(wrong):
            raise ValueError(f"log-probabilities must be (B,) and B rows: {tuple(right.shape)} and {len(wrong)} rows")
        for known, others in zip(right.double(), wrong, strict=True):
            if len(others):
                log_ratio = others.double().logsumexp(0) - math.log(len(others)) - known
                log_ratio = log_ratio.nan_to_num(0.0, posinf=torch.inf, neginf=-torch.inf)
                self.truth_sums += torch.stack([(-log_ratio.abs()).exp(), (1 - log_ratio.exp()).clamp(min=0)])
                self.truth_count += 1

    def compute(self) -> Tensor:
        """Mean of the bounded ratio over the questions, a scalar in [0, 1]; NaN without questions that have false answers."""
        return self.truth_sums[0 if self.group == "forget" else 1] / self.truth_count
