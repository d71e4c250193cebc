"""How far every method is from the retrained models on one level of figures, in one number with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from oro_unlearn.compare.costs import budget_of, read_share
from oro_unlearn.compare.distances import Floats, Gaps, Yardstick
from oro_unlearn.compare.moving_grid import unsettled
from oro_unlearn.compare.rows import cells_of, methods_of, runs_of

LEAST = 0.1  # a gap of less than a tenth of the floor counts as that
RESAMPLES = 10_000


class Headline(NamedTuple):
    """A method's distance on one level."""

    value: float  # geometric mean over the figures
    drawn: Floats  # (B,) the same of resampled requests, which are the same for every method; NaN where there is one request
    lacks: str  # what is missing of it; empty for a whole one


class Level(NamedTuple):
    """A column: one level of figures on one data set."""

    header: str
    found: dict[str, Headline]  # by method
    unsettled: dict[str, list[str]]  # by method, options whose chosen value is at the end of the tuning grid
    read_more: dict[str, float]  # by method, images read as a part of retraining's, where they are more than the budget
    unmeasured: list[str]  # figures that no method has here, with the reason


def level_of(result: Mapping[str, Any], header: str, wanted: Sequence[str]) -> Level:
    """Distances of every method that was run.

    Args:
        result: Of a comparison.
        header: Of the column.
        wanted: Figures of the level.
    """
    unmeasured = dict(Yardstick(result, wanted).without(wanted))
    yardstick = Yardstick(result, [key for key in wanted if key not in unmeasured])
    requests = len(yardstick.requests)
    draw = np.random.default_rng(0)
    weights = draw.multinomial(requests, np.full(requests, 1 / requests), RESAMPLES).astype(np.float64)
    found = {}
    for method in [name for name in methods_of(result) if name != "retrained"]:
        records = runs_of(result, method)
        gaps = yardstick.gaps(records)
        value = float(geometric_mean(yardstick.ratios(gaps)[None])[0])
        drawn = geometric_mean(yardstick.ratios(gaps, weights)) if requests > 1 else np.full(RESAMPLES, np.nan)
        found[method] = Headline(value, drawn, _lacks(gaps, len(records), cells_of(result)))
    ends = {method: unsettled(result.get("tuning", {}), method) for method in found}
    at_an_end = {name: options for name, options in ends.items() if options}
    shares = {method: read_share(result, method) for method in found}
    more = {method: share for method, share in shares.items() if share > budget_of(result)}
    return Level(header, found, at_an_end, more, [f"{key} ({reason})" for key, reason in unmeasured.items()])


def geometric_mean(ratios: Floats) -> Floats:
    """Of each row (B, K), of ratios that are at least ``LEAST``: (B,); NaN if one is missing."""
    found: Floats = np.exp(np.log(np.maximum(ratios, LEAST)).mean(1))
    return found


def unbeaten(found: Mapping[str, Headline]) -> set[str]:
    """The best of the whole ones, and all whole ones that it does not beat in the 95 % interval over the same requests."""
    whole = {method: headline for method, headline in found.items() if not headline.lacks and np.isfinite(headline.value)}
    if not whole:
        return set()
    best = min(whole.values(), key=lambda headline: headline.value)
    return {method for method, one in whole.items() if np.quantile(np.log(one.drawn / best.drawn), 0.025) <= 0}


def _lacks(gaps: Gaps, runs: int, wanted: int) -> str:
    """What is missing, by name."""
    parts = [f"{wanted - runs} of {wanted} runs"] if runs < wanted else []
    for key, places in gaps.lacking.items():
        parts.append(f"{key} in {len(places)} of {runs} runs (forgotten class/original: {', '.join(places)})")
    return " and ".join(parts)
