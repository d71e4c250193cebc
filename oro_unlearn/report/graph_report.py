"""The report of one run of a graph network, as it is written and printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from oro_unlearn.report.graph_page import make_page
from oro_unlearn.report.graph_plots import explanations_figure, save_png
from oro_unlearn.report.graph_tables import explanation_rows, figure_rows, note_of
from oro_unlearn.report.relation_plots import losses_figure
from oro_unlearn.report.run_report import summarise, without_nan
from oro_unlearn.report.tables import rich_table

__all__ = ["FIGURES", "make_page", "make_report", "report_table"]

MOST_STEPS = 200  # points of a loss that are kept
FIGURES = ("losses.png", "explanations.png")


def make_report(header: dict[str, Any], model: Any, data: Any, root: Path | None, level: str) -> dict[str, Any]:
    """Make the report, and draw the pictures.

    Args:
        header: Entries with which every report begins.
        model: A method with ``measurements``: ``metrics``, ``losses``, ``chosen`` and perhaps ``explanations``.
        data: A data module with ``task``.
        root: Folder for the pictures. None: no picture is drawn.
        level: Level of an audit; nothing is forgotten, so nothing is audited.

    Returns:
        The report.
    """
    found = model.measurements
    explanations = {name: value for name, value in found.get("explanations", {}).items() if name != "seconds"}
    report = {
        **header,
        "task": data.task,
        "metrics": summarise(found["metrics"]),
        "chosen": found["chosen"],
        "losses": {name: _thinned(steps) for name, steps in found["losses"].items()},
        **({"explanations": explanations} if explanations else {}),
    }
    if root is not None and report["losses"]:
        save_png(
            losses_figure({name: (part["step"], part["value"]) for name, part in report["losses"].items()}), root / FIGURES[0]
        )
    if root is not None and explanations.get("nodes"):
        save_png(explanations_figure(explanations["nodes"]), root / FIGURES[1])
    return without_nan(report)  # type: ignore[no-any-return]


def _thinned(steps: Sequence[tuple[int, float]]) -> dict[str, list[Any]]:
    """A loss as a report keeps it: values at ``step``, evenly spaced if a run has many steps."""
    kept = steps[:: -(-len(steps) // MOST_STEPS) or 1]
    return {"step": [step for step, _ in kept], "value": [round(value, 6) for _, value in kept]}


def report_table(report: Mapping[str, Any]) -> Table:
    """Table of the figures of each split, with intervals, and of the explanations.

    Args:
        report: Content of ``report.json``.
    """
    heading = f"{report['method']} · {report['data']} · {report['network']} · {report['task']}s"
    return rich_table([*figure_rows(report), *explanation_rows(report)], heading, note_of(report))
