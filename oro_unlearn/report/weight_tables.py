"""What attacks on the weights reached: rows for the terminal, and a section of the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from oro_unlearn.audit.relation_groups import RELEARNED, WEIGHTS
from oro_unlearn.report.page import Cell, Section, Table
from oro_unlearn.report.relation_tables import Part, number_of

HEADER = ["attack on the weights", "R@5 before", "R@5 after", "R@5 retrained", "kept, R@1 after"]
ALSO = {"R@1 before": ("original", "r1"), "R@1 after": ("unlearned", "r1"), "kept, R@1 before": ("original", "kept_r1")}
SHOWN = (("original", "r5"), ("unlearned", "r5"), ("retrained", "r5"), ("unlearned", "kept_r1"))


def weight_part(report: Mapping[str, Any]) -> Part:
    """The table of attacks on the weights; it has no rows if there was none.

    Args:
        report: Content of ``report.json``.
    """
    attacks = [name for name in WEIGHTS if _figure(report, name, "unlearned", "r5") is not None]
    return Part(HEADER, [[WEIGHTS[name], *(number_of(_figure(report, name, *one)) for one in SHOWN)] for name in attacks])


def _figure(report: Mapping[str, Any], attack: str, role: str, figure: str) -> float | None:
    """A figure of one model; of the retrained models their mean."""
    figures = report["metrics"].get(role, {})
    value: float | None = figures.get("mean", figures).get(f"{attack}/{figure}")
    return value


def _is_adapter(report: Mapping[str, Any]) -> bool:
    """Whether the verdict says that the edit is an adapter."""
    return bool(report["audit"]["verdict"]["lines"]["recovery"]["figure"] == "adapter")


def weight_words(report: Mapping[str, Any]) -> str:
    """One sentence about relearning; empty if there was none.

    Args:
        report: Content of ``report.json``.
    """
    values = [_figure(report, name, "unlearned", "r5") for name in ("no_attack", RELEARNED)]
    if None in values:
        return ""
    before, after = map(number_of, values)
    roles = {"original": "original", "retrained": "retrained"}
    beside = {name: _figure(report, RELEARNED, role, "r5") for role, name in roles.items()}
    others = ", ".join(f"{name} {number_of(value)}" for name, value in beside.items() if value is not None)
    pairs = report["weights"]["pairs"][RELEARNED]
    return f"Attacker with the weights: after a short training on {pairs} pairs R@5 goes from {before} to {after} ({others})."


def weight_sections(report: Mapping[str, Any]) -> Iterator[Section]:
    """The section of the page, if the weights were attacked.

    Args:
        report: Content of ``report.json``.
    """
    names = [name for name in WEIGHTS if _figure(report, name, "unlearned", "r5") is not None]
    if not names or not report.get("weights"):
        return
    rows: list[list[Cell | str]] = []
    for name in names:
        values = [_figure(report, name, *one) for one in (*SHOWN, *ALSO.values())]
        rows.append([WEIGHTS[name], *(Cell(number_of(value), value) for value in values)])
    pictures = report["weights"]["pictures"]
    about = (
        f"Each attack changes a copy of a model. R@5 is of {pictures['unsafe']} pictures of what was to be forgotten, for "
        f"their plain caption; R@1 of what is kept is of {pictures['kept']} other pictures. An attack that loses what is kept "
        "has destroyed the model, and its R@5 says nothing."
    )
    lost = "Taking the adapter off needs no attack: the model is then the original." if _is_adapter(report) else ""
    blocks: list[Any] = [about, *([lost] if lost else []), Table("Attacks on the weights", [*HEADER, *ALSO], rows)]
    yield Section("What an attacker with the weights gets back", blocks)
