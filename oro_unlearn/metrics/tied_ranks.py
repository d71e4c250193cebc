"""Ranks and recall with ties: the expected values if ties were broken at random."""

from typing import NamedTuple

import torch
from torch import Tensor

NOISE = 1e-6  # rounding error of a cosine in float32: scores closer than this count as equal


class TiedRanks(NamedTuple):
    """The position of each score among its rivals."""

    better: Tensor  # (P,) number of rivals with a higher score
    equal: Tensor  # (P,) number of rivals with the same score

    @property
    def expected(self) -> Tensor:
        """(P,) mean rank over all orders of the ties. Rank 0 is first."""
        return self.better + self.equal / 2

    def within(self, k: int) -> Tensor:
        """(P,) probability of a rank among the first k: 1 or 0 without ties, k / n if all n scores are equal."""
        return ((k - self.better) / (self.equal + 1)).clamp(0, 1)


def tied_ranks(own: Tensor, rivals: Tensor, among: Tensor | None = None) -> TiedRanks:
    """Count the rivals with a higher score and the rivals with an equal score.

    A model that gives all candidates the same score therefore has recall k / n and a middle rank, not a recall of 1.

    Args:
        own: (P,) scores.
        rivals: (P, M) scores of the rivals of each.
        among: (P, M) or (M,) which rivals count; by default all. A score must not be its own rival.

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
