"""Answer probability: how likely a model finds the reference answers."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class AnswerProbability(Metric):
    """Mean of p(answer | question)^(1 / tokens), the probability of an answer normalised by its length (TOFU, section 2.2.2).

    This is the exponential of the mean log-probability of a token, so the geometric mean of the probabilities of the tokens. It
    sees knowledge that greedy generation hides, and depends on the tokenizer: compare only models with the same one.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = AnswerProbability()
        >>> metric.update(torch.tensor([0.9, 0.5]).log())
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

    def update(self, log_probs: Tensor) -> None:
        """Add a batch.

        Args:
            log_probs: (B,) mean log-probability of the tokens of each answer, natural logarithm, at most 0. NaN, from a model
                that is broken, counts as probability 0.

        Raises:
            ValueError: If the shape is wrong or a value is above 0.
        """
        if log_probs.ndim != 1 or (log_probs > 1e-4).any():
            raise ValueError(f"log-probabilities must be (B,) and at most 0: shape {tuple(log_probs.shape)}")
        self.probability_sum += log_probs.double().exp().nan_to_num(0.0).clamp(max=1).sum()
        self.probability_count += len(log_probs)

    def compute(self) -> Tensor:
        """Mean over the questions, a scalar in [0, 1]; NaN without questions."""
        return self.probability_sum / self.probability_count
