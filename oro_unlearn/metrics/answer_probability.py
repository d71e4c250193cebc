"""Answer probability: how likely a model finds the reference answers."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class AnswerProbability(Metric):
    """Mean of p(answer | question)^(1 / tokens), the probability of an answer normalised by its length (TOFU, section 2.2.2).

    This is the exponential of minus the mean loss of a token, so the geometric mean of the probabilities of the tokens. It sees
    knowledge that greedy generation hides, and depends on the tokenizer: compare only models with the same one.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = AnswerProbability()
        >>> metric.update(-torch.tensor([0.9, 0.5]).log())
        >>> round(float(metric.compute()), 6)
        0.7
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    probability_sum: Tensor
    probability_count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("probability_sum", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("probability_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, losses: Tensor) -> None:
        """Add a batch.

        Args:
            losses: (B,) mean negative log-likelihood of the tokens of each answer, natural logarithm, not negative. NaN, from a
                model that is broken, counts as probability 0.

        Raises:
            ValueError: If the shape is wrong or a loss is negative.
        """
        if losses.ndim != 1 or (losses < -1e-4).any():
            raise ValueError(f"losses must be (B,) and not negative: shape {tuple(losses.shape)}")
        self.probability_sum += (-losses.double()).exp().nan_to_num(0.0).clamp(max=1).sum()
        self.probability_count += len(losses)

    def compute(self) -> Tensor:
        """Mean over the questions, a scalar in [0, 1]; NaN without questions."""
        return self.probability_sum / self.probability_count
