"""MIA: does the model still treat forgotten images as training images?

The module has three parts: the metric, the three protocols of the papers, and the one-dimensional classifiers of the attack.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import rank_zero_warn
from torchmetrics.utilities.data import dim_zero_cat

Floats = NDArray[np.float64]
COST = 3  # C of the support vector machine
Decision = Callable[[Floats], Floats]  # confidences (N,) -> scores (N,), positive means member
NON_MEMBER, MEMBER, TARGET = 0, 1, 2
SATURATED = (
    "membership inference is NaN: the confidences of members and non-members are too alike (saturated near 0 or 1?) for the "
    "support vector machine to have a boundary; attack='threshold' still has one"
)


class Points(NamedTuple):
    """Confidences, each standing for a number of samples."""

    values: Floats  # (N,)
    counts: Floats  # (N,)

    def share(self, decision: Decision) -> float:
        """Share of the samples that ``decision`` calls members."""
        return float((decision(self.values) > 0) @ self.counts / self.counts.sum())


class MembershipInference(Metric):
    """An attacker learns to separate members from non-members by a confidence, and then judges the forgotten samples.

    The attack is described in RWFT, section 5.3, after Kodge et al. (2024). Members are retained training images, non-members
    are retained test images, and targets are the forgotten training images. The confidence is the probability of the sample's
    own label. Classes are balanced. The ideal value of ``mia`` is that of the retrained model. If the attack's own balanced
    accuracy is near 0.5, ``mia`` has no meaning. This is the protocol ``rwft`` of :func:`mia`, which also computes the
    protocols of the released code.

    Args:
        attack: ``svc``: a support vector machine on a histogram of ``bins`` confidences; it needs constant memory and gives the
            same predictions as on the samples themselves. ``svc_exact``: a support vector machine on the samples, at most
            20,000. ``threshold``: the best threshold on the samples, which is the stronger attack.
        bins: Bins of the histogram over [0, 1]; each is represented by the mean of the confidences in it.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = MembershipInference()
        >>> metric.update(torch.tensor([.9, .95, .97, .99]), torch.full((4,), 1))
        >>> metric.update(torch.tensor([.1, .2, .3, .4]), torch.full((4,), 0))
        >>> metric.update(torch.tensor([.02, .05, .60, .93]), torch.full((4,), 2))
        >>> {name: round(float(value), 4) for name, value in metric.compute().items()}
        {'mia': 0.75, 'member_rate': 0.25, 'attack_balanced_accuracy': 1.0, 'boundary': 0.6308}
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    exact_limit = 20_000
    counts: Tensor
    sums: Tensor

    def __init__(self, attack: Literal["svc", "threshold", "svc_exact"] = "svc", bins: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if attack not in ("svc", "threshold", "svc_exact"):
            raise ValueError(f"attack must be 'svc', 'threshold' or 'svc_exact', not {attack!r}")
        self.attack, self.bins = attack, bins
        if attack == "svc":
            for name in ("counts", "sums"):
                self.add_state(name, torch.zeros(3, bins, dtype=torch.float64), dist_reduce_fx="sum")
        else:  # float and one-dimensional, so that a process without samples can take part
            for group in range(3):
                self.add_state(f"scores_{group}", [], dist_reduce_fx="cat")

    def update(self, confidence: Tensor, group: Tensor) -> None:
        """Add samples. A batch may be empty.

        Args:
            confidence: (B,) in [0, 1].
            group: (B,) 1 for members, 0 for non-members, 2 for targets.

        Raises:
            ValueError: If shapes differ, or a confidence is NaN or outside [0, 1], or a group is unknown.
        """
        if confidence.ndim != 1 or confidence.shape != group.shape:
            raise ValueError(f"confidence {tuple(confidence.shape)} and group {tuple(group.shape)} must both be (B,)")
        if not ((confidence >= 0) & (confidence <= 1)).all():
            raise ValueError("confidences must be probabilities in [0, 1], without NaN")
        if not ((group == NON_MEMBER) | (group == MEMBER) | (group == TARGET)).all():
            raise ValueError("groups must be 0 (non-member), 1 (member) or 2 (target)")
        if self.attack == "svc":
            values = confidence.double()
            cells = group * self.bins + (values * self.bins).long().clamp(max=self.bins - 1)
            self.counts += torch.bincount(cells, minlength=3 * self.bins).view(3, self.bins)
            self.sums += torch.zeros_like(self.sums).view(-1).index_add(0, cells, values).view(3, self.bins)
        else:
            for label in range(3):
                getattr(self, f"scores_{label}").append(confidence[group == label].float())

    def compute(self) -> dict[str, Tensor]:
        """Fit the attack and judge the targets.

        Returns:
            ``mia`` (share of targets called non-members), ``member_rate`` (1 - mia), ``attack_balanced_accuracy`` (of the
            attack on the samples it was fitted to) and ``boundary`` (the confidence from which it says member). All are NaN,
            with a warning, if a group has no samples. If the confidences are so alike, for instance saturated, that they do not
            determine the boundary of the support vector machine, rates and boundary are NaN and the accuracy is 0.5, with a
            warning. The rates are also NaN if the attack cannot separate its own members from non-members at all.
        """
        groups = [self._points(group) for group in range(3)]
        names = ("mia", "member_rate", "attack_balanced_accuracy", "boundary")
        if not all(len(points.values) for points in groups):
            named = zip(("non-members", "members", "targets"), groups, strict=True)
            empty = [name for name, points in named if not len(points.values)]
            rank_zero_warn(f"membership inference is NaN: there are no {' and no '.join(empty)}", UserWarning)
            return {name: torch.tensor(torch.nan) for name in names}
        decision = self._fit(groups[MEMBER], groups[NON_MEMBER])
        if decision is None:
            rank_zero_warn(SATURATED, UserWarning)
            return dict(zip(names, map(torch.tensor, (torch.nan, torch.nan, 0.5, torch.nan)), strict=True))
        accuracy = (groups[MEMBER].share(decision) + 1 - groups[NON_MEMBER].share(decision)) / 2
        rate = groups[TARGET].share(decision) if accuracy > 0.5 else float("nan")
        values = (1 - rate, rate, accuracy, boundary(decision))
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in zip(names, values, strict=False)}

    def _points(self, group: int) -> Points:
        if self.attack == "svc":
            counts, sums = self.counts[group].cpu().numpy(), self.sums[group].cpu().numpy()
            filled = counts > 0
            return Points(sums[filled] / counts[filled], counts[filled])
        state = getattr(self, f"scores_{group}")
        values = dim_zero_cat(state).double().cpu().numpy() if len(state) else np.empty(0)
        return Points(values, np.ones(len(values)))

    def _fit(self, members: Points, others: Points) -> Decision | None:
        size = len(members.values) + len(others.values)
        if self.attack == "svc_exact" and size > self.exact_limit:
            raise ValueError(
                f"svc_exact on {size} samples would take minutes to hours (limit {self.exact_limit}): use attack='svc'"
            )
        return fit_threshold(members, others) if self.attack == "threshold" else fit_svc(members, others)


