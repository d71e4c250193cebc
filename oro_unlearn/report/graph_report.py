"""The report of one run of a graph network, as it is written and printed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from oro_unlearn.report.graph_page import make_page
from oro_unlearn.report.graph_plots import plot_explanations
from oro_unlearn.report.graph_tables import explanation_rows, figure_rows, note_of
from oro_unlearn.report.relation_plots import plot_losses
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
    every = max(1, -(-max((len(values) for values in found["losses"].values()), default=1) // MOST_STEPS))
    report = {
        **header,
        "task": data.task,
        "metrics": summarise(found["metrics"]),
        "chosen": found["chosen"],
        "losses": {
            name: {"step": list(range(1, len(values) + 1, every)), "value": [round(value, 6) for value in values[::every]]}
            for name, values in found["losses"].items()
        },
        **({"explanations": found["explanations"]} if "explanations" in found else {}),
    }
    if root is not None and found["losses"]:
        plot_losses(found["losses"], root / FIGURES[0])
    if root is not None and found.get("explanations", {}).get("nodes"):
        plot_explanations(found["explanations"]["nodes"], root / FIGURES[1])
    return without_nan(report)  # type: ignore[no-any-return]


def report_table(report: Mapping[str, Any]) -> Table:
    """Table of the figures of each split, with intervals, and of the explanations.

    Args:
        report: Content of ``report.json``.
    """
    heading = f"{report['method']} · {report['data']} · {report['network']} · {report['task']}s"
    return rich_table([*figure_rows(report), *explanation_rows(report)], heading, note_of(report))
