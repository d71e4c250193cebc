"""Histograms of how sure a classifier is of each image's own label, for images that it was trained on and for others."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from oro_unlearn.metrics.u_lira import logit_margin

GROUPS = ("retain", "test_retain", "forget", "test_forget")  # members, non-members, forgotten, unseen of the same classes
LIMIT, BINS = 16.0, 64  # bins of equal width over logits in [-LIMIT, LIMIT]


class ConfidenceHistogram(Metric):
    """Counts of images by the logit of the confidence, log p - log(1 - p), where p is the probability of the own label.

    A probability says little near 0 and 1, where most images are; its logit separates these images. Larger logits than
    ``LIMIT`` count in the last bin, smaller ones in the first. The state has a fixed size, whatever the number of images.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = ConfidenceHistogram()
        >>> metric.update(torch.tensor([[3.0, 0.0], [-20.0, 0.0]]), torch.tensor([0, 0]), torch.tensor([2, 2]))
        >>> metric.compute()["forget"].nonzero()[:, 0].tolist()
        [0, 38]
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    counts: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("counts", torch.zeros(len(GROUPS), BINS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, labels: Tensor, groups: Tensor) -> None:
        """Add images. A batch may be empty. NaN counts as the smallest logit.

        Args:
            logits: (B, K) with K of 2 or more.
            labels: (B,) own labels.
            groups: (B,) positions in ``GROUPS``.

        Raises:
            ValueError: If shapes or labels do not fit, or a group is unknown.
        """
        if groups.shape != labels.shape or not ((groups >= 0) & (groups < len(GROUPS))).all():
            raise ValueError(f"groups must be {tuple(labels.shape)} positions in {GROUPS}")
        margins = logit_margin(logits, labels).nan_to_num(-LIMIT).clamp(-LIMIT, LIMIT)
        bins = ((margins + LIMIT) * (BINS / (2 * LIMIT))).long().clamp(max=BINS - 1)
        self.counts += torch.bincount(groups * BINS + bins, minlength=len(GROUPS) * BINS).view_as(self.counts)

    def compute(self) -> dict[str, Tensor]:
        """Counts (BINS,) of each of ``GROUPS``."""
        return dict(zip(GROUPS, self.counts, strict=True))
