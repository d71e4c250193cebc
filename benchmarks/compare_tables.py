"""The tables of a comparison, in Markdown, LaTeX and CSV."""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from benchmarks.costs import budget_of, image_counts, read_share
from benchmarks.searches import EVERY, RETIRED
from benchmarks.spreads import Figure, cell, spread
from oro_unlearn.metrics import Reading, reading
from oro_unlearn.report.run_report import write_json
from oro_unlearn.report.tables import markdown_table, number

COSTS = ("seconds", "images_read", "images_backward")
RESULTS = Path("benchmarks/results")
Result = Mapping[str, Any]
Records = Sequence[Mapping[str, Any]]
ATTACKS = ("own", "retained", "features")


class Column(NamedTuple):
    """A figure in a table."""

    header: str
    figure: str  # key of a record's figures
    percent: bool = False
    over_floor: bool = False  # as a multiple of the retrained models' own value


OUTPUT = (
    Column("ACC_f %", "acc_f", percent=True),
    Column("ACC_r %", "acc_r", percent=True),
    Column("MIA %", "mia", percent=True),
    Column("attack's own %", "mia_own_accuracy", percent=True),
    Column("MIA-NN rate %", "nn_member_rate", percent=True),
    Column("MIA-NN AUC", "nn_auc"),
    Column("UTV × floor, test", "utv_test", over_floor=True),
    Column("UTV × floor, train", "utv_train", over_floor=True),
    Column("conditional, test", "utv_test_conditional", over_floor=True),
    Column("RMIA AUC forget", "rmia_forget"),
    Column("RMIA AUC retain", "rmia_retain"),
)
REPRESENTATION = (
    Column("relearned after 10 steps %", "relearn_10", percent=True),
    Column("after 20 steps %", "relearn_20", percent=True),
    Column("5-shot probe %", "probe_5_shot", percent=True),
    Column("full probe %", "probe_full", percent=True),
    Column("silhouette", "silhouette"),
    Column("CKA to original", "cka_original"),
    Column("CKA to retrained", "cka_retrained"),
)
AGAINST_MASK = ("nn_member_rate", "utv_test", "utv_train", "relearn_10", "silhouette")
INSIDE = {  # two-sided: inside the range of the retrained models of the request
    "output level": ("acc_r", "nn_member_rate", "utv_test", "utv_train"),
    "representation": ("relearn_10", "relearn_20", "silhouette", "cka_original", "cka_retrained", "probe_5_shot"),
}


def write_tables(result: Result, name: str, folder: Path) -> None:
    """Write the results, and every table beside the runs.

    Args:
        result: Everything that was measured.
        name: Of the comparison.
        folder: Of the runs.
    """
    write_json(result, RESULTS / f"compare_{name}.json")
    if not result["models"]:
        print("no request could be audited: see what failed above and in the job.log files")
        return
    tables = {kind: make(result) for kind, make in COMPARISONS.items()}
    (folder / "tables.md").write_text(
        "\n\n".join(f"## {kind}\n\n{markdown_table(rows)}" for kind, rows in tables.items()) + "\n"
    )
    (folder / "tables.tex").write_text("\n\n".join(latex_table(rows, kind) for kind, rows in tables.items()) + "\n")
    write_csv(result["models"], folder / "models.csv")
    print(f"written: {RESULTS}/compare_{name}.json, {folder}/tables.md, tables.tex and models.csv")
    if result["failed"]:
        print(f"failed, and left out: {', '.join(result['failed'])} (see job.log there)")


def output_rows(result: Result) -> list[list[str]]:
    """ACC, MIA, MIA-NN, UTV, RMIA and cost: the paper's Tables 1, 2 and 4 (of several classes: 5 and 9)."""
    return _rows(result, OUTPUT, cost=True)


def representation_rows(result: Result) -> list[list[str]]:
    """What is left in the features and weights."""
    return _rows(result, REPRESENTATION)


