"""The first table of a comparison: one line per method, the method closest to retraining first."""

from collections.abc import Sequence
from math import isnan
from statistics import mean

from oro_unlearn.compare.costs import read_share
from oro_unlearn.compare.distances import INSIDE
from oro_unlearn.compare.rows import Records, Result, methods_of, row_label, runs_of
from oro_unlearn.compare.summary import level_of
from oro_unlearn.report.tables import number

HEADER = ["method", "distance, features", "distance, outputs", "accuracy on others %", "images read %"]
CAPTION = (
    "Distance: from models retrained without the classes, as a multiple of the distance of one more retrained model; geometric "
    "mean over figures. Accuracy: test images of the classes that were kept. Images read: share of those that retraining reads."
)


def headline_rows(result: Result) -> list[list[str]]:
    """Header and rows, sorted by the distance in features, then in outputs. Methods without a distance come last.

    Args:
        result: Result of a comparison.
    """
    outputs, features = (level_of(result, name, keys).found for name, keys in INSIDE.items())
    distances: dict[str, tuple[float, float]] = {"retrained": (1.0, 1.0)}
    distances |= {name: (features[name].value, outputs[name].value) for name in features}
    ordered = sorted(methods_of(result), key=lambda name: [(isnan(value), value) for value in distances[name]])
    return [HEADER, *(_row(result, name, distances[name]) for name in ordered)]


def _row(result: Result, name: str, distances: Sequence[float]) -> list[str]:
    records = runs_of(result, name)
    shares = {"original": "–", "retrained": "100.0"}
    read = shares.get(name) or f"{100 * read_share(result, name):.1f}"
    values = [number(None if isnan(value) else value, digits=2) for value in distances]
    return [row_label(result, name), *values, f"{100 * _accuracy(records):.1f}", read]


def _accuracy(records: Records) -> float:
    return mean(record["figures"]["acc_r"] for record in records)
