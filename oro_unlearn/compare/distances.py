"""Distances of models from the retrained models of their request, as multiples of the distance of one more retrained model."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from oro_unlearn.metrics import Reading, left_out_distances, reading

Record = Mapping[str, Any]
Request = tuple[str, ...]
Floats = NDArray[np.float64]
INSIDE = {  # figures that should lie within the range of the retrained models, neither below nor above
    "output level": ("acc_r", "nn_member_rate", "utv_test", "utv_train"),
    "representation": ("relearn_10", "relearn_20", "silhouette", "cka_original", "cka_retrained", "probe_5_shot"),
}
PAIRWISE = ("utv_test", "utv_train", "cka_retrained")  # means over pairs of models, so values of retrained models share pairs


class Gaps(NamedTuple):
    """Gaps of one method, by request (R) and figure (K). A run without a figure does not count for it."""

    sums: Floats  # (R, K) sums of the gaps over runs
    counts: Floats  # (R, K) number of runs that have the figure
    lacking: dict[str, list[str]]  # by figure, the runs without it, as request/seed of the original

    @property
    def means(self) -> Floats:
        """Mean gaps (R, K); NaN if no run has the figure."""
        return _ratio(self.sums, self.counts)


class Yardstick:
    """The retrained models of a comparison, as the scale for distances.

    Args:
        result: Result of a comparison.
        keys: Figures to measure. Default: all figures of ``INSIDE`` that every retrained model has.
    """

    def __init__(self, result: Mapping[str, Any], keys: Sequence[str] | None = None) -> None:
        self.models: Sequence[Record] = [record for record in result["models"] if record["method"] == "retrained"]
        self.requests = list(dict.fromkeys(tuple(record["forget"]) for record in self.models))
        every = [key for group in INSIDE.values() for key in group]
        self.keys = list(keys) if keys is not None else [key for key in every if not self._lack(key)]
        self.values: dict[tuple[Request, str], list[float]] = {}
        for record in self.models:
            for key in record["figures"]:
                self.values.setdefault((tuple(record["forget"]), key), []).append(figure_of(record, key))

    @cached_property
    def floors(self) -> Floats:
        """Expected gap of one more retrained model (R, K); NaN if there are too few retrained models."""
        return np.array([[self._floor(request, key) for key in self.keys] for request in self.requests])

    def floor(self, key: str) -> float:
        """Mean floor of a figure over the requests; NaN if there is no floor, or if all retrained models agree."""
        return float(self.floors[:, self.keys.index(key)].mean()) or nan

    def ideal(self, key: str) -> float:
        """Mean of a figure over the retrained models, then over the requests."""
        return float(np.mean([np.mean(self.values[request, key]) for request in self.requests]))

    def reading(self, record: Record, key: str) -> Reading:
        """Compare a model's figure with the retrained models of its request. Figures that need an original use the same."""
        value = figure_of(record, key)
        return reading(value, self._beside(tuple(record["forget"]), key, record["seed"]), pairwise=key in PAIRWISE)

    def gaps(self, records: Sequence[Record]) -> Gaps:
        """Distances of a method's models from the retrained ones.

        Args:
            records: Records of the method's runs.
        """
        shape = (len(self.requests), len(self.keys))
        sums, counts, lacking = np.zeros(shape), np.zeros(shape), dict[str, list[str]]()
        for record in records:
            row = self.requests.index(tuple(record["forget"]))
            for column, key in enumerate(self.keys):
                value = figure_of(record, key)
                if np.isnan(value):
                    lacking.setdefault(key, []).append(f"{'+'.join(record['forget'])}/{record['seed']}")
                    continue
                sums[row, column] += abs(value - np.mean(self._beside(tuple(record["forget"]), key, record["seed"])))
                counts[row, column] += 1
        return Gaps(sums, counts, lacking)

    def ratios(self, gaps: Gaps, weights: Floats | None = None) -> Floats:
        """Mean gap divided by mean floor (..., K). These are ratios of means, not means of ratios.

        Args:
            gaps: Gaps of a method.
            weights: (B, R) number of times that each request counts. Default: once each, which gives a result of shape (K,).
        """
        weights = np.ones(len(self.requests)) if weights is None else weights
        floors = weights @ self.floors / weights.sum(-1, keepdims=True)
        return _ratio(_ratio(weights @ gaps.sums, weights @ gaps.counts), floors)

    def without(self, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Figures that have no distance in this comparison, each with the reason.

        Args:
            keys: The wanted figures.
        """
        for key in keys:
            lack = self._lack(key)
            if lack:
                yield key, f"{lack} of {len(self.models)} retrained models lack it"
            elif np.isnan(self.floor(key)):
                few = len(self.models) < 3 * len(self.requests) and key in PAIRWISE
                yield key, "it needs three retrained models" if few else "all retrained models agree"

    def _lack(self, key: str) -> int:
        return sum(bool(np.isnan(figure_of(record, key))) for record in self.models)

    def _beside(self, request: Request, key: str, seed: int) -> list[float]:
        with_original = self.values.get((request, f"{key}_s{seed}"))  # figures that depend on the edit's original
        return with_original or self.values[request, key]

    def _floor(self, request: Request, key: str) -> float:
        """Expected gap of one more retrained model. A figure that depends on the original is averaged over the originals."""
        by_original = [
            values for place, values in self.values.items() if place[0] == request and place[1].startswith(f"{key}_s")
        ]
        rows = torch.tensor(by_original or [self.values.get((request, key), [nan])], dtype=torch.float64)
        distances = left_out_distances(rows, pairwise=key in PAIRWISE).abs()
        return sqrt(1 - 1 / rows.shape[1] ** 2) * float(distances.mean())


def figure_of(record: Record, key: str) -> float:
    """The value of a figure in a record; NaN if the record does not have it."""
    value = record["figures"].get(key)
    return nan if value is None else float(value)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divide, with NaN and no warning if the divisor is not positive."""
    return np.divide(above, below, out=np.full(np.broadcast_shapes(above.shape, below.shape), nan), where=below > 0)
