"""Choice accuracy: whether the right option is the one that a model finds most likely."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ChoiceAccuracy(Metric):
    """Share of multiple-choice questions whose right option has the highest score.

    Options are compared by their scores, not by generated text: a model that refuses to answer, or that answers in other words,
    is still measured. Options with equal best scores share the hit, so a model that cannot tell has the level of chance,
    wherever the right option stands.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = ChoiceAccuracy()
        >>> metric.update([torch.tensor([-1.0, -2.0, -3.0]), torch.tensor([-2.0, -2.0])], [0, 1])
        >>> float(metric.compute())
        0.75
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    choice_hits: Tensor
    choice_count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("choice_hits", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("choice_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, scores: Sequence[Tensor] | Tensor, right: Sequence[int] | Tensor) -> None:
        """Add a batch.

        Args:
            scores: (B,) rows, each with one score an option, such as its mean log-probability. Rows may differ in length. NaN
                is the lowest score.
            right: (B,) position of the right option in its row.

        Raises:
            ValueError: If the numbers differ, a row is empty, or a position lies outside its row.
        """
        if len(scores) != len(right):
            raise ValueError(f"{len(scores)} rows of scores and {len(right)} right options must belong to the same questions")
        for row, place in zip(scores, right, strict=True):
            if row.ndim != 1 or not 0 <= int(place) < len(row):
                raise ValueError(f"right option {int(place)} is no position in scores of shape {tuple(row.shape)}")
            known = row.double().nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
            best = known == known.max()
            self.choice_hits += best[int(place)] / best.sum()
        self.choice_count += len(scores)

    def compute(self) -> Tensor:
        """Share of questions, a scalar in [0, 1]; NaN without questions."""
        return self.choice_hits / self.choice_count
