"""An empirical lower bound on epsilon: how much at least do an attack's scores tell members from non-members?"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from oro_unlearn.metrics import auc
from oro_unlearn.metrics.chance import share_limits
from oro_unlearn.user_error import UserError

OTHERS_AT = (0.5, 0.8, 0.95)  # thresholds at these quantiles of the non-members
MEMBERS_AT = (0.05, 0.2, 0.5)  # and at these of the members
Scores = Mapping[str, tuple[Tensor, Tensor]]  # by attack: scores of members and of non-members
TRIED = len(OTHERS_AT) + len(MEMBERS_AT)


class EpsilonBound(NamedTuple):
    """A lower bound on epsilon. It is never a certificate: another attack may show more."""

    epsilon: float  # the bound; 0 if the scores show nothing
    delta: float
    attack: str  # the attack that separated members best in the first half of the samples
    tpr_low: float  # lower limit of the share of members that it finds, at the best threshold
    fpr_high: float  # upper limit of the share of non-members that it takes for members
    members: int  # members in the second half, on which the bound is computed
    others: int  # non-members there
    most: float  # the largest bound that so many samples can show


def epsilon_bound(scores: Scores, delta: float = 1e-5, error: float = 0.05, seed: int = 0) -> EpsilonBound:
    """Compute a lower bound on the epsilon at which members and non-members are (epsilon, delta)-indistinguishable.

    P and Q are the distributions of what is known about a member and about a non-member. They are (epsilon, delta)-
    indistinguishable if P(S) <= exp(epsilon) Q(S) + delta for every set S, and the same with P and Q exchanged. An attack gives
    a set S, the scores above a threshold, with TPR = P(S) and FPR = Q(S). The first inequality for S and the second one for the
    complement of S (Kairouz, Oh, Viswanath, 2015, theorem 2.1) give

        epsilon >= log((TPR - delta) / FPR)   and   epsilon >= log((1 - FPR - delta) / (1 - TPR)).

    Both grow with TPR and fall with FPR. So they hold with the lower limit of TPR and the upper limit of FPR (Clopper and
    Pearson), as in the audits of Jagielski, Ullman, Oprea (2020) and Nasr et al. (2021).

    The samples of each group are divided into halves at random. The first half chooses the attack, by its AUC, and the side on
    which members are. It also gives six thresholds: the 50, 80 and 95 % quantiles of the non-members, and the 5, 20 and 50 %
    quantiles of the members. The second half gives the limits. Each of the 12 limits is wrong in at most ``error / 12`` of
    cases (Bonferroni). So the bound exceeds the true epsilon in at most ``error`` of cases, if samples are independent.

    Args:
        scores: By attack, the scores of members (n,) and of non-members (m,). All attacks must have the same samples in the
            same order. An attack with a NaN score is left out.
        delta: In [0, 1).
        error: Probability that the bound is too high.
        seed: Seed of the halves.

    Returns:
        The bound, at least 0.

    Raises:
        UserError: If delta is not in [0, 1), a group has fewer than two samples, or every attack has a NaN score.

    Example:
        >>> bound = epsilon_bound({"score": (torch.arange(100.0) + 80, torch.arange(100.0))}, delta=0)
        >>> bound.members, round(bound.epsilon, 2), round(bound.most, 2)
        (50, 1.78, 2.16)
    """
    usable = _checked(scores, delta)
    first, second = _halves(usable, seed)
    found = {name: auc(*pair) - 0.5 for name, pair in first.items()}
    attack = max(found, key=lambda name: abs(found[name]))
    side = -1.0 if found[attack] < 0 else 1.0  # a model may be less sure of members than of others
    members, others = (side * part for part in second[attack])
    thresholds = _thresholds(*(side * part for part in first[attack]))
    counts = [(int((members > threshold).sum()), int((others > threshold).sum())) for threshold in thresholds]

    def limits(hits: int, false_alarms: int) -> tuple[float, float]:
        each = error / (2 * TRIED)
        return share_limits(hits, len(members), each).low, share_limits(false_alarms, len(others), each).high

    def bound(tpr_low: float, fpr_high: float) -> float:
        ratios = ((tpr_low - delta) / fpr_high, (1 - fpr_high - delta) / (1 - tpr_low))
        return math.log(max(1.0, *ratios))

    best = max((limits(*pair) for pair in counts), key=lambda pair: bound(*pair))
    most = bound(*limits(len(members), 0))
    return EpsilonBound(bound(*best), delta, attack, *best, len(members), len(others), most)


def _checked(scores: Scores, delta: float) -> Scores:
    """The attacks without NaN scores."""
    if not 0 <= delta < 1:
        raise UserError(f"delta is a probability in [0, 1), not {delta}")
    usable = {name: pair for name, pair in scores.items() if not any(bool(part.isnan().any()) for part in pair)}
    if not usable:
        raise UserError("every attack has NaN scores: there is no bound on epsilon")
    sizes = [len(part) for part in next(iter(usable.values()))]
    if min(sizes) < 2:
        raise UserError(f"a bound on epsilon needs two members and two non-members or more, not {sizes[0]} and {sizes[1]}")
    return usable


def _halves(scores: Scores, seed: int) -> tuple[Scores, Scores]:
    """Divide the samples of each group at random into two halves, the same for every attack."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [len(part) for part in next(iter(scores.values()))]
    (members, more_members), (others, more_others) = (
        torch.randperm(size, generator=generator).tensor_split(2) for size in sizes
    )
    first = {name: (own[members].double(), rest[others].double()) for name, (own, rest) in scores.items()}
    second = {name: (own[more_members].double(), rest[more_others].double()) for name, (own, rest) in scores.items()}
    return first, second


def _thresholds(members: Tensor, others: Tensor) -> list[float]:
    """The thresholds, from samples that the bound is not computed on. Quantiles are values that occur."""
    found = [
        torch.quantile(values, values.new_tensor(levels), interpolation="lower")
        for values, levels in ((others, OTHERS_AT), (members, MEMBERS_AT))
    ]
    return torch.cat(found).tolist()
