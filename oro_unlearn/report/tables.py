"""Tables a person reads, on the terminal and in Markdown."""

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
    split: str = ""  # whose images it is over


FIGURES = (
    Row("test/acc_f", "ACC_f test", True, "test_forget"),
    Row("test/acc_earlier", "ACC test, forgotten earlier", True, "test_earlier"),
    Row("test/acc_r", "ACC_r test", True, "test_retain"),
    Row("test/absent", "predicted: a class without pictures", True, "test_retain"),
    Row("train/acc_f", "ACC_f train", True, "forget"),
    Row("train/acc_r", "ACC_r train", True, "retain"),
    Row("train/mia", "MIA (called non-member)", True, "forget"),
    Row("train/mia_attack_balanced_accuracy", "  the attack's own accuracy", True),
    Row("test/nn_member_rate", "MIA-NN member rate", True, "test_forget"),
    Row("test/nn_attack_balanced_accuracy", "  the attack's own accuracy", True),
    Row("test/utv", "UTV test", False, "test_forget"),
    Row("train/utv", "UTV train", False, "forget"),
)
NOTE = (
    "The ideal of every figure is the retrained model's value. All are output-level: a free logit mask reaches them too, "
    "so none proves removal from the weights."
)


def report_table(report: Mapping[str, Any]) -> Table:
    """Original, unlearned and retrained side by side.

    Args:
        report: Content of ``report.json``.
    """
    metrics, counts = report["metrics"], report.get("images", {})
    table = Table(title=title(request(report)), caption=Text(caption(report), "table.caption"), caption_justify="left")
    table.add_column("figure")
    if counts:
        table.add_column("images", justify="right")
    columns = [role for role in ("original", "unlearned", "retrained") if role in metrics]
    for role in columns:
        table.add_column("retrained (± seeds)" if role == "retrained" else role, justify="right")
    for row in FIGURES:
        cells = [_cell(metrics, role, row) for role in columns]
        if any(cell != "–" for cell in cells):
            table.add_row(row.label, *([str(counts.get(row.split, ""))] if counts else []), *cells)
    return table


def request(report: Mapping[str, Any]) -> str:
    """Method, data, network, and what was forgotten when: the title of a report's table."""
    names = _names(report["forget"]) + (f" (earlier: {_names(report['forgotten'])})" if report.get("forgotten") else "")
    return f"{report['method']} · {report['data']} · {report['network']} · forgotten: {names}"


def title(text: str) -> Text:
    """A table's title in which brackets are brackets."""
    return Text(text, "table.title")


def caption(report: Mapping[str, Any]) -> str:
    """What a reader must know beside the figures."""
    metrics, parts = report["metrics"], []
    floor = metrics.get("unlearned", {}).get("test/utv_floor")
    if floor is not None:
        parts.append(
            f"UTV floor (between retrained models): {floor:.3f} test, {metrics['unlearned']['train/utv_floor']:.3f} train."
        )
    if "unlearned" in metrics and "retrained" not in metrics:
        parts.append("No retrained model given (--model.retrained): the reference column and UTV are left out.")
    if report.get("neighbours"):
        pairs = ", ".join(f"{label(forgotten)} → {label(near)}" for forgotten, near in report["neighbours"].items())
        parts.append(f"Nearest class: {pairs}.")
    for role, reason in report.get("undefined", {}).get("train/mia", {}).items():
        parts.append(f"MIA of {role.replace('_', ' ')} has no value: {reason}.")
    return " ".join([*parts, NOTE] if "unlearned" in metrics else parts)


def comparison_rows(reports: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """One row a model: the original, the retrained models, then each report's unlearned model.

    Args:
        reports: Contents of ``report.json`` of runs on the same data, network and request.

    Returns:
        Header and rows: model, ACC_f, ACC_r, MIA, the attack's own accuracy, MIA-NN member rate, UTV as a multiple of
        the floor on test and training images, seconds.
    """
    header = ["model", "ACC_f %", "ACC_r %", "MIA %", "own %", "NN %", "UTV test", "UTV train", "s"]
    rows = [header]
    metrics = reports[0]["metrics"]
    floor = {phase: metrics["unlearned"].get(f"{phase}/utv_floor") for phase in ("test", "train")}
    rows.append(["original", *_comparison_cells(metrics["original"], floor), ""])
    if "retrained" in metrics:
        retrained = metrics["retrained"]
        rows.append(["retrained, mean", *_comparison_cells(retrained["mean"], floor, retrained.get("defined", {})), ""])
    for report in reports:
        figures = report["metrics"]["unlearned"]
        rows.append([report["label"], *_comparison_cells(figures, floor), f"{report['seconds']:.1f}"])
    return rows


def rich_table(rows: Sequence[Sequence[str]], title: str, caption: str = NOTE) -> Table:
    """A header and rows as a terminal table."""
    texts = Text(title, "table.title"), Text(caption, "table.caption")
    table = Table(title=texts[0], caption=texts[1], caption_justify="left", box=SIMPLE_HEAD, pad_edge=False)
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
    """A cell that ends where it ends, and is no HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def number(value: float | None, percent: bool = False, digits: int = 3) -> str:
    """A figure as text; a dash where there is none."""
    if value is None:
        return "–"
    return f"{100 * value:.2f}%" if percent else f"{value:.{digits}f}"


def _comparison_cells(
    figures: Mapping[str, float | None], floor: Mapping[str, float | None], defined: Mapping[str, int] | None = None
) -> list[str]:
    def percent(key: str, digits: int = 1) -> str:
        value = figures[key]
        return number(None if value is None else 100 * value, digits=digits) + _of_fewer({"defined": defined or {}}, key)

    return [
        percent("test/acc_f", digits=2),
        percent("test/acc_r", digits=2),
        percent("train/mia"),
        percent("train/mia_attack_balanced_accuracy"),
        percent("test/nn_member_rate"),
        *(_ratio(figures.get(f"{phase}/utv"), floor[phase]) for phase in ("test", "train")),
    ]


def _ratio(value: float | None, floor: float | None) -> str:
    return "–" if value is None or not floor else f"{value / floor:.2f}"


def _cell(metrics: Mapping[str, Any], role: str, row: Row) -> str:
    if role != "retrained":
        return number(metrics[role].get(row.key), row.percent)
    value = number(metrics[role]["mean"].get(row.key), row.percent)
    spread = metrics[role].get("std", {}).get(row.key)
    text = value if spread is None else f"{value} ± {number(spread, row.percent)}"
    return text + _of_fewer(metrics[role], row.key)


def _of_fewer(retrained: Mapping[str, Any], key: str) -> str:
    """A mean over fewer models than the others says over how many."""
    count = retrained.get("defined", {}).get(key)
    return "" if count is None else f" (over {count})"


def _names(forget: Sequence[str]) -> str:
    return "nothing" if not forget else ", ".join(map(label, forget)) if len(forget) <= 5 else f"{len(forget)} classes"