def mia(
    train_retained: Tensor,
    train_forgotten: Tensor,
    test_retained: Tensor,
    test_forgotten: Tensor,
    protocol: Literal["rwft", "kodge", "sparse"] = "rwft",
    attack: Literal["svc", "threshold", "svc_exact"] = "svc",
) -> dict[str, float]:
    """:class:`MembershipInference` on the splits of a paper or its code. Figures of different protocols are not comparable.

    ======== ========================== =================== ================ =========================================
    protocol members                    non-members         judged           source
    ======== ========================== =================== ================ =========================================
    rwft     train_retained             test_retained       train_forgotten  text of Fan et al. and Kodge et al. (2024)
    kodge    train_retained             train_forgotten     test_forgotten   released code of Kodge et al. (TMLR 2024)
    sparse   first of train_retained,   test_retained       train_forgotten  code of Jia et al. (NeurIPS 2023), SalUn
             as many as test_retained
    ======== ========================== =================== ================ =========================================

    In each protocol the groups are balanced by weight; the released code does not do that. ``kodge`` only tests whether the
    confidence on the forgotten class is low. It carries the same information as ACC_f, and a mask on the logits scores 1.

    Args:
        train_retained: (N,) probability that each retained training sample gets for its own label, in the order of the data
            set.
        train_forgotten: (N,) the same for the forgotten training samples.
        test_retained: (N,) the same for the retained test samples.
        test_forgotten: (N,) the same for the test samples of the forgotten classes. Only ``kodge`` reads it. Empty if single
            samples are forgotten.
        protocol: See the table.
        attack: See :class:`MembershipInference`.

    Returns:
        ``mia`` (share of the judged samples called non-members), ``member_rate``, ``attack_balanced_accuracy`` and
        ``boundary``, as in :class:`MembershipInference`. NaN with a warning if a group is empty.

    Raises:
        ValueError: If the protocol is unknown, or a confidence is NaN or outside [0, 1].

    Example:
        >>> import torch
        >>> splits = torch.tensor([[.9, .95, .97, .99], [.02, .05, .60, .93], [.1, .2, .3, .4], [.01, .02, .03, .04]])
        >>> round(mia(*splits)["mia"], 4), round(mia(*splits, protocol="kodge")["mia"], 4)
        (0.75, 1.0)
    """
    if protocol not in ("rwft", "kodge", "sparse"):
        raise ValueError(f"protocol must be 'rwft', 'kodge' or 'sparse', not {protocol!r}")
    members = train_retained[: len(test_retained)] if protocol == "sparse" else train_retained
    others, judged = (train_forgotten, test_forgotten) if protocol == "kodge" else (test_retained, train_forgotten)
    metric = MembershipInference(attack).to(members.device)
    for group, confidences in ((MEMBER, members), (NON_MEMBER, others), (TARGET, judged)):
        metric.update(confidences, torch.full_like(confidences, group, dtype=torch.long))
    return {name: float(value) for name, value in metric.compute().items()}


