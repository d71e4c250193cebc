"""Tables of distances to the retrained models: in floors, against the free mask, and inside their interval."""

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
ERROR = 0.05  # of calling one more retrained model outside


def gap_rows(result: Result) -> list[list[str]]:
    """Distance from the retrained models, either way, in floors; cells over fewer runs say over how many."""
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
    """Is a method closer to the retrained models than the free mask? Gaps in floors, the mask's subtracted, by request."""
    every = Yardstick(result)
    yardstick = Yardstick(result, [key for key in AGAINST_MASK if key in every.keys])
    rows = [["gap minus the mask's, in floors (closer in n classes; Wilcoxon p)", *yardstick.keys]]
    mask = yardstick.gaps(runs_of(result, "logit_mask"))
    for method in [name for name in methods_of(result) if name not in ("original", "retrained", "logit_mask")]:
        records = runs_of(result, method)
        own = yardstick.gaps(records)
        rows.append([row_label(result, method), *(_against(yardstick, own, mask, key, len(records)) for key in yardstick.keys)])
    return rows


def inside_rows(result: Result) -> list[list[str]]:
    """Share of models inside the 95 % interval of one more retrained model; of several figures, by Holm's procedure."""
    yardstick = Yardstick(result)
    keys = yardstick.keys
    rows = [["inside the retrained models' 95 % interval, % of models", *keys, *(f"all of {group}" for group in INSIDE)]]
    for method in [name for name in methods_of(result) if name != "retrained"]:
        records = runs_of(result, method)
        found = [{key: yardstick.reading(record, key) for key in keys} for record in records]
        cells = [_share(records, [_inside([one[key]]) for one in found]) for key in keys]
        for group in INSIDE.values():
            cells.append(_share(records, [_inside([one[key] for key in group if key in one]) for one in found]))
        rows.append([row_label(result, method), *cells])
    return rows


def _against(yardstick: Yardstick, own: Gaps, mask: Gaps, key: str, runs: int) -> str:
    """A method's gaps minus the mask's, over the requests where both have the figure."""
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
    """Holm: all are inside if the smallest p, times their number, is no less than the error; None if one is not judged."""
    if not readings or any(one.verdict == "not judged" for one in readings):
        return None
    return min(one.p for one in readings) * len(readings) >= ERROR


def _share(records: Records, inside: Sequence[bool | None]) -> str:
    judged = [value for value in inside if value is not None]
    return marked(f"{100 * mean(judged):.0f}", len(judged), len(records)) if judged else "–"


def _or_dash(value: float, digits: int) -> str:
    return number(None if isnan(value) else float(value), digits=digits)


def _wilcoxon(differences: Sequence[float]) -> str:
    """The signed-rank test over requests, its p; a dash for fewer than six, where it cannot reach 5 %."""
    from scipy.stats import wilcoxon

    usable = len(differences) >= 6 and any(differences)
    return f"{float(wilcoxon(differences).pvalue):.3f}" if usable else "–"


GAP_TABLES: dict[str, Callable[[Result], list[list[str]]]] = {"inside": inside_rows, "gaps": gap_rows, "mask": mask_rows}
