"""U-LIRA on features: is the place of a forgotten image among the classes one that retrained models give it?"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from oro_unlearn.user_error import UserError

LEVEL = 0.95  # of the interval for one more retrained model
FEWEST = 3  # retrained models: two for the Gaussian, when one is left out


def centroid_margins(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, forgotten: Sequence[int]
) -> Tensor:
    """How much closer each forgotten test image is to the centroid of its class than to that of the nearest other class.

    (b - a) / max(a, b) in [-1, 1], with the distances a to its own centroid and b to the nearest other one. Ratios of distances
    can be compared between networks; coordinates of their features cannot.

    Args:
        features: (N, D) of training images of all classes.
        labels: (N,).
        test_features: (M, D) of test images.
        test_labels: (M,).
        forgotten: Indices of the forgotten classes.

    Returns:
        (m,) float64, of the test images of forgotten classes in their order; NaN if all features are equal.

    Raises:
        UserError: If there are fewer than two classes, or a forgotten class has no training images.
    """
    classes = labels.unique()
    missing = sorted(set(forgotten) - set(classes.tolist()))
    if missing or len(classes) < 2:
        raise UserError(f"no training features of class {missing[0]}" if missing else "features of one class only")
    centroids = torch.stack([features[labels == label].double().mean(0) for label in classes])
    rows = torch.isin(test_labels, torch.tensor(list(forgotten)))
    distances = torch.cdist(test_features[rows].double(), centroids)
    own = test_labels[rows][:, None] == classes
    inside, outside = distances[own], distances.masked_fill(own, torch.inf).amin(1)
    return (outside - inside) / torch.maximum(outside, inside)


def feature_lira(model: Tensor, retrained: Tensor) -> float:
    """Share of images whose score lies outside the 95 % interval for one more retrained model.

    For each image a Gaussian is fitted to the scores of retrained models, as offline LiRA does (Carlini et al., IEEE S&P 2022);
    Student's t takes the place of the normal quantile, because there are few models. The interval is
    mean ± t s sqrt(1 + 1 / n), with n - 1 degrees of freedom. **Success**: the share is above that of the retrained models
    themselves, which is 5 % if scores are normal. One edited model suffices; U-LIRA itself needs several.

    Args:
        model: (N,) scores, such as :func:`centroid_margins`.
        retrained: (n, N) of the same images under n retrained models without this model.

    Returns:
        The share, in [0, 1]; NaN if a score is not finite or fewer than two models are given.
    """
    from scipy.special import stdtrit

    count = len(retrained)
    if count < 2 or not len(model) or not (model.isfinite().all() and retrained.isfinite().all()):
        return math.nan
    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * math.sqrt(1 + 1 / count)
    gap = (model - retrained.mean(0)).abs()
    return float((gap > half * retrained.std(0)).double().mean())


def feature_lira_of(model: Tensor, retrained: Sequence[Tensor]) -> float:
    """:func:`feature_lira` beside equally many models for every model.

    A retrained model can only be compared with the n - 1 others. So any other model is compared with every n - 1 of the n, and
    the mean counts.

    Args:
        model: (N,) scores.
        retrained: (N,) scores of each retrained model without this model.
    """
    others = torch.stack(list(retrained))
    left_out = [torch.cat([others[:row], others[row + 1 :]]) for row in range(len(others))]
    return sum(feature_lira(model, rest) for rest in left_out) / len(left_out)
