"""Area under the ROC curve, and the true positive rate at a small false positive rate, from ranks."""

import math

import torch
from torch import Tensor


def auc(positive: Tensor, negative: Tensor) -> float:
    """Probability that a positive scores higher than a negative; equal scores count one half.

    This is the area under the ROC curve. It is exact, by sorting, for scores of any range: log ratios need no sigmoid. It is
    0.5 if the scores carry no information. Below 0.5, negatives score higher, which is as much of a leak as a value above 0.5.

    Args:
        positive: Scores of the positives (members, unlearned models), of any shape. Infinite scores are allowed.
        negative: Scores of the negatives.

    Returns:
        In [0, 1]; NaN, never 0, if one side is empty.

    Raises:
        ValueError: If a score is NaN.

    Example:
        >>> import torch
        >>> round(auc(torch.tensor([.8, .6, .6]), torch.tensor([.6, .1])), 6)
        0.833333
    """
    positive, negative = _scores(positive), _scores(negative)
    if not len(positive) or not len(negative):
        return math.nan
    ordered = negative.sort().values
    below, not_above = (torch.searchsorted(ordered, positive, side=side).sum() for side in ("left", "right"))
    return int(below + not_above) / (2 * len(positive) * len(negative))


def tpr_at_fpr(positive: Tensor, negative: Tensor, fpr: float) -> float:
    """Largest true positive rate of a threshold whose false positive rate is at most ``fpr``.

    Args:
        positive: Scores of the positives, which are expected to be higher; of any shape.
        negative: Scores of the negatives.
        fpr: Largest allowed share of negatives called positive, in (0, 1].

    Returns:
        A value in [0, 1]. NaN without positives, or with fewer than 1 / fpr negatives, which are too few to measure such a
        rate.

    Raises:
        ValueError: If a score is NaN or ``fpr`` is not in (0, 1].

    Example:
        >>> import torch
        >>> tpr_at_fpr(torch.tensor([.9, .7, .4, .1]), torch.tensor([.8, .3, .2, .1]), fpr=.25)
        0.75
    """
    if not 0 < fpr <= 1:
        raise ValueError(f"fpr must be in (0, 1], not {fpr}")
    positive, negative = _scores(positive), _scores(negative)
    allowed = math.floor(fpr * len(negative) + 1e-9)  # in floating point 0.29 * 100 is slightly less than 29
    if not len(positive) or allowed < 1:
        return math.nan
    if allowed >= len(negative):
        return 1.0
    refused = negative.sort(descending=True).values[allowed]  # the highest score that must not be called positive
    return int((positive > refused).sum()) / len(positive)


def _scores(values: Tensor) -> Tensor:
    values = values.detach().double().flatten()
    if values.isnan().any():
        raise ValueError(f"{int(values.isnan().sum())} of {len(values)} scores are NaN: drop them, and say how many")
    return values
