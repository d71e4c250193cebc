"""Losses that move unsafe pictures to where the pictures of their neighbours lie."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

WIDTHS = (0.05, 0.2, 0.8)  # squared distances at which a kernel has fallen to 1/e; features are unit vectors
HIDDEN = 64  # width of the discriminator


def mean_discrepancy(a: Tensor, b: Tensor, widths: Sequence[float] = WIDTHS) -> Tensor:
    """Squared maximum mean discrepancy of two samples, a scalar: 0 if they have the same distribution (Gretton et al. 2012).

    The kernel is the mean of Gaussians, exp(-|x - y|^2 / width). This is the estimate that counts a sample's pairs with itself
    too, so it is never negative, and 0 for two equal samples.

    Args:
        a: Unit vectors (N, D).
        b: Unit vectors (M, D).
        widths: One width for each Gaussian.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        distance = 2 - 2 * x @ y.T
        return torch.stack([(-distance / width).exp().mean() for width in widths]).mean()

    return kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)


class Discriminator(nn.Module):
    """Tells features of unsafe pictures from features of their neighbours' pictures; the features are trained against it.

    Its gradient is reversed where it enters the features (Ganin and Lempitsky 2015, arXiv 1409.7495): one optimizer improves
    the discriminator and makes the features harder to tell apart.

    Args:
        features: Length D of a feature.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        self.scale = features**0.5  # entries of a unit vector are small

    def forward(self, unsafe: Tensor, foils: Tensor) -> Tensor:
        """Cross entropy of its answers, a scalar; log 2 if it cannot tell the two apart. Both kinds have the same weight.

        Args:
            unsafe: Unit vectors (N, D); they get the reversed gradient.
            foils: Unit vectors (M, D).
        """
        answers = [self.layers(self.scale * rows)[:, 0] for rows in (_Reversed.apply(unsafe), foils)]
        return torch.stack([
            binary_cross_entropy_with_logits(logits, torch.full_like(logits, kind))
            for logits, kind in zip(answers, (1.0, 0.0), strict=True)
        ]).mean()  # fmt: skip


class _Reversed(torch.autograd.Function):
    """The identity; its gradient is the negative."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return rows.view_as(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]
