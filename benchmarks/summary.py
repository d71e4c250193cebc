"""Every method on every data set in one table: how far it is from the retrained models, outside and inside."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.compare_tables import RESULTS
from benchmarks.costs import budget_of, read_share
from benchmarks.distances import INSIDE, Floats, Gaps, Yardstick
from benchmarks.moving_grid import unsettled
from benchmarks.rows import cells_of, label, methods_of, runs_of
from benchmarks.searches import EVERY
from oro_unlearn.report.tables import markdown_table

DATA_SETS = {  # results of benchmarks.compare, by name
    "digits": "Digits",
    "mnist_small": "MNIST",
    "cifar10_small": "CIFAR-10",
    "tinyimagenet20_small": "Tiny-ImageNet",
}
ENOUGH = 3  # retrained models: two have no floor in figures between pairs of models
LEAST = 0.1  # a gap of less than a tenth of the floor counts as that
RESAMPLES = 10_000
MARK, EDGE, MORE = "†", "‡", "§"


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


def summary_table(group: str) -> str:
    """Geometric mean of gap ÷ floor over a level's figures, by data set, and its interval; in bold what the best does not beat.

    What lacks a figure or a run is marked and named below, and is neither bold nor the best. What was tuned to the end of its
    grid, and what read more than the budget, is marked too.

    Args:
        group: ``output``, ``representation``, or ``both`` side by side.
    """
    files = {name: RESULTS / f"compare_{name}.json" for name in DATA_SETS}
    results = {name: json.loads(path.read_text()) for name, path in files.items() if path.is_file()}
    levels = [level for level in INSIDE if group in (level.split()[0], "both")]
    columns = [
        level_of(result, f"{DATA_SETS[name]}: {level}", INSIDE[level])
        for name, result in results.items()
        if result["retrained_models"] >= ENOUGH
        for level in levels
    ]
    headers = [column.header + (f" {MARK}" if column.unmeasured else "") for column in columns]
    rows = [["geometric mean of gap ÷ floor [95 % interval]", *headers]]
    bold = [unbeaten(column.found) for column in columns]
    for method in ("original", "logit_mask", *(name for name in EVERY if name != "logit_mask")):
        if any(method in column.found for column in columns):
            cells = [
                _cell(column.found.get(method), method in best)
                + (f" {EDGE}" if method in column.unsettled else "")
                + (f" {MORE}" if method in column.read_more else "")
                for column, best in zip(columns, bold, strict=True)
            ]
            rows.append([label(method), *cells])
    notes = list(dict.fromkeys(f"{note}." for column in columns for note in _notes(column)))
    if any(column.unsettled for column in columns):
        notes.append(f"{EDGE} The chosen setting is at the end of its grid: a better one may lie beyond it.")
    return "\n\n".join([markdown_table(rows), *notes])


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


def _notes(column: Level) -> list[str]:
    notes = [f"{MARK} {column.header}, every method: without {', '.join(column.unmeasured)}"] if column.unmeasured else []
    more = ", ".join(f"{label(name)} {100 * share:.1f} %" for name, share in column.read_more.items())
    notes += (
        [f"{MORE} {column.header.partition(':')[0]}, images read, of retraining's, more than the budget: {more}"]
        if more
        else []
    )
    return notes + [
        f"{MARK} {column.header}, {label(name)}: without {one.lacks}" for name, one in column.found.items() if one.lacks
    ]


def _cell(headline: Headline | None, bold: bool) -> str:
    if headline is None:
        return "–"
    mark = f" {MARK}" if headline.lacks else ""
    if np.isnan(headline.value):
        return f"–{mark}"
    text = f"**{headline.value:.2f}**" if bold else f"{headline.value:.2f}"
    drawn = headline.drawn[np.isfinite(headline.drawn)]
    if not len(drawn):
        return f"{text}{mark}"
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{text} [{low:.2f}, {high:.2f}]{mark}"
