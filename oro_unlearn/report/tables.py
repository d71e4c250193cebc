"""Tables of results for the terminal and for Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from oro_unlearn.report.names import label


class Row(NamedTuple):
    """One figure of a report."""

    key: str
    label: str
    percent: bool


SINGLE = (  # figures of a model that was trained, not edited
    Row("test/acc_f", "accuracy on forgotten, test", True),
    Row("test/acc_r", "accuracy, test", True),
    Row("train/acc_f", "accuracy on forgotten, training", True),
    Row("train/acc_r", "accuracy, training", True),
)
NOTE = "The ideal of every figure is the retrained models' value."
MOST_NAMES = 5  # in a title
LEAST = 60  # smallest width in columns at which titles and captions stay readable
IN_RANGE = "In range: inside the 95 % interval for one more retrained model; a dash where three of them are missing."


def single_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """Header and rows for a report on a single model.

    Args:
        report: Content of ``report.json``.
    """
    role, figures = next(iter(report["metrics"].items()))
    values = {row: figures.get("mean", figures).get(row.key) for row in SINGLE}
    known = [[row.label, number(value, row.percent)] for row, value in values.items() if value is not None]
    return [["figure", role], *known]


def title_of(report: Mapping[str, Any]) -> str:
    """The title of a report's table: method, data, network, and the forgotten classes, now and earlier."""
    names = _names(report["forget"]) + (f" (earlier: {_names(report['forgotten'])})" if report.get("forgotten") else "")
    return f"{report['method']} · {report['data']} · {report['network']} · forgotten: {names}"


def title(text: str) -> Text:
    """A table's title in which brackets are not read as markup."""
    return Text(text, "table.title")


def caption(report: Mapping[str, Any]) -> str:
    """Notes that a reader of the figures needs."""
    metrics, parts = report["metrics"], []
    if "retrained" in metrics and "unlearned" in metrics:
        parts += [NOTE, IN_RANGE]
    elif "unlearned" in metrics:
        parts.append("No retrained model was given (--model.retrained): nothing says what is normal.")
    if report.get("neighbours"):
        pairs = ", ".join(f"{label(forgotten)} → {label(near)}" for forgotten, near in report["neighbours"].items())
        parts.append(f"Nearest class, for MIA-NN: {pairs}.")
    reasons = report.get("undefined", {}).get("train/mia", {}) if "unlearned" in metrics else {}
    for role, reason in reasons.items():
        parts.append(f"MIA of {role.replace('_', ' ')} has no value: {reason}.")
    return " ".join(parts)


def comparison_rows(reports: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """One row per model: the original, the mean of the retrained models, then the unlearned model of each report.

    Args:
        reports: Contents of ``report.json`` of runs on the same data, network and request, audited at level ``features``.

    Returns:
        Header and rows: model, accuracy on forgotten and on other test images, accuracy after relearning, seconds.
    """
    keys = ("acc_f", "acc_r", "relearn_10")
    first = reports[0]["audit"]["figures"]
    rows = [["model", "forgotten %", "others %", "relearned %", "seconds"]]
    rows.append(["original", *(_percent(first.get(key, {}).get("original")) for key in keys), ""])
    if "retrained" in reports[0]["metrics"]:
        ideals = [(first.get(key, {}).get("retrained") or {}).get("ideal") for key in keys]
        rows.append(["retrained, mean", *map(_percent, ideals), ""])
    for report in reports:
        own = report["audit"]["figures"]
        cells = (_percent(own.get(key, {}).get("edited")) for key in keys)
        rows.append([report["label"], *cells, f"{report['seconds']:.1f}"])
    return rows


def _percent(value: float | None) -> str:
    return number(None if value is None else 100 * value, digits=1)


def rich_table(rows: Sequence[Sequence[str]], title: str, caption: str = NOTE) -> Table:
    """A header and rows as a terminal table."""
    texts = Text(title, "table.title"), Text(caption, "table.caption")
    table = Table(title=texts[0], caption=texts[1], caption_justify="left", box=SIMPLE_HEAD, pad_edge=False, min_width=LEAST)
    for position, name in enumerate(rows[0]):
        table.add_column(Text(name), justify="right" if position else "left", no_wrap=not position)
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    return table


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A header and rows as a Markdown table."""
    lines = ["| " + " | ".join(map(_markdown_cell, row)) + " |" for row in rows]
    rule = "|" + "|".join(["---"] + ["---:"] * (len(rows[0]) - 1)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _markdown_cell(text: str) -> str:
    """A cell in which ``|`` and ``<`` are escaped and line breaks are spaces."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def number(value: float | None, percent: bool = False, digits: int = 3) -> str:
    """A figure as text; a dash if there is none."""
    if value is None:
        return "–"
    return f"{100 * value:.2f}%" if percent else f"{value:.{digits}f}"


def _names(forget: Sequence[str]) -> str:
    """Names of classes, tuples or people: the first five, and how many more there are."""
    shown, more = ", ".join(map(label, forget[:MOST_NAMES])), len(forget) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown or "nothing"
