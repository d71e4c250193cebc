"""Tests whether counts differ from chance, and exact limits of a share."""

import math
from typing import NamedTuple


def above_chance(hits: int, trials: int, chance: float, error: float = 0.05) -> bool:
    """Whether this number of hits is unlikely by chance, by the exact one-sided binomial test.

    Args:
        hits: Successes, from 0 to ``trials``.
        trials: Number of independent trials. With 0 trials the result is False.
        chance: Probability of a success by chance, in [0, 1].
        error: Largest probability of a false yes.

    Example:
        >>> above_chance(4, 8, chance=0.1), above_chance(2, 8, chance=0.1)
        (True, False)
    """
    from scipy.stats import binomtest

    return trials > 0 and bool(binomtest(hits, trials, chance, alternative="greater").pvalue < error)


def fewer(before: int, after: int, trials: int, error: float = 0.05) -> bool:
    """Whether ``after`` hits are significantly fewer than ``before``, by Fisher's exact one-sided test.

    Args:
        before: Number of hits before, from 0 to ``trials``.
        after: Number of hits after, from 0 to ``trials``.
        trials: Number of trials before, and the same number after.
        error: Largest probability of a false yes.

    Example:
        >>> fewer(9, 2, 10), fewer(9, 8, 10)
        (True, False)
    """
    from scipy.stats import fisher_exact

    table = [[before, trials - before], [after, trials - after]]
    return bool(fisher_exact(table, alternative="greater").pvalue < error)


class Limits(NamedTuple):
    """Two one-sided limits of what is estimated: each is wrong in at most the given share of cases."""

    low: float
    high: float


def share_limits(hits: int, trials: int, error: float = 0.05) -> Limits:
    """Limits of a share: Clopper and Pearson, exact for independent trials.

    Both together are the central interval at ``1 - 2 * error``.

    Args:
        hits: Successes, from 0 to ``trials``.
        trials: Independent trials; with none the limits are 0 and 1.
        error: How often each limit may be wrong.

    Example:
        >>> low, high = share_limits(0, 35)  # the upper limit is 1 - 0.05 ** (1 / 35)
        >>> low, round(high, 4)
        (0.0, 0.082)
    """
    from scipy.special import betaincinv

    low = float(betaincinv(hits, trials - hits + 1, error)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - error)) if hits < trials else 1.0
    return Limits(low, high)


def change_limits(before: int, after: int, trials: int, error: float = 0.05) -> Limits:
    """Limits of the change of a share, from the limits of each (MOVER: Zou and Donner, 2008).

    The trials may be the same images: then the limits are wider than they need be, since hits and misses are not paired.

    Args:
        before: Hits, from 0 to ``trials``.
        after: Hits, from 0 to ``trials``.
        trials: Number of trials of each; with none the limits are -1 and 1.
        error: How often each limit may be wrong.

    Example:
        >>> low, high = change_limits(before=100, after=90, trials=100)
        >>> round(low, 3), round(high, 3)
        (-0.164, -0.046)
    """
    if not trials:
        return Limits(-1.0, 1.0)
    were, are = share_limits(before, trials, error), share_limits(after, trials, error)
    was, now = before / trials, after / trials
    low = now - was - math.hypot(now - are.low, were.high - was)
    return Limits(low, now - was + math.hypot(are.high - now, was - were.low))
