"""UTV: how far an unlearned model's outputs are from a retrained model's."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from oro_unlearn.metrics.total_variation import total_variation


class UnlearningTotalVariation(Metric):
    """Mean total variation 1/2 sum_k |p_unlearned(k|x) - p_retrained(k|x)| over forgotten images (RWFT, section 5.3).

    The value is in [0, 1]. Its ideal is not 0 but the floor, the mean value between models retrained with different seeds; feed
    those pairs to another instance to compute it. With several retrained models, update once for each model. The metric
    compares outputs only: a mask on the logits can reach the floor. :func:`total_variation` computes the values of single
    images.

    Args:
        forget_classes: Indices of the forgotten classes. Needed for ``conditional``, and for a retrained model whose head lacks
            these classes: they then get probability 0.
        conditional: Compare the distributions renormalised over the retained classes.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = UnlearningTotalVariation()
        >>> metric.update(torch.tensor([[.5, .4, .1], [.1, .6, .3]]), torch.tensor([[.7, .2, .1], [.1, .9, 0.]]))
        >>> round(float(metric.compute()), 6)
        0.25
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    utv_sum: Tensor
    utv_count: Tensor

    def __init__(self, forget_classes: Sequence[int] = (), conditional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if conditional and not forget_classes:
            raise ValueError("conditional total variation needs forget_classes")
        self.forget_classes, self.conditional = sorted(forget_classes), conditional
        self.add_state("utv_sum", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("utv_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, unlearned_probs: Tensor, retrained_probs: Tensor) -> None:
        """Add a batch of the same images in the same order.

        Args:
            unlearned_probs: (B, K), rows sum to 1.
            retrained_probs: (B, K), or (B, K - |F|) from a head without the forgotten classes.

        Raises:
            ValueError: If shapes differ, values are not finite, rows do not sum to 1, or the retained classes have no
                probability to renormalise.
        """
        for name, values in (("unlearned", unlearned_probs), ("retrained", retrained_probs)):
            sums = values.double().sum(-1)
            if not torch.allclose(sums, torch.ones_like(sums), atol=1e-3, rtol=0):
                raise ValueError(f"rows of the {name} probabilities must be finite and sum to 1: apply softmax to logits first")
        logs = unlearned_probs.double().log(), retrained_probs.double().log()
        distances = total_variation(*logs, self.forget_classes, self.conditional)
        self.utv_sum += distances.sum()
        self.utv_count += len(distances)

    def compute(self) -> Tensor:
        """Mean over all images, a scalar in [0, 1]; NaN before any update."""
        return self.utv_sum / self.utv_count
