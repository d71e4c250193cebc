"""One-dimensional classifiers that separate members from non-members by a confidence."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COST = 3  # C of the support vector machine
Decision = Callable[[Floats], Floats]  # confidences (N,) -> scores (N,), positive means member


class Points(NamedTuple):
    """Confidences, each standing for a number of samples."""

    values: Floats  # (N,)
    counts: Floats  # (N,)

    def share(self, decision: Decision) -> float:
        """Share of the samples that ``decision`` calls members."""
        return float((decision(self.values) > 0) @ self.counts / self.counts.sum())


def fit_svc(members: Points, others: Points) -> Decision | None:
    """Support vector machine with an RBF kernel, C = 3 and gamma = 1 (scikit-learn's "auto" for one feature), classes balanced.

    Kodge et al. (2024) and Fan et al. (2024) use these settings. A point of weight w counts as w samples, so a weighted
    histogram gives the same machine as the samples themselves.

    Returns:
        The decision; None where the confidences leave it open. Where members and non-members are so alike that every point lies
        within the margin, as saturated confidences are, any offset in an interval solves the machine's problem. If one of
        these calls everything the same, the boundary that a solver happens to return says nothing.
    """
    from sklearn.svm import SVC

    values = np.concatenate([members.values, others.values])[:, None]
    labels = np.repeat([1, 0], [len(members.values), len(others.values)])
    total = members.counts.sum() + others.counts.sum()
    weights = [points.counts * total / (2 * points.counts.sum()) for points in (members, others)]
    limits = np.concatenate(weights)
    machine = SVC(C=COST, gamma=1.0, kernel="rbf").fit(values, labels, limits)
    at_limit = np.abs(machine.dual_coef_[0]) >= COST * limits[machine.support_] * (1 - 1e-6)
    if len(machine.support_) == len(values) and at_limit.all() and _is_open(machine, values, labels):
        return None
    return lambda confidences: machine.decision_function(confidences[:, None])


def _is_open(machine: Any, values: Floats, labels: NDArray[np.int64]) -> bool:
    """Whether an offset among the solutions calls everything a member, or nothing.

    All points are within the margin, y (g + b) <= 1: that bounds the offset b from below by the non-members and from above by
    the members.
    """
    kernel = machine.decision_function(values) - machine.intercept_[0]
    low, high = -1 - kernel[labels == 0].min(), 1 - kernel[labels == 1].max()
    return bool(kernel.max() + low <= 0 or kernel.min() + high > 0)


def fit_threshold(members: Points, others: Points) -> Decision:
    """The threshold of greatest balanced accuracy, in the direction in which members score higher (Youden's J).

    The strongest attack of its kind: it lies half-way between two neighbouring scores.
    """
    values = np.concatenate([members.values, others.values])
    gain = np.concatenate([members.counts / members.counts.sum(), -others.counts / others.counts.sum()])
    levels, inverse = np.unique(values, return_inverse=True)
    advantage = np.cumsum(np.bincount(inverse, gain)[::-1])[::-1]  # of calling everything from this level up a member
    best = int(advantage.argmax())
    below = levels[best - 1] if best else levels[0] - 1  # best = 0: the attack calls everything a member
    threshold = (levels[best] + below) / 2
    return lambda confidences: confidences - threshold


def boundary(decision: Decision, resolution: int = 4096) -> float:
    """Smallest confidence in [0, 1] at which a decision turns from non-member to member; NaN if it never does."""
    from scipy.optimize import brentq

    grid = np.linspace(0, 1, resolution + 1)
    member = decision(grid) > 0
    turns = np.flatnonzero(~member[:-1] & member[1:])
    if not len(turns):
        return float("nan")
    low, high = grid[turns[0]], grid[turns[0] + 1]
    return float(brentq(lambda value: float(decision(np.array([value]))[0]), low, high))
