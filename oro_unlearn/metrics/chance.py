"""Whether counts are more than chance gives."""


def above_chance(hits: int, trials: int, chance: float, error: float = 0.05) -> bool:
    """Whether so many hits are unlikely by chance: the exact one-sided binomial test.

    Args:
        hits: Successes, from 0 to ``trials``.
        trials: Independent trials; with none nothing is above chance.
        chance: Probability of a success by chance, in [0, 1].
        error: Largest probability of a false yes.

    Example:
        >>> above_chance(4, 8, chance=0.1), above_chance(2, 8, chance=0.1)
        (True, False)
    """
    from scipy.stats import binomtest

    return trials > 0 and bool(binomtest(hits, trials, chance, alternative="greater").pvalue < error)


def fewer(before: int, after: int, trials: int, error: float = 0.05) -> bool:
    """Whether ``after`` of ``trials`` is beyond chance less than ``before`` of as many: Fisher's exact one-sided test.

    Args:
        before: Hits in [0, trials].
        after: Hits in [0, trials].
        trials: Number of trials of each.
        error: Largest probability of a false yes.

    Example:
        >>> fewer(9, 2, 10), fewer(9, 8, 10)
        (True, False)
    """
    from scipy.stats import fisher_exact

    table = [[before, trials - before], [after, trials - after]]
    return bool(fisher_exact(table, alternative="greater").pvalue < error)
