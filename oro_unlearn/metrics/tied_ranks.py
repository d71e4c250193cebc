"""Ranks and recall in which a tie is no win: each counts as much as if ties were broken by chance."""

from typing import NamedTuple

import torch
from torch import Tensor

NOISE = 1e-6  # of a cosine in float32: what is nearer than that is equal


class TiedRanks(NamedTuple):
    """Where each score stands among its rivals."""

    better: Tensor  # (P,) number of rivals with a higher score
    equal: Tensor  # (P,) number of rivals with the same score

    @property
    def expected(self) -> Tensor:
        """(P,) mean rank over all orders of the ties; 0 is first."""
        return self.better + self.equal / 2

    def within(self, k: int) -> Tensor:
        """(P,) probability of being among the first k: 1 or 0 without ties, k of n where all n are equal."""
        return ((k - self.better) / (self.equal + 1)).clamp(0, 1)


def tied_ranks(own: Tensor, rivals: Tensor, among: Tensor | None = None) -> TiedRanks:
    """Count the rivals that are better, and those that are equal.

    A model that gives everything the same score so has recall k / n and rank one half, not a recall of 1.

    Args:
        own: (P,) scores.
        rivals: (P, M) scores of what each is compared with.
        among: (P, M) or (M,) which of them count; by default all. A score is no rival of itself.

    Returns:
        Counts as floats.

    Example:
        >>> ranks = tied_ranks(torch.tensor([.5, .5]), torch.tensor([[.9, .5, .1], [.1, .1, .1]]))
        >>> ranks.expected.tolist(), ranks.within(2).tolist()
        ([1.5, 0.0], [0.5, 1.0])
    """
    difference = rivals - own[:, None]
    counts = torch.ones_like(difference, dtype=torch.bool) if among is None else among.expand_as(difference)
    better, equal = ((found & counts).sum(1).float() for found in (difference > NOISE, difference.abs() <= NOISE))
    return TiedRanks(better, equal)


def wins(own: Tensor, rivals: Tensor) -> Tensor:
    """1 where a score (P,) is higher than a rival's (P, M), one half where they are equal: (P, M).

    Example:
        >>> wins(torch.tensor([.5]), torch.tensor([[.9, .5, .1]])).tolist()
        [[0.0, 0.5, 1.0]]
    """
    difference = own[:, None] - rivals
    return (difference > NOISE).float() + 0.5 * (difference.abs() <= NOISE).float()
