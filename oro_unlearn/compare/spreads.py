"""Means and spreads over classes and over seeds, kept apart."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from statistics import mean, stdev
from typing import Any

from oro_unlearn.report.tables import number

Figure = Callable[[Mapping[str, Any]], float | None]


def spread(
    runs: Sequence[Mapping[str, Any]], figure: Figure, group: str = "forget"
) -> tuple[float | None, float | None, float | None]:
    """Mean, standard deviation over groups (of their means) and within them; runs without the figure are left out.

    Args:
        runs: Of a method.
        figure: What to take of a run; None or NaN if it has none.
        group: The runs' key that tells groups apart.
    """
    by_group: dict[str, list[float]] = {}
    for run, value in known(runs, figure):
        by_group.setdefault(str(run[group]), []).append(value)
    means = [mean(values) for values in by_group.values()]
    seeds = [stdev(values) for values in by_group.values() if len(values) > 1]
    return mean(means) if means else None, stdev(means) if len(means) > 1 else None, mean(seeds) if seeds else None


def known(runs: Sequence[Mapping[str, Any]], figure: Figure) -> list[tuple[Mapping[str, Any], float]]:
    """Runs that have a figure, with it."""
    found = [(run, figure(run)) for run in runs]
    return [(run, value) for run, value in found if value is not None and not isnan(value)]


def marked(text: str, found: int, wanted: int, of: str = "runs") -> str:
    """A cell that says over how many runs it is, if not over all: a mean over other runs is another figure."""
    return text if found in (0, wanted) else f"{text} ({found} of {wanted} {of})"


def marked_once(text: str) -> str:
    """A cell of several figures, all over the same fewer runs, with its mark once, at the end."""
    marks = re.findall(r" \(\d+ of \d+ \w+\)", text)
    return text.replace(marks[0], "") + marks[0] if len(marks) > 1 and len(set(marks)) == 1 else text


def cell(runs: Sequence[Mapping[str, Any]], figure: Figure, percent: bool = True, seeds: Figure | None = None) -> str:
    """Mean ± over classes ± over seeds; ``seeds`` gives the latter where the runs are not the seeds in question."""
    value, classes, own = spread(runs, figure)
    if seeds is not None:
        own = spread(runs, seeds)[0]
    if value is None:
        return "–"
    parts = (value,) if classes is None and own is None else (value, classes, own)
    scale, digits = (100, 2) if percent else (1, 3)
    text = " ± ".join(number(None if part is None else part * scale, digits=digits) for part in parts)
    return marked(text, len(known(runs, figure)), len(runs))
