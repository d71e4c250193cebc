"""Tables of distances from the retrained models: in floors, relative to the free mask, and as share inside their interval."""

from collections.abc import Callable, Sequence
from math import isnan
from statistics import mean

import numpy as np

from oro_unlearn.compare.distances import INSIDE, Gaps, Yardstick
from oro_unlearn.compare.rows import Records, Result, methods_of, row_label, runs_of
from oro_unlearn.compare.spreads import marked
from oro_unlearn.metrics import Reading
from oro_unlearn.report.tables import number

AGAINST_MASK = ("nn_member_rate", "utv_test", "utv_train", "relearn_10", "silhouette")
ERROR = 0.05  # probability that one more retrained model is judged outside


def gap_rows(result: Result) -> list[list[str]]:
    """Absolute distance from the retrained models, in floors. A cell over fewer runs gives their number."""
    yardstick = Yardstick(result)
    keys = yardstick.keys
    rows = [["gap ÷ floor (1: like one more retrained model)", *keys]]
    rows.append(["ideal: the retrained models' mean", *(f"{yardstick.ideal(key):.3f}" for key in keys)])
    rows.append(["floor: expected gap of one more retrained model", *(_or_dash(yardstick.floor(key), 3) for key in keys)])
    for method in [name for name in methods_of(result) if name != "retrained"]:
        gaps = yardstick.gaps(runs_of(result, method))
        cells = [
            marked(_or_dash(ratio, 2), int(gaps.counts[:, column].sum()), len(runs_of(result, method)))
            for column, ratio in enumerate(yardstick.ratios(gaps))
        ]
        rows.append([row_label(result, method), *cells])
    return rows


def mask_rows(result: Result) -> list[list[str]]:
    """Is a method closer to the retrained models than the free mask? Gap of the method minus gap of the mask, in floors."""
    every = Yardstick(result)
    yardstick = Yardstick(result, [key for key in AGAINST_MASK if key in every.keys])
    rows = [["gap minus the mask's, in floors (closer in n classes; Wilcoxon p)", *yardstick.keys]]
    mask = yardstick.gaps(runs_of(result, "logit_mask"))
    for method in [name for name in methods_of(result) if name not in ("original", "retrained", "logit_mask")]:
        records = runs_of(result, method)
        gaps = yardstick.gaps(records)
        cells = [_against(yardstick, gaps, mask, key, len(records)) for key in yardstick.keys]
        rows.append([row_label(result, method), *cells])
    return rows


def inside_rows(result: Result) -> list[list[str]]:
    """Share of models inside the 95 % interval of one more retrained model. Holm's procedure combines several figures."""
    yardstick = Yardstick(result)
    keys = yardstick.keys
    rows = [["inside the retrained models' 95 % interval, % of models", *keys, *(f"all of {group}" for group in INSIDE)]]
    for method in [name for name in methods_of(result) if name != "retrained"]:
        records = runs_of(result, method)
        readings = [{key: yardstick.reading(record, key) for key in keys} for record in records]
        cells = [_share(records, [_inside([by_key[key]]) for by_key in readings]) for key in keys]
        for group in INSIDE.values():
            cells.append(_share(records, [_inside([by_key[key] for key in group if key in by_key]) for by_key in readings]))
        rows.append([row_label(result, method), *cells])
    return rows


def _against(yardstick: Yardstick, own: Gaps, mask: Gaps, key: str, runs: int) -> str:
    """A cell of :func:`mask_rows`, over the requests for which both the method and the mask have the figure."""
    column = yardstick.keys.index(key)
    differences = (own.means - mask.means)[:, column] / yardstick.floor(key)
    both = np.isfinite(differences)
    known = differences[both].tolist()
    if not known:
        return "–"
    closer = f"{sum(value < 0 for value in known)} of {len(known)}"
    text = f"{mean(known):+.2f} ({closer}; {_wilcoxon(known)})"
    return marked(text, int(own.counts[both, column].sum()), runs)


def _inside(readings: Sequence[Reading]) -> bool | None:
    """Holm: all figures are inside if the smallest p times their number is at least ``ERROR``. None: a figure is not judged."""
    if not readings or any(reading.verdict == "not judged" for reading in readings):
        return None
    return min(reading.p for reading in readings) * len(readings) >= ERROR


def _share(records: Records, inside: Sequence[bool | None]) -> str:
    judged = [value for value in inside if value is not None]
    return marked(f"{100 * mean(judged):.0f}", len(judged), len(records)) if judged else "–"


def _or_dash(value: float, digits: int) -> str:
    return number(None if isnan(value) else float(value), digits=digits)


def _wilcoxon(differences: Sequence[float]) -> str:
    """The p-value of the Wilcoxon signed-rank test over requests. A dash for fewer than six, where it cannot be below 5 %."""
    from scipy.stats import wilcoxon

    usable = len(differences) >= 6 and any(differences)
    return f"{float(wilcoxon(differences).pvalue):.3f}" if usable else "–"


GAP_TABLES: dict[str, Callable[[Result], list[list[str]]]] = {"inside": inside_rows, "gaps": gap_rows, "mask": mask_rows}
