"""Tables of a comparison in Markdown, LaTeX and CSV."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from oro_unlearn.compare.costs import image_counts, read_share
from oro_unlearn.compare.distances import Yardstick
from oro_unlearn.compare.gap_tables import GAP_TABLES
from oro_unlearn.compare.headline import CAPTION, headline_rows
from oro_unlearn.compare.moving_grid import unsettled
from oro_unlearn.compare.rows import Records, Result, label, methods_of, row_label, runs_of
from oro_unlearn.compare.spreads import Figure, cell, known, marked, spread
from oro_unlearn.files import replacing, write_json, write_text
from oro_unlearn.report.page import write_page
from oro_unlearn.report.tables import markdown_table, number, rich_table

COSTS = ("seconds", "images_read", "images_backward")
ATTACKS = ("own", "retained", "features")


class Column(NamedTuple):
    """A figure in a table."""

    header: str
    figure: str  # key in a record's ``figures``
    percent: bool = False
    over_floor: bool = False  # as a multiple of the retrained models' mean value


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


def write_tables(result: Result, folder: Path) -> None:
    """Write the results, every table, and a page that shows them.

    Args:
        result: Result of the comparison.
        folder: Folder for ``compare.json``, ``tables.md``, ``tables.tex``, ``models.csv`` and ``report.html``.
    """
    from oro_unlearn.compare.page import comparison_page

    write_json(result, folder / "compare.json")
    tables = {kind: make(result) for kind, make in COMPARISONS.items()} if result["models"] else {}
    sections = [f"## {kind}\n\n{markdown_table(rows)}" for kind, rows in tables.items()]
    write_text("\n\n".join(sections) + "\n", folder / "tables.md")
    write_text("\n\n".join(latex_table(rows, kind) for kind, rows in tables.items()) + "\n", folder / "tables.tex")
    write_csv(result["models"], folder / "models.csv")
    write_page(comparison_page(result, tables), folder)


def show(result: Result, folder: Path) -> None:
    """Print the first table, the failed runs, and the folder.

    Raises:
        SystemExit: With code 1, if no request could be audited.
    """
    from rich.console import Console

    if result["models"]:
        Console().print(rich_table(headline_rows(result), f"Comparison: {result['data']}", CAPTION))
    else:
        print("no request could be audited: see the failures above and the job.log files")
    if result["failed"]:
        print(f"failed and left out: {', '.join(result['failed'])} (see job.log in these folders)")
    print("report.html, compare.json, tables.md, tables.tex and models.csv are written to", folder, sep="\n")
    if not result["models"]:
        raise SystemExit(1)


def output_rows(result: Result) -> list[list[str]]:
    """ACC, MIA, MIA-NN, UTV, RMIA and cost, as in the paper's Tables 1, 2 and 4 (for several classes: 5 and 9)."""
    return _rows(result, OUTPUT, cost=True)


def representation_rows(result: Result) -> list[list[str]]:
    """Figures of what features and weights still contain: relearning, probes, silhouette and CKA."""
    return _rows(result, REPRESENTATION)


def attack_rows(result: Result) -> list[list[str]]:
    """U-LIRA, as in the paper's Table 3."""
    header = [
        "U-LIRA accuracy %, own label",
        "AUC",
        "class level (as the paper's) %",
        "among retained classes %",
        "on features %",
    ]
    rows = [["model", *header]]
    requests = {tuple(record["forget"]) for record in result["attacks"]}
    for method in methods_of(result):
        records = [record for record in result["attacks"] if record["method"] == method]
        if records:
            pairs = (
                ("own", "accuracy"),
                ("own", "auc"),
                ("own", "class_accuracy"),
                ("retained", "accuracy"),
                ("features", "accuracy"),
            )
            name = marked(label(method), len(records), len(requests), "requests")
            rows.append([name, *(_attack_cell(records, kind, key) for kind, key in pairs)])
    return rows


def tuning_rows(result: Result) -> list[list[str]]:
    """Chosen settings, and the distance of every setting from the retrained models on held-out training images."""
    rows = [["method", "chosen", "at the end of the grid", "distance of every setting"]]
    for method, scores in result["tuning"]["scores"].items():
        cells = ", ".join(f"{setting}: {value:.3f}" for setting, value in scores.items())
        ends = ", ".join(unsettled(result["tuning"], method)) or "–"
        rows.append([label(method), result["tuning"]["chosen"][method], ends, cells])
    return rows