def attack_rows(result: Result) -> list[list[str]]:
    """U-LIRA: the paper's Table 3."""
    header = [
        "U-LIRA accuracy %, own label",
        "AUC",
        "class level (as the paper's) %",
        "among retained classes %",
        "on features %",
    ]
    rows = [["model", *header]]
    for method in _methods(result):
        own = [record for record in result["attacks"] if record["method"] == method]
        if own:
            pairs = (
                ("own", "accuracy"),
                ("own", "auc"),
                ("own", "class_accuracy"),
                ("retained", "accuracy"),
                ("features", "accuracy"),
            )
            rows.append([label(method), *(_attack_cell(own, kind, key) for kind, key in pairs)])
    return rows


def inside_rows(result: Result) -> list[list[str]]:
    """Share of models whose figure lies within the range of the retrained models of the same request."""
    keys = two_sided(result)
    rows = [["inside the retrained models' range, %", *keys, *(f"all of {group}" for group in INSIDE)]]
    values = _retrained_values(result)
    for method in [name for name in _methods(result) if name != "retrained"]:
        marks = [{key: _reading(record, key, values).inside for key in keys} for record in _own(result, method)]
        shares = [mean(mark[key] for mark in marks) for key in keys]
        shares += [mean(all(mark[key] for key in group if key in mark) for mark in marks) for group in INSIDE.values()]
        rows.append([_row_label(result, method), *(f"{100 * share:.0f}" for share in shares)])
    return rows


def gap_rows(result: Result) -> list[list[str]]:
    """Distance from the retrained models, either way, as a multiple of how far one of them is from the others."""
    keys = two_sided(result)
    values, floors = _scale(result, keys)
    requests = list(dict.fromkeys(place[0] for place in values))
    rows = [["gap ÷ floor (1: like one more retrained model)", *keys]]
    ideals = [mean(mean(values[request, key]) for request in requests) for key in keys]
    rows.append(["ideal: the retrained models' mean", *(f"{value:.3f}" for value in ideals)])
    rows.append(["floor: mean distance of one from the others' mean", *(_or_dash(floors[key], 3) for key in keys)])
    for method in [name for name in _methods(result) if name != "retrained"]:
        ratios = gap_ratios(result, method, keys)
        rows.append([_row_label(result, method), *(_or_dash(ratio, 2) for ratio in ratios)])
    return rows


def gap_ratios(result: Result, method: str, keys: Sequence[str]) -> list[float]:
    """Mean distance of a method's models from the retrained ones, in floors, by figure.

    Args:
        result: Of a comparison.
        method: One that was run.
        keys: Names of figures.
    """
    values, floors = _scale(result, keys)
    own = _own(result, method)
    return [mean(_reading(record, key, values).gap for record in own) / floors[key] for key in keys]


def mask_rows(result: Result) -> list[list[str]]:
    """Is a method closer to the retrained models than the free mask? Gaps in floors, the mask's subtracted, by request."""
    keys = [key for key in AGAINST_MASK if key in two_sided(result)]
    rows = [["gap minus the mask's, in floors (closer in n classes; Wilcoxon p)", *keys]]
    mask = _gaps_by_request(result, "logit_mask", keys)
    for method in [name for name in _methods(result) if name not in ("original", "retrained", "logit_mask")]:
        own = _gaps_by_request(result, method, keys)
        cells = []
        for key in keys:
            found = [own[request][key] - mask[request][key] for request in own if request in mask]
            closer = f"{sum(value < 0 for value in found)} of {len(found)}"
            cells.append("–" if math.isnan(mean(found)) else f"{mean(found):+.2f} ({closer}; {_wilcoxon(found)})")
        rows.append([_row_label(result, method), *cells])
    return rows


def tuning_rows(result: Result) -> list[list[str]]:
    """What was chosen, and the distance to the retrained models of every setting on held-out training images."""
    rows = [["method", "chosen", "distance of every setting"]]
    for method, scores in result["tuning"]["scores"].items():
        cells = ", ".join(f"{setting}: {value:.3f}" for setting, value in scores.items())
        rows.append([label(method), result["tuning"]["chosen"][method], cells])
    return rows


