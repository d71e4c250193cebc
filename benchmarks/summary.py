"""One table of every method on every data set: its distance from the retrained models, in outputs and in features."""

import json

import numpy as np

from benchmarks import RESULTS
from oro_unlearn.compare.distances import INSIDE
from oro_unlearn.compare.rows import label
from oro_unlearn.compare.searches import EVERY
from oro_unlearn.compare.summary import Headline, Level, level_of, unbeaten
from oro_unlearn.report.tables import markdown_table

DATA_SETS = {  # results of ``oro-unlearn compare``, by name
    "digits": "Digits",
    "mnist_small": "MNIST",
    "cifar10_small": "CIFAR-10",
    "tinyimagenet20_small": "Tiny-ImageNet",
}
ENOUGH = 3  # retrained models: two have no floor in figures between pairs of models
MARK, EDGE, MORE = "†", "‡", "§"


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
