"""Figures of caption benchmarks: rows for the terminal, and a section of the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from oro_unlearn.report.names import printable
from oro_unlearn.report.page import Cell, Section, Table
from oro_unlearn.report.relation_tables import Part, number_of

HEADER = ["caption benchmark", "before", "after", "chance"]
NAMES = {"sugarcrepe": "SugarCrepe", "aro": "ARO", "vsr": "VSR", "winoground": "Winoground"}
FIGURES = {
    "accuracy": "picks the caption over its foil, mean of the kinds",
    "auc": "AUC of right against wrong captions",
    "text": "text score",
    "image": "image score",
    "group": "group score",
    "margin": "1 - cosine of caption and foil",
    "drift": "1 - cosine of a caption with itself before the edit",
}
MOST = 12  # rows of one figure; of more kinds, report.json alone has the figures
ABOUT = """\
These benchmarks are not about the request: they show what the edit did to captions in general. Items whose picture is missing
are skipped; the last two figures need no picture."""


def benchmark_part(report: Mapping[str, Any]) -> Part:
    """The table of caption benchmarks; it has no rows if there was none.

    Args:
        report: Content of ``report.json``.
    """
    return Part(HEADER, [row for benchmark in report.get("benchmarks", []) for row in _rows(benchmark)])


def _rows(benchmark: Mapping[str, Any]) -> Iterator[list[str]]:
    before, after = _sides(benchmark["figures"])
    shown = benchmark["items"] - benchmark["skipped"]
    counted = f"{NAMES.get(benchmark['name'], benchmark['name'])}, {shown} of {benchmark['items']} items"
    for figure, words in FIGURES.items():
        names = dict.fromkeys(name for name in (*before, *after) if name.partition("/")[0] == figure)
        for name in names if len(names) <= MOST else [figure]:
            kind = printable(name.partition("/")[2])
            values = [number_of(side.get(name)) for side in (before, after)]
            chance = benchmark["chance"].get(figure)
            yield [f"  {kind}" if kind else f"{counted}: {words}", *values, number_of(chance) if chance else ""]


def _sides(figures: Mapping[str, Any]) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Figures of the original, and of the edited model; of a model that was trained, they stand under "before"."""
    before = figures.get("original", next(iter(figures.values()), {}))
    return before, figures.get("unlearned", {})


def benchmark_sections(report: Mapping[str, Any]) -> Iterator[Section]:
    """The section of the page, if there were benchmarks.

    Args:
        report: Content of ``report.json``.
    """
    part = benchmark_part(report)
    if part.rows:
        rows: list[list[Cell | str]] = [[row[0].strip(), *row[1:]] for row in part.rows]
        yield Section("Caption benchmarks", [ABOUT, Table("Caption benchmarks", part.header, rows)])
