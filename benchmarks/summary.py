"""Every method on every data set in one table: how far it is from the retrained models, outside and inside."""

import json
from math import exp, isnan, log
from statistics import mean
from typing import Any

from benchmarks.compare_tables import INSIDE, RESULTS, gap_ratios, label, two_sided
from benchmarks.searches import EVERY
from oro_unlearn.report.tables import markdown_table, number

DATA_SETS = {  # results of benchmarks.compare, by name
    "digits": "Digits",
    "mnist_small": "MNIST",
    "cifar10_small": "CIFAR-10",
    "tinyimagenet20_small": "Tiny-ImageNet",
}
ENOUGH = 3  # retrained models: the distance of two is the same for both, and has no spread
LEAST = 0.1  # a gap of less than a tenth of the floor counts as that


def summary_table(group: str) -> str:
    """Geometric mean of gap ÷ floor over a level's figures, by data set; the smallest of all methods in bold.

    Args:
        group: ``output``, ``representation``, or ``both`` side by side.
    """
    levels = [level for level in INSIDE if group in (level.split()[0], "both")]
    found_files = {name: _load(name) for name in DATA_SETS if (RESULTS / f"compare_{name}.json").is_file()}
    results = {name: result for name, result in found_files.items() if result["retrained_models"] >= ENOUGH}
    columns = [(name, level) for name in results for level in levels]
    found = {column: _distances(results[column[0]], column[1]) for column in columns}
    rows = [["geometric mean of gap ÷ floor", *(f"{DATA_SETS[name]}: {level}" for name, level in columns)]]
    for method in ("original", "logit_mask", *(name for name in EVERY if name != "logit_mask")):
        if any(method in found[column] for column in columns):
            rows.append([label(method), *(_cell(found[column], method) for column in columns)])
    return markdown_table(rows)


def _load(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"compare_{name}.json").read_text())


def _distances(result: dict[str, Any], level: str) -> dict[str, float]:
    """By method; those with a run on every request and original alone."""
    keys = [key for key in two_sided(result) if key in INSIDE[level]]
    counts: dict[str, int] = {}
    for record in result["models"]:
        counts[record["method"]] = counts.get(record["method"], 0) + 1
    whole = [name for name, count in counts.items() if name != "retrained" and count == counts["logit_mask"]]
    return {name: _geometric_mean(gap_ratios(result, name, keys)) for name in whole}


def _geometric_mean(ratios: list[float]) -> float:
    return exp(mean(log(max(ratio, LEAST)) for ratio in ratios if not isnan(ratio)))


def _cell(distances: dict[str, float], method: str) -> str:
    if method not in distances:
        return "–"
    text = number(distances[method], digits=2)
    return f"**{text}**" if distances[method] == min(distances.values()) else text
