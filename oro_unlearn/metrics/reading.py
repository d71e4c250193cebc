"""Reads any figure of an unlearned model beside the same figure of retrained models."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

ENOUGH = 3  # retrained models needed for a verdict: two may agree by chance and show no spread
LEVEL = 0.95  # of the prediction interval


class Reading(NamedTuple):
    """A figure, compared with the same figure of models retrained without the forgotten data."""

    value: float
    ideal: float  # mean of the retrained models
    floor: float  # expected gap of one more retrained model; NaN with fewer than two, or three for a pairwise figure
    gap: float  # |value - ideal|
    low: float  # 95 % prediction interval for one more retrained model, if their figures are normal; NaN without a floor
    high: float
    deviations: float  # value - ideal, in standard deviations of one more retrained model
    p: float  # two-sided: probability that one more retrained model is at least as far from the ideal
    rank: int  # number of retrained models below the value
    retrained: int  # number of retrained models
    verdict: Literal[
        "inside", "outside", "not judged"
    ]  # "not judged" with fewer than three retrained models, or without a figure

    @property
    def inside(self) -> bool:
        """Whether the verdict is that the value lies within the interval."""
        return self.verdict == "inside"


def reading(
    value: float, retrained_values: Sequence[float] | Tensor, pairwise: bool = False, samples: int | None = None
) -> Reading:
    """Compare a figure with the same figure of retrained models. The ideal is their value, not 0, 0.5 or 1.

    The floor is the expected gap of one more retrained model. For such a model the expected ratio of gap to floor is 1, for any
    number of retrained models. A gap below the floor is not better than a gap at the floor: another seed changes the figure by
    that much.

    Each retrained model is left out once and compared with the others: e_i is its distance from their ideal. The floor is
    sqrt(1 - 1 / n^2) mean |e_i|, because n models determine the ideal better than n - 1 models. The interval uses the root mean
    square of e_i instead of the mean, and Student's t with n - 1 degrees of freedom.

    Args:
        value: Any figure of the unlearned model.
        retrained_values: The figure of each retrained model, obtained in the same way.
        pairwise: Whether the figure is a mean over pairs of models, such as total variation or CKA to retrained models.
            ``value`` is then the mean over all retrained models, and each of ``retrained_values`` the mean over the other
            retrained models. Such values share pairs and so spread less than models do. Leaving out a model also removes its
            pairs from the values of all other models.
        samples: Number of samples, if the figure is a share of samples. The interval then includes the binomial variance: a
            share of few samples has few possible values, and models may agree by chance.

    Returns:
        The reading. If an input is NaN, the results are NaN and the verdict is "not judged".

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
    ideal = float(_mean(retrained)[0])
    left_out = left_out_distances(retrained, pairwise)
    wider = math.sqrt(1 - 1 / len(retrained) ** 2)
    floor = wider * float(left_out.abs().mean())
    scale = wider * float(left_out.square().mean().sqrt())
    if samples:
        scale = math.hypot(scale, math.sqrt(ideal * (1 - ideal) / samples * (1 + 1 / len(retrained))))
    return _judged(float(value), ideal, floor, scale, retrained)


def left_out_distances(retrained: Tensor, pairwise: bool) -> Tensor:
    """Distance of each retrained model from the ideal of the other retrained models.

    Args:
        retrained: (..., n) values of retrained models.
        pairwise: As for :func:`reading`. The sum of all values then counts every pair twice, and n - 1 times the value of a
            model is the sum over its pairs. So the mean over the pairs without a model follows without knowing the pairs.

    Returns:
        (..., n), signed; NaN with fewer than two models, or three for a pairwise figure.
    """
    count = retrained.shape[-1]
    fewest = 3 if pairwise else 2
    if count < fewest:
        return torch.full_like(retrained, torch.nan)
    return (retrained - _mean(retrained)) * count / (count - fewest + 1)


def _mean(values: Tensor) -> Tensor:
    """Mean (..., 1) of values (..., n). If all are equal it is this value exactly; a sum of them would be rounded."""
    first = values[..., :1]
    return first + (values - first).mean(-1, keepdim=True)


def _judged(value: float, ideal: float, floor: float, scale: float, retrained: Tensor) -> Reading:
    from scipy.special import stdtr, stdtrit  # Student's t; scipy.stats takes a hundred times as long for a number

    count = len(retrained)
    deviations = (value - ideal) / scale if scale > 0 else math.nan
    half, p = math.nan, math.nan
    if count > 1:
        half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * scale
        p = float(2 * stdtr(count - 1, -abs(deviations)))
    verdict: Literal["inside", "outside", "not judged"] = "inside" if p >= 1 - LEVEL else "outside"
    if count < ENOUGH or math.isnan(p):
        verdict = "not judged"
    rank = int((retrained < value).sum())
    return Reading(value, ideal, floor, abs(value - ideal), ideal - half, ideal + half, deviations, p, rank, count, verdict)
