"""Means and spreads over classes and over seeds, kept apart."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from oro_unlearn.report.tables import number

Figure = Callable[[Mapping[str, Any]], float | None]


def spread(runs: Sequence[Mapping[str, Any]], figure: Figure) -> tuple[float | None, float | None, float | None]:
    """Mean, standard deviation over classes and over seeds; cells without the figure are left out."""
    by_class: dict[tuple[str, ...], list[float]] = {}
    for run in runs:
        value = figure(run)
        if value is not None:
            by_class.setdefault(tuple(run["forget"]), []).append(value)
    means = [mean(values) for values in by_class.values()]
    seeds = [stdev(values) for values in by_class.values() if len(values) > 1]
    return mean(means) if means else None, stdev(means) if len(means) > 1 else None, mean(seeds) if seeds else None


def cell(runs: Sequence[Mapping[str, Any]], figure: Figure, percent: bool = True, seeds: Figure | None = None) -> str:
    """Mean ± over classes ± over seeds; ``seeds`` gives the latter where the runs are not the seeds in question."""
    value, classes, own = spread(runs, figure)
    if seeds is not None:
        own = spread(runs, seeds)[0]
    if value is None:
        return "–"
    parts = (value,) if classes is None and own is None else (value, classes, own)
    scale, digits = (100, 2) if percent else (1, 3)
    return " ± ".join(number(None if part is None else part * scale, digits=digits) for part in parts)
