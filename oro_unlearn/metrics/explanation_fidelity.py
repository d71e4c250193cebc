"""Fidelity: whether the part of a graph that an explanation names decides the prediction."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ExplanationFidelity(Metric):
    """Fidelity plus and minus of explanations of a model (GraphFramEx, Amara et al. 2022; as in torch_geometric).

    Fidelity plus is the share of predictions that change if what the explanation names is taken away: it should be high.
    Fidelity minus is the share of predictions that change if nothing else is left: it should be low.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = ExplanationFidelity()
        >>> metric.update(torch.tensor([1, 0]), without=torch.tensor([0, 0]), only=torch.tensor([1, 0]))
        >>> {name: float(value) for name, value in metric.compute().items()}
        {'plus': 0.5, 'minus': 0.0}
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    changed: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("changed", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, whole: Tensor, without: Tensor, only: Tensor) -> None:
        """Add predictions of the same samples.

        Args:
            whole: (B,) int64, classes on the whole graph.
            without: (B,) int64, without what the explanation names.
            only: (B,) int64, with nothing else.

        Raises:
            ValueError: If shapes differ.
        """
        if not whole.shape == without.shape == only.shape or whole.ndim != 1:
            raise ValueError(f"predictions must all be (B,): {tuple(whole.shape)}, {tuple(without.shape)}, {tuple(only.shape)}")
        self.changed += torch.stack([(without != whole).sum(), (only != whole).sum()]).double()
        self.count += len(whole)

    def compute(self) -> dict[str, Tensor]:
        """``plus`` and ``minus`` in [0, 1]; NaN without predictions."""
        plus, minus = self.changed / self.count
        return {"plus": plus, "minus": minus}
