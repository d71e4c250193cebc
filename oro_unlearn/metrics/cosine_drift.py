"""Cosine drift: how far an edit moved the similarity of image-caption pairs."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class CosineDrift(Metric):
    """Mean cosine of image-caption pairs before and after an edit, and its change (relationship-aware unlearning, section 4).

    For forgotten pairs, ``drift`` should be large. For all other pairs, ``absolute_drift`` should be 0. The paper's
    preservation table gives ``abs(drift)``, in which pairs that move in opposite directions can cancel. ``absolute_drift`` is
    the mean absolute change of a pair. An edited cosine far below that of unrelated pairs is itself a trace of the edit, and
    not better forgetting.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = CosineDrift()
        >>> metric.update(torch.tensor([.3, .2]), torch.tensor([-.4, .3]))
        >>> {name: round(float(value), 4) for name, value in metric.compute().items()}
        {'base': 0.25, 'edited': -0.05, 'drift': 0.3, 'absolute_drift': 0.4}
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    sums: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("sums", torch.zeros(3, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, base_cosine: Tensor, edited_cosine: Tensor) -> None:
        """Add the cosines of the same pairs under both models.

        Args:
            base_cosine: (B,) in [-1, 1], of the original model.
            edited_cosine: (B,) in [-1, 1], of the edited model.

        Raises:
            ValueError: If shapes differ, or a value is NaN or outside [-1, 1].
        """
        if base_cosine.shape != edited_cosine.shape or base_cosine.ndim != 1:
            raise ValueError(f"cosines must both be (B,): base {tuple(base_cosine.shape)}, edited {tuple(edited_cosine.shape)}")
        base, edited = base_cosine.double(), edited_cosine.double()
        for name, values in (("base", base), ("edited", edited)):
            if not (values.abs() <= 1 + 1e-5).all():  # also false for NaN
                raise ValueError(f"{name} cosines must be in [-1, 1] without NaN: a vector of zeros has no direction")
        self.sums += torch.stack([base.sum(), edited.sum(), (base - edited).abs().sum()])
        self.count += len(base)

    def compute(self) -> dict[str, Tensor]:
        """``base`` and ``edited`` mean cosine, ``drift`` (base - edited, in [-2, 2]), ``absolute_drift``; NaN without pairs."""
        base, edited, absolute = self.sums / self.count
        return {"base": base, "edited": edited, "drift": base - edited, "absolute_drift": absolute}
