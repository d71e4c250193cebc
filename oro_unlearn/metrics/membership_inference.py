"""MIA: does the model still treat forgotten images as training images?"""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import rank_zero_warn
from torchmetrics.utilities.data import dim_zero_cat

from oro_unlearn.metrics.attack_models import Decision, Points, boundary, fit_svc, fit_threshold

NON_MEMBER, MEMBER, TARGET = 0, 1, 2
SATURATED = (
    "membership inference is NaN: the confidences of members and non-members are too alike (saturated near 0 or 1?) for the "
    "support vector machine to have a boundary; attack='threshold' still has one"
)


class MembershipInference(Metric):
    """An attacker learns members from non-members by a confidence, and judges the forgotten samples.

    As described in RWFT, section 5.3, after Kodge et al. (2024): members are retained training images, non-members retained
    test images, the confidence is the probability of the sample's own label, the targets are the forgotten training
    images. Classes are balanced. The ideal of ``mia`` is the retrained model's value. An attack whose own balanced
    accuracy is near 0.5 says nothing, whatever its ``mia``. This is the protocol ``rwft`` of :func:`mia`, which also gives
    those of the released code.

    Args:
        attack: ``svc``: a support vector machine on a histogram of ``bins`` confidences: constant memory, the same
            predictions as on the samples themselves. ``svc_exact``: on the samples, at most 20,000.
            ``threshold``: the best threshold on the samples, the stronger attack.
        bins: Bins of the histogram over [0, 1]; each is represented by the mean of what fell into it.
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
        """Add samples; a batch may be empty.

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
        """The attack and its verdict.

        Returns:
            ``mia`` (share of targets called non-members), ``member_rate`` (1 - mia), ``attack_balanced_accuracy`` (of the
            attack on the samples it learnt from) and ``boundary`` (confidence from which it says member). All are NaN,
            with a warning, if a group has no samples. Rates and boundary are NaN, and the accuracy 0.5, with a warning, if
            the confidences are so alike, as saturated ones are, that they leave the machine's boundary open; the rates are NaN
            as well if the attack cannot tell its own members from non-members at all.
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
