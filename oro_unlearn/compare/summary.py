"""Distance of every method from the retrained models on one level of figures: one number and its resampled values."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from oro_unlearn.compare.costs import budget_of, read_share
from oro_unlearn.compare.distances import Floats, Gaps, Yardstick
from oro_unlearn.compare.moving_grid import unsettled
from oro_unlearn.compare.rows import cells_of, methods_of, runs_of

LEAST = 0.1  # smaller ratios of gap to floor count as this one
RESAMPLES = 10_000  # number of bootstrap samples of the requests


class Headline(NamedTuple):
    """A method's distance on one level."""

    value: float  # geometric mean over the figures
    drawn: Floats  # (B,) values for resampled requests, the same resamples for every method; NaN if there is only one request
    lacks: str  # names of missing runs and figures; empty if nothing is missing


class Level(NamedTuple):
    """A column of the summary: one level of figures on one data set."""

    header: str
    found: dict[str, Headline]  # by method
    unsettled: dict[str, list[str]]  # by method, options whose chosen value is at the end of the tuning grid
    read_more: dict[str, float]  # by method that exceeds the budget, images read as a share of retraining's
    unmeasured: list[str]  # figures that cannot be measured in this comparison, with the reason


def level_of(result: Mapping[str, Any], header: str, wanted: Sequence[str]) -> Level:
    """Distances of every method that was run.

    Args:
        result: Result of a comparison.
        header: Header of the column.
        wanted: Figures of the level.
    """
    unmeasured = dict(Yardstick(result, wanted).without(wanted))
    yardstick = Yardstick(result, [key for key in wanted if key not in unmeasured])
    requests = len(yardstick.requests)
    draw = np.random.default_rng(0)
    weights = draw.multinomial(requests, np.full(requests, 1 / requests), RESAMPLES).astype(np.float64)
    headlines = {}
    for method in [name for name in methods_of(result) if name != "retrained"]:
        records = runs_of(result, method)
        gaps = yardstick.gaps(records)
        value = float(geometric_mean(yardstick.ratios(gaps)[None])[0])
        drawn = geometric_mean(yardstick.ratios(gaps, weights)) if requests > 1 else np.full(RESAMPLES, np.nan)
        headlines[method] = Headline(value, drawn, _lacks(gaps, len(records), cells_of(result)))
    ends = {method: unsettled(result.get("tuning", {}), method) for method in headlines}
    at_an_end = {name: options for name, options in ends.items() if options}
    shares = {method: read_share(result, method) for method in headlines}
    more = {method: share for method, share in shares.items() if share > budget_of(result)}
    return Level(header, headlines, at_an_end, more, [f"{key} ({reason})" for key, reason in unmeasured.items()])


def geometric_mean(ratios: Floats) -> Floats:
    """Geometric mean (B,) of each row (B, K), after ratios below ``LEAST`` are raised to it; NaN if a ratio is missing."""
    means: Floats = np.exp(np.log(np.maximum(ratios, LEAST)).mean(1))
    return means


def unbeaten(found: Mapping[str, Headline]) -> set[str]:
    """The best complete method, and all complete methods that it does not beat.

    A method is complete if it lacks no run and no figure. It is beaten if the 95 % interval of its ratio to the best, over the
    same resampled requests, is above 1.
    """
    complete = {method: headline for method, headline in found.items() if not headline.lacks and np.isfinite(headline.value)}
    if not complete:
        return set()
    best = min(complete.values(), key=lambda headline: headline.value)
    return {method for method, headline in complete.items() if np.quantile(np.log(headline.drawn / best.drawn), 0.025) <= 0}


def _lacks(gaps: Gaps, runs: int, wanted: int) -> str:
    """Names of missing runs and figures, as text."""
    parts = [f"{wanted - runs} of {wanted} runs"] if runs < wanted else []
    for key, places in gaps.lacking.items():
        parts.append(f"{key} in {len(places)} of {runs} runs (forgotten class/original: {', '.join(places)})")
    return " and ".join(parts)
