"""How any figure of an unlearned model is read: beside the retrained models'."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

ENOUGH = 3  # retrained models for a verdict: two may agree by chance, and then have no spread
LEVEL = 0.95  # of the interval


class Reading(NamedTuple):
    """A figure, and what models retrained without the forgotten data have."""

    value: float
    ideal: float  # mean of the retrained models
    floor: float  # expected gap of one more retrained model; NaN with fewer than two, for a pairwise figure fewer than three
    gap: float  # |value - ideal|
    low: float  # 95 % prediction interval for one more retrained model, if their figures are normal; NaN without a floor
    high: float
    deviations: float  # value - ideal in standard deviations of one more retrained model
    p: float  # two-sided: how often one more retrained model is as far or further
    rank: int  # how many retrained models are below
    retrained: int  # number of retrained models
    verdict: Literal[
        "inside", "outside", "not judged"
    ]  # with fewer than three retrained models, or without a figure, not judged

    @property
    def inside(self) -> bool:
        """Whether the value is judged to be within the interval."""
        return self.verdict == "inside"


def reading(
    value: float, retrained_values: Sequence[float] | Tensor, pairwise: bool = False, samples: int | None = None
) -> Reading:
    """Compare a figure with the same figure of retrained models: the ideal is to be one of them, not 0, 0.5 or 1.

    The floor is the gap that one more retrained model is expected to have: gap over floor is 1 for it, whatever the number of
    retrained models. A gap below the floor is no better than one at the floor: it is what another seed changes.

    Each retrained model is left out once and read beside the others: e_i is its distance from their ideal. The floor is
    sqrt(1 - 1 / n^2) mean |e_i|, since n models say more than n - 1. The interval takes the root mean square of e_i instead of
    the mean, and Student's t with n - 1 degrees of freedom.

    Args:
        value: Any figure of the unlearned model.
        retrained_values: The figure of each retrained model, obtained in the same way.
        pairwise: The figure is a mean over pairs of models: ``value`` over all retrained models, and each of
            ``retrained_values`` over the other retrained ones (total variation, CKA to retrained models). Such values share
            pairs, and so spread less than models do; leaving a model out leaves out its pairs in all the others' values too.
        samples: Of how many samples the figure is a share. Then their binomial variance is part of the interval: a share of few
            samples has few values, and models may agree by chance.

    Returns:
        The reading; NaN in, NaN out, and then not judged.

    Raises:
        ValueError: If there is no retrained model.

    Example:
        >>> result = reading(0.25, [0.30, 0.34, 0.32])
        >>> round(result.ideal, 6), round(result.floor, 6), round(result.gap, 6), result.inside
        (0.32, 0.018856, 0.07, True)
    """
    retrained = torch.as_tensor(retrained_values, dtype=torch.float64).flatten()
    if not len(retrained):
        raise ValueError("a reading needs the figure of at least one retrained model")
    ideal = float(retrained.mean())
    left_out = left_out_distances(retrained, pairwise)
    wider = math.sqrt(1 - 1 / len(retrained) ** 2)
    floor = wider * float(left_out.abs().mean())
    scale = wider * float(left_out.square().mean().sqrt())
    if samples:
        scale = math.hypot(scale, math.sqrt(ideal * (1 - ideal) / samples * (1 + 1 / len(retrained))))
    return _judged(float(value), ideal, floor, scale, retrained)


def left_out_distances(retrained: Tensor, pairwise: bool) -> Tensor:
    """How far each retrained model is from the ideal that the others alone give.

    Args:
        retrained: (..., n) values of retrained models.
        pairwise: As for :func:`reading`. Then the sum of all values holds every pair twice, and n - 1 times a model's own value
            is the sum of its pairs: the mean over the pairs without it follows without knowing the pairs.

    Returns:
        (..., n), signed; NaN with fewer than two models, or three for a pairwise figure.
    """
    count = retrained.shape[-1]
    fewest = 3 if pairwise else 2
    if count < fewest:
        return torch.full_like(retrained, torch.nan)
    return (retrained - retrained.mean(-1, keepdim=True)) * count / (count - fewest + 1)


def _judged(value: float, ideal: float, floor: float, scale: float, retrained: Tensor) -> Reading:
    from scipy.stats import t

    count = len(retrained)
    deviations = (value - ideal) / scale if scale > 0 else math.nan
    half, p = math.nan, math.nan
    if count > 1:
        half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * scale
        p = float(2 * t.sf(abs(deviations), count - 1))
    verdict: Literal["inside", "outside", "not judged"] = "inside" if p >= 1 - LEVEL else "outside"
    if count < ENOUGH or math.isnan(p):
        verdict = "not judged"
    rank = int((retrained < value).sum())
    return Reading(value, ideal, floor, abs(value - ideal), ideal - half, ideal + half, deviations, p, rank, count, verdict)
