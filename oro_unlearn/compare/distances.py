"""How far models are from the retrained ones of their request, as multiples of a floor: what one more retrained model is."""

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
INSIDE = {  # two-sided: inside the range of the retrained models of the request
    "output level": ("acc_r", "nn_member_rate", "utv_test", "utv_train"),
    "representation": ("relearn_10", "relearn_20", "silhouette", "cka_original", "cka_retrained", "probe_5_shot"),
}
PAIRWISE = ("utv_test", "utv_train", "cka_retrained")  # means over pairs of models: those of retrained models share pairs


class Gaps(NamedTuple):
    """Of one method, by request and figure; runs that lack a figure do not count in it."""

    sums: Floats  # (R, K)
    counts: Floats  # (R, K) runs that have the figure
    lacking: dict[str, list[str]]  # by figure, the runs that lack it: request and original

    @property
    def means(self) -> Floats:
        """(R, K); NaN where no run has the figure."""
        return _ratio(self.sums, self.counts)


class Yardstick:
    """The retrained models of a comparison.

    Args:
        result: Of a comparison.
        keys: Figures to measure; by default all of ``INSIDE`` that every retrained model has.
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
        """Expected gap of one more retrained model (R, K); NaN with too few."""
        return np.array([[self._floor(request, key) for key in self.keys] for request in self.requests])

    def floor(self, key: str) -> float:
        """Mean floor of a figure over the requests; NaN where there is none, or where all retrained models agree."""
        return float(self.floors[:, self.keys.index(key)].mean()) or nan

    def ideal(self, key: str) -> float:
        """Mean of the retrained models, over the requests."""
        return float(np.mean([np.mean(self.values[request, key]) for request in self.requests]))

    def reading(self, record: Record, key: str) -> Reading:
        """One figure of a model beside the retrained models of its request, with the same original where that matters."""
        value = figure_of(record, key)
        return reading(value, self._beside(tuple(record["forget"]), key, record["seed"]), pairwise=key in PAIRWISE)

    def gaps(self, records: Sequence[Record]) -> Gaps:
        """Distances of a method's models from the retrained ones.

        Args:
            records: Its runs.
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
        """Mean gap over mean floor (..., K): ratios of means, not means of ratios.

        Args:
            gaps: Of a method.
            weights: (B, R) how often each request counts; by default each once, which gives (K,).
        """
        weights = np.ones(len(self.requests)) if weights is None else weights
        floors = weights @ self.floors / weights.sum(-1, keepdims=True)
        return _ratio(_ratio(weights @ gaps.sums, weights @ gaps.counts), floors)

    def without(self, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Figures that cannot be measured here, each with the reason.

        Args:
            keys: Wanted figures.
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
        own = self.values.get((request, f"{key}_s{seed}"))  # what the retrained models have with this edit's original
        return own or self.values[request, key]

    def _floor(self, request: Request, key: str) -> float:
        """Of a figure that depends on the original: the mean over the originals, of which each gap has one."""
        found = [values for place, values in self.values.items() if place[0] == request and place[1].startswith(f"{key}_s")]
        rows = torch.tensor(found or [self.values.get((request, key), [nan])], dtype=torch.float64)
        distances = left_out_distances(rows, pairwise=key in PAIRWISE).abs()
        return sqrt(1 - 1 / rows.shape[1] ** 2) * float(distances.mean())


def figure_of(record: Record, key: str) -> float:
    """A record's figure; NaN if it has none."""
    value = record["figures"].get(key)
    return nan if value is None else float(value)


def _ratio(above: Floats, below: Floats) -> Floats:
    """NaN, without a warning, for a division by zero."""
    return np.divide(above, below, out=np.full(np.broadcast_shapes(above.shape, below.shape), nan), where=below > 0)