def by_request_rows(result: Result) -> list[list[str]]:
    """ACC_r, ACC_f and MIA of every request, in the paper's layout for several classes."""
    requests = list(dict.fromkeys("+".join(record["forget"]) for record in result["models"]))
    rows = [["ACC_r / ACC_f / MIA, %", *requests]]
    for method in methods_of(result):
        cells = []
        for request in requests:
            runs = [record for record in runs_of(result, method) if "+".join(record["forget"]) == request]
            cells.append(" / ".join(_short_cell(runs, key) for key in ("acc_r", "acc_f", "mia")))
        rows.append([label(method), *cells])
    return rows


COMPARISONS: dict[str, Callable[[Result], list[list[str]]]] = {
    "headline": headline_rows,
    "output": output_rows,
    "attacks": attack_rows,
    "representation": representation_rows,
    **GAP_TABLES,
    "requests": by_request_rows,
    "tuning": tuning_rows,
}


def latex_table(rows: Sequence[Sequence[str]], caption: str) -> str:
    """Rows as a LaTeX table with booktabs rules.

    Args:
        rows: Header and rows.
        caption: Caption of the table.
    """
    symbols = {"%": r"\%", "_": r"\_", "&": r"\&", "×": r"$\times$", "±": r"$\pm$", "−": "$-$", "–": "--"}
    lines = [" & ".join("".join(symbols.get(letter, letter) for letter in text) for text in row) + r" \\" for row in rows]
    body = "\n".join([r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"])
    columns = "l" + "r" * (len(rows[0]) - 1)
    return (
        f"\\begin{{table}}\n\\caption{{{caption}}}\n\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}\n\\end{{table}}"
    )


def write_csv(records: Records, path: Path) -> None:
    """Write one line per model, with every figure in a column."""
    names = list(records[0]["figures"]) if records else []
    with replacing(path) as partial, partial.open("w", newline="") as file:
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
    for method in methods_of(result):
        runs = runs_of(result, method)
        cells = [
            cell(runs, _figure(column.figure, floors if column.over_floor else None), column.percent) for column in columns
        ]
        rows.append([row_label(result, method), *cells, *(_cost(result, method, runs) if cost else [])])
    return rows


def _short_cell(own: Records, key: str) -> str:
    value = spread(own, _figure(key))[0]
    return marked(number(None if value is None else 100 * value, digits=1), len(known(own, _figure(key))), len(own))


def _cost(result: Result, method: str, own: Records) -> list[str]:
    if method in ("original", "retrained"):
        images = ["100" if method == "retrained" else "–" for _ in image_counts(result)]
        return [f"{result['pool_seconds'][method]:.1f}", *images]
    images = [f"{100 * read_share(result, method, kind):.1f}" for kind, _ in image_counts(result)]
    return [f"{mean(record['seconds'] for record in own):.1f}", *images]


def _figure(key: str, floors: Mapping[tuple[tuple[str, ...], str], float] | None = None) -> Figure:
    def figure(record: Mapping[str, Any]) -> float | None:
        value = record["figures"].get(key)
        return value if value is None or floors is None else value / floors[tuple(record["forget"]), key]

    return figure


def _floors(result: Result) -> dict[tuple[tuple[str, ...], str], float]:
    """Mean of the retrained models' values, by request and figure."""
    return {place: mean(values) for place, values in Yardstick(result).values.items()}


def _attack_cell(records: Records, kind: str, key: str) -> str:
    groups = [record["u_lira"].get(kind, {}) for record in records]
    flat = [{"forget": record["forget"], "value": group.get(key)} for record, group in zip(records, groups, strict=True)]
    value, requests, _ = spread(flat, _value)
    if value is None:
        return "–"
    scale, digits = (100, 2) if "accuracy" in key else (1, 3)
    text = " ± ".join(number(scale * part, digits=digits) for part in (value, requests) if part is not None)
    errors = [group["standard_error"] for group in groups if group.get("standard_error") is not None]
    if key == "accuracy" and errors:
        text += f" (se {marked(f'{100 * mean(errors):.1f}', len(errors), len(groups), 'requests')})"
    return marked(text, len(known(flat, _value)), len(flat), "requests")


def _value(record: Mapping[str, Any]) -> float | None:
    value: float | None = record["value"]
    return value
