"""Choice accuracy: whether the right option is the one that a model finds most likely."""

from collections.abc import Sequence

import torch
from torch import Tensor

from oro_unlearn.metrics.question_mean import QuestionMean


class ChoiceAccuracy(QuestionMean):
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
            self.total += best[int(place)] / best.sum()
        self.count += len(scores)
