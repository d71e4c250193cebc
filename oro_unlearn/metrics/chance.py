"""Tests whether counts differ from chance."""


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
