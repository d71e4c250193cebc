"""How a class is represented in a classifier's features, independently of the head."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from oro_unlearn.user_error import UserError

Distance = Literal["cosine", "euclidean"]


def cka(a: Tensor, b: Tensor, debiased: bool = False) -> float:
    """Linear centred kernel alignment of two models' features of the same samples (Kornblith et al., ICML 2019).

    The value is |A'B|^2 / (|A'A| |B'B|) with centred columns and Frobenius norms. It is in [0, 1] and computed in float64. It
    does not change if features are rotated, reflected or scaled as a whole. So networks of different initialisation and
    different width can be compared. With fewer samples than features the value is too high, even for noise.

    Args:
        a: (N, Da).
        b: (N, Db), the same samples in the same order.
        debiased: Replace the three norms by their unbiased estimators (Song et al., JMLR 2012). Independent features then give
            0 on average, and values below 0 occur. This needs at least four samples.

    Returns:
        The alignment; NaN if a model's features are all equal.

    Raises:
        UserError: If the numbers of samples differ, there are too few samples, or features are not finite.

    Example:
        >>> a, b = torch.tensor([[1.], [-1.], [0.], [0.]]), torch.tensor([[1.], [-1.], [1.], [-1.]])
        >>> round(cka(a, b), 6)
        0.5
    """
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b):
        raise UserError(f"features must be (N, Da) and (N, Db) of the same samples, not {tuple(a.shape)} and {tuple(b.shape)}")
    if len(a) < (4 if debiased else 2):
        raise UserError(f"{len(a)} samples are too few to align: give at least {4 if debiased else 2}")
    x, y = (_centred(features) for features in (a, b))
    alignment = _dependence(x, y, debiased) / (_dependence(x, x, debiased) * _dependence(y, y, debiased)) ** 0.5
    return float(alignment)


def silhouette(features: Tensor, labels: Tensor, label: int, distance: Distance = "cosine") -> float:
    """Mean silhouette value of one class among all classes (Rousseeuw 1987): how well its samples stay together.

    Near 1, the class is a separate cluster. Near 0, it lies between other classes. Below 0, it lies inside another class. In
    models trained without the class, its samples are scattered.

    Args:
        features: (N, D) of samples of all classes.
        labels: (N,).
        label: The class.
        distance: ``cosine`` or ``euclidean``.

    Raises:
        UserError: If the class has no samples, or no other class has samples.
    """
    return float(separation_margin(features, labels, [label], distance).mean())


def separation_margin(features: Tensor, labels: Tensor, forgotten: Sequence[int], distance: Distance = "cosine") -> Tensor:
    """Silhouette value of each sample of the forgotten classes: (b - a) / max(a, b), in [-1, 1].

    a is the sample's mean distance to the rest of its class, and b its mean distance to the nearest other class. The value is 0
    for a class of one sample. It is NaN if all features are equal or a feature vector has no direction, as in a dead network.
    This is the statistic for a population attack on features (:func:`u_lira` on values instead of outputs). Networks of
    different initialisation have unaligned features: a coordinate of one network has no meaning in another. So no Gaussian can
    be fitted to coordinates over several models. Ratios of distances do not change if features are rotated, reflected or scaled
    as a whole, so they can be compared.

    Args:
        features: (N, D) of samples of all classes. The function needs memory for n_f x N distances, where n_f is the number of
            samples of the forgotten classes.
        labels: (N,).
        forgotten: Indices of the forgotten classes. Every other class can be the nearest, including other forgotten classes.
        distance: ``cosine`` or ``euclidean``.

    Returns:
        (n_f,) float64, in the order of the samples.

    Raises:
        UserError: If shapes do not fit, features are not finite, a forgotten class has no samples, or no other class has.
    """
    classes, position = labels.unique(return_inverse=True)
    _check(features, labels, classes, forgotten, distance)
    points = features.double()
    if distance == "cosine":
        points = normalize(points)
    rows = torch.isin(labels, torch.tensor(list(forgotten), device=labels.device)).nonzero()[:, 0]
    members = one_hot(position, len(classes)).double()
    sums = _distances(points, rows, distance) @ members  # (n_f, classes)
    own, counts = position[rows], members.sum(0)
    inside = sums.gather(1, own[:, None])[:, 0] / (counts[own] - 1)  # the distance to itself is 0
    outside = (sums / counts).scatter(1, own[:, None], torch.inf).amin(1)
    margin = (outside - inside) / torch.maximum(outside, inside)  # 0 / 0 = NaN where all features are the same
    dead = (points[rows] == 0).all(1) & (distance == "cosine")  # a vector of zeros has no direction
    return torch.where(counts[own] == 1, 0.0, margin).masked_fill(dead, torch.nan)


def _check(features: Tensor, labels: Tensor, classes: Tensor, forgotten: Sequence[int], distance: str) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise UserError(f"features {tuple(features.shape)} and labels {tuple(labels.shape)} must be (N, D) and (N,)")
    if distance not in ("cosine", "euclidean"):
        raise UserError(f"distance must be 'cosine' or 'euclidean', not {distance!r}")
    missing = sorted(set(forgotten) - set(classes.tolist()))
    if missing or not len(forgotten):
        raise UserError(f"no features of class {missing[0]}" if missing else "name at least one class whose features to judge")
    if len(classes) < 2:
        raise UserError("features of one class only: give those of the other classes as well")
    if not features.isfinite().all():
        raise UserError("features have NaN or infinite values: the model diverged")


def _distances(points: Tensor, rows: Tensor, distance: str) -> Tensor:
    """Distances (n, N) from some points to all points; exactly 0 from a point to itself."""
    some = points[rows]
    found = 1 - some @ points.T if distance == "cosine" else torch.cdist(some, points)
    return found.clamp(min=0).scatter(1, rows[:, None], 0.0)


def _centred(features: Tensor) -> Tensor:
    if not features.isfinite().all():
        raise UserError("features have NaN or infinite values: the model diverged")
    values = features.double()
    return values - values.mean(0)


def _dependence(x: Tensor, y: Tensor, debiased: bool) -> Tensor:
    """|X'Y|^2 of centred features, or its unbiased estimator; without the (N, N) matrices."""
    biased = (x.T @ y).square().sum()
    if not debiased:
        return biased
    n, p, q = len(x), x.square().sum(1), y.square().sum(1)  # p, q: diagonals of the Gram matrices
    return biased - n / (n - 2) * (p @ q) + p.sum() * q.sum() / ((n - 1) * (n - 2))