def by_request_rows(result: Result) -> list[list[str]]:
    """ACC_r, ACC_f and MIA of every request: the paper's layout for several classes."""
    requests = list(dict.fromkeys("+".join(record["forget"]) for record in result["models"]))
    rows = [["ACC_r / ACC_f / MIA, %", *requests]]
    for method in _methods(result):
        cells = []
        for request in requests:
            own = [record for record in _own(result, method) if "+".join(record["forget"]) == request]
            values = [spread(own, _figure(key))[0] for key in ("acc_r", "acc_f", "mia")]
            cells.append(" / ".join(number(None if value is None else 100 * value, digits=1) for value in values))
        rows.append([label(method), *cells])
    return rows


COMPARISONS: dict[str, Callable[[Result], list[list[str]]]] = {
    "output": output_rows,
    "attacks": attack_rows,
    "representation": representation_rows,
    "inside": inside_rows,
    "gaps": gap_rows,
    "mask": mask_rows,
    "requests": by_request_rows,
    "tuning": tuning_rows,
}


def latex_table(rows: Sequence[Sequence[str]], caption: str) -> str:
    """Rows as a LaTeX table with booktabs rules.

    Args:
        rows: Header and rows.
        caption: Under the table.
    """
    symbols = {"%": r"\%", "_": r"\_", "&": r"\&", "×": r"$\times$", "±": r"$\pm$", "−": "$-$", "–": "--"}
    lines = [" & ".join("".join(symbols.get(letter, letter) for letter in text) for text in row) + r" \\" for row in rows]
    body = "\n".join([r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"])
    columns = "l" + "r" * (len(rows[0]) - 1)
    return (
        f"\\begin{{table}}\n\\caption{{{caption}}}\n\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}\n\\end{{table}}"
    )


def write_csv(records: Records, path: Path) -> None:
    """One line a model, every figure a column."""
    names = list(records[0]["figures"]) if records else []
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["method", "forget", "seed", *COSTS, *names])
        for record in records:
            cost = [record["seed"], *(record.get(key) for key in COSTS)]
            writer.writerow(
                [record["method"], "+".join(record["forget"]), *cost, *(record["figures"].get(name) for name in names)]
            )


def _rows(result: Result, columns: Sequence[Column], cost: bool = False) -> list[list[str]]:
    costs = ["seconds", *(header for _, header in image_counts(result))]
    rows = [["model", *(column.header for column in columns), *(costs if cost else [])]]
    floors = _floors(result)
    for method in _methods(result):
        own = _own(result, method)
        cells = [cell(own, _figure(column.figure, floors if column.over_floor else None), column.percent) for column in columns]
        rows.append([_row_label(result, method), *cells, *(_cost(result, method, own) if cost else [])])
    return rows


def _cost(result: Result, method: str, own: Records) -> list[str]:
    if method in ("original", "retrained"):
        images = ["100" if method == "retrained" else "–" for _ in image_counts(result)]
        return [f"{result['pool_seconds'][method]:.1f}", *images]
    images = [f"{100 * read_share(result, method, kind):.1f}" for kind, _ in image_counts(result)]
    return [f"{mean(record['seconds'] for record in own):.1f}", *images]


def _methods(result: Result) -> list[str]:
    """In the order of the rows: the references, the free control, then the others."""
    found = dict.fromkeys(record["method"] for record in result["models"])
    first = [name for name in ("original", "retrained", "logit_mask") if name in found]
    return [*first, *(name for name in (*EVERY, *RETIRED) if name in found and name not in first)]


def _own(result: Result, method: str) -> Records:
    return [record for record in result["models"] if record["method"] == method]


def _figure(key: str, floors: Mapping[tuple[tuple[str, ...], str], float] | None = None) -> Figure:
    def figure(record: Mapping[str, Any]) -> float | None:
        value = record["figures"].get(key)
        return value if value is None or floors is None else value / floors[tuple(record["forget"]), key]

    return figure


def _floors(result: Result) -> dict[tuple[tuple[str, ...], str], float]:
    """Mean of the retrained models' own values, by request and figure."""
    return {place: mean(values) for place, values in _retrained_values(result).items()}


def _retrained_values(result: Result) -> dict[tuple[tuple[str, ...], str], list[float]]:
    """Values of the retrained models, by request and figure."""
    values: dict[tuple[tuple[str, ...], str], list[float]] = {}
    for record in _own(result, "retrained"):
        for key, value in record["figures"].items():
            values.setdefault((tuple(record["forget"]), key), []).append(nan if value is None else value)
    return values


def two_sided(result: Result) -> list[str]:
    """Figures of ``INSIDE`` that every retrained model has; with one retained class there are fewer."""
    retrained = _own(result, "retrained")
    keys = [key for group in INSIDE.values() for key in group]
    return [key for key in keys if all(record["figures"].get(key) is not None for record in retrained)]


def _gaps_by_request(result: Result, method: str, keys: Sequence[str]) -> dict[tuple[str, ...], dict[str, float]]:
    """Mean gap over the seeds, in floors of all requests, by request and figure."""
    values, floors = _scale(result, keys)
    requests = list(dict.fromkeys(place[0] for place in values))
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for request in requests:
        own = [record for record in _own(result, method) if tuple(record["forget"]) == request]
        if own:
            found[request] = {key: mean(_reading(record, key, values).gap for record in own) / floors[key] for key in keys}
    return found


def _scale(result: Result, keys: Sequence[str]) -> tuple[dict[tuple[tuple[str, ...], str], list[float]], dict[str, float]]:
    """The retrained models' values, and the mean floor of each figure over the requests; NaN where all of them agree."""
    values = _retrained_values(result)
    requests = list(dict.fromkeys(place[0] for place in values))
    return values, {key: mean(reading(0.0, values[request, key]).floor for request in requests) or nan for key in keys}


def _or_dash(value: float, digits: int) -> str:
    return number(None if isnan(value) else value, digits=digits)


def _wilcoxon(differences: Sequence[float]) -> str:
    """The signed-rank test over requests, its p; a dash for fewer than six, where it cannot reach 5 %."""
    from scipy.stats import wilcoxon

    usable = len(differences) >= 6 and any(differences)
    return f"{float(wilcoxon(differences).pvalue):.3f}" if usable else "–"


def _reading(record: Mapping[str, Any], key: str, values: Mapping[tuple[tuple[str, ...], str], list[float]]) -> Reading:
    value, request = record["figures"].get(key), tuple(record["forget"])
    own = (request, f"{key}_s{record['seed']}")  # what the retrained models have with this edit's original
    return reading(nan if value is None else value, values.get(own) or values[request, key])


def _attack_cell(records: Records, kind: str, key: str) -> str:
    percent = "accuracy" in key
    flat = [{"forget": record["forget"], "seed": 0, "value": record["u_lira"].get(kind, {}).get(key)} for record in records]
    text = cell(flat, lambda record: record["value"], percent)
    errors = [record["u_lira"].get(kind, {}).get("standard_error") for record in records]
    known = [error for error in errors if error is not None]
    return (
        f"{text.removesuffix(' ± –')} (se {100 * mean(known):.1f})"
        if key == "accuracy" and known
        else text.removesuffix(" ± –")
    )


def _row_label(result: Result, method: str) -> str:
    """With the number of cells where some are missing, for a mean over easier ones is no better, and what it read too much."""
    if method in ("original", "retrained"):
        return label(method)
    cells = len({tuple(record["forget"]) for record in result["models"]}) * result["originals"]
    found = len(_own(result, method))
    notes = [] if found == cells else [f"{found} of {cells} runs"]
    share, budget = read_share(result, method), budget_of(result)
    notes += [f"read {100 * share:.1f} % for {100 * budget:g} %"] if share > budget else []
    return f"{label(method)} ({'; '.join(notes)})" if notes else label(method)


def label(method: str) -> str:
    names = {name: entry.label for name, entry in EVERY.items()} | RETIRED
    return {"original": "Original", "retrained": "Retrain", "logit_mask": "LogitMask (free control)"}.get(
        method, names.get(method, method)
    )