def fit_svc(members: Points, others: Points) -> Decision | None:
    """Support vector machine with an RBF kernel, C = 3 and gamma = 1 (scikit-learn's "auto" for one feature), classes balanced.

    Kodge et al. (2024) and Fan et al. (2024) use these settings. A point of weight w counts as w samples, so a weighted
    histogram gives the same machine as the samples themselves.

    Returns:
        The decision; None if the confidences do not determine it. If members and non-members are so alike that every point lies
        within the margin, for instance with saturated confidences, every offset in some interval is a solution. If one of these
        offsets gives all points the same label, the boundary that a solver happens to return has no meaning.
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
    """Whether one of the optimal offsets calls all points members, or none.

    All points are within the margin, y (g + b) <= 1. The non-members bound the offset b from below, the members from above.
    """
    kernel = machine.decision_function(values) - machine.intercept_[0]
    low, high = -1 - kernel[labels == 0].min(), 1 - kernel[labels == 1].max()
    return bool(kernel.max() + low <= 0 or kernel.min() + high > 0)


def fit_threshold(members: Points, others: Points) -> Decision:
    """The threshold with the largest balanced accuracy, if members are those with higher scores (Youden's J).

    No other threshold on these scores is a stronger attack. It lies half-way between two neighbouring scores.
    """
    values = np.concatenate([members.values, others.values])
    gain = np.concatenate([members.counts / members.counts.sum(), -others.counts / others.counts.sum()])
    levels, inverse = np.unique(values, return_inverse=True)
    advantage = np.cumsum(np.bincount(inverse, gain)[::-1])[::-1]  # of calling all scores from this level up members
    best = int(advantage.argmax())
    below = levels[best - 1] if best else levels[0] - 1  # best = 0: the attack calls all samples members
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
