"""Means, and separate spreads over classes and over seeds."""

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
    """Mean, standard deviation of the group means, and mean standard deviation within groups.

    Runs without the figure are left out.

    Args:
        runs: Records of a method's runs.
        figure: Function that returns the figure of a run; None or NaN if the run does not have it.
        group: Key of a record that names its group.
    """
    by_group: dict[str, list[float]] = {}
    for run, value in known(runs, figure):
        by_group.setdefault(str(run[group]), []).append(value)
    means = [mean(values) for values in by_group.values()]
    seeds = [stdev(values) for values in by_group.values() if len(values) > 1]
    return mean(means) if means else None, stdev(means) if len(means) > 1 else None, mean(seeds) if seeds else None


def known(runs: Sequence[Mapping[str, Any]], figure: Figure) -> list[tuple[Mapping[str, Any], float]]:
    """Runs that have a figure, with its value."""
    pairs = [(run, figure(run)) for run in runs]
    return [(run, value) for run, value in pairs if value is not None and not isnan(value)]


def marked(text: str, found: int, wanted: int, of: str = "runs") -> str:
    """Mark a cell with its number of runs if runs are missing, because means over different runs cannot be compared."""
    return text if found in (0, wanted) else f"{text} ({found} of {wanted} {of})"


def marked_once(text: str) -> str:
    """If all figures of a cell have the same mark, keep the mark only once, at the end."""
    marks = re.findall(r" \(\d+ of \d+ \w+\)", text)
    return text.replace(marks[0], "") + marks[0] if len(marks) > 1 and len(set(marks)) == 1 else text


def cell(runs: Sequence[Mapping[str, Any]], figure: Figure, percent: bool = True) -> str:
    """Mean ± spread over classes ± spread over seeds."""
    value, over_classes, over_seeds = spread(runs, figure)
    if value is None:
        return "–"
    parts = (value,) if over_classes is None and over_seeds is None else (value, over_classes, over_seeds)
    scale, digits = (100, 2) if percent else (1, 3)
    text = " ± ".join(number(None if part is None else part * scale, digits=digits) for part in parts)
    return marked(text, len(known(runs, figure)), len(runs))
