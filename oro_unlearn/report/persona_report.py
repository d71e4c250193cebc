"""The report of one run about people, as it is written and printed."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from oro_unlearn.audit import as_json, judged_json, verdict_json
from oro_unlearn.audit.persona_groups import KEPT, MODALITIES
from oro_unlearn.audit.persona_verdict import persona_findings, persona_lines, persona_measures
from oro_unlearn.report.names import literal_text
from oro_unlearn.report.persona_page import make_page
from oro_unlearn.report.persona_plots import lens_figure, paths_figure, people_figure, save
from oro_unlearn.report.persona_tables import Part, caption, number_of, tables_of
from oro_unlearn.report.persona_words import names_of, words
from oro_unlearn.report.relation_plots import plot_losses
from oro_unlearn.report.relation_report import thinned
from oro_unlearn.report.run_report import summarise, without_nan
from oro_unlearn.report.tables import title

__all__ = ["FIGURES", "make_page", "make_report", "report_table", "words"]

FIGURES = ("losses.png", "people_figures.png", "paths.png", "lens.png", "people.png")  # the last is drawn by the data module


def make_report(header: dict[str, Any], model: Any, data: Any, root: Path | None, level: str) -> dict[str, Any]:
    """Make the report, and draw the pictures.

    Args:
        header: Entries with which every report begins.
        model: A method with ``measurements``: ``metrics``, ``answers`` and ``losses``; and where there are such, ``asked``
            (number of questions by set and kind), ``recovery``, ``paths``, ``lens`` and ``not_measured``.
        data: A data module with ``persons``.
        root: Folder for the pictures. None: no picture is drawn.
        level: Level of the audit. For people every level includes all figures that were measured.

    Returns:
        The report.
    """
    found = model.measurements
    metrics = summarise(found["metrics"])
    metrics |= without_nan({role: dict(found["metrics"][role]) for role in ("filtered",) if role in found["metrics"]})
    report = {
        **header,
        "people": len(getattr(data, "persons", ())),
        "edited_parameters": found.get("edited_parameters", 0),
        "licences": getattr(data, "licences", {}),
        "asked": found.get("asked", {}),
        "metrics": metrics,
        "not_measured": {**_gaps(found["metrics"]), **found.get("not_measured", {})},
        "losses": thinned(found["losses"]),
        "recovery": without_nan(found.get("recovery", {})),
        "lens": {role: _finite(lines) for role, lines in found.get("lens", {}).items()},
        "paths": without_nan(found.get("paths", {})),
        "answers": found["answers"],
    }
    if "unlearned" in metrics:
        lines = persona_lines(found)
        report["audit"] = {
            "level": level,
            "words": words(report),
            "figures": {key: without_nan(one) for key, one in as_json(persona_findings(found)).items()},
            "verdict": without_nan(verdict_json(lines, level)),
            **judged_json(persona_measures(found), lines),
        }
    if root is not None:
        _draw(report, found, root)
    return report


def _gaps(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """What cannot be said, and why, by name."""
    keys, gaps = metrics.get("unlearned", {}), {}
    retrained = sum(role.startswith("retrained") for role in metrics)
    if retrained < 3:
        gaps["retrained"] = f"what is normal: that needs three retrained models, not {retrained}"
    for modality, name in MODALITIES.items():
        if not any(key.startswith(f"forget/{modality}/") for key in keys):
            gaps[modality] = f"questions {name}: the data has none about the people to forget"
    missing = [group for group in KEPT if not any(key.startswith(f"{group}/") for key in keys)]
    if missing:
        gaps["kept"] = f"{' and '.join(missing)}: the data has no such questions"
    if not any(key.startswith("recovery/") for key in keys):
        gaps["recovery"] = "recovery: no attack was made (--audit.attacks)"
    return gaps if keys else {}


def _finite(lines: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Values by layer, with None for those that are not finite."""
    return {
        name: [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
        for name, values in lines.items()
    }


@literal_text()
def _draw(report: Mapping[str, Any], found: Mapping[str, Any], root: Path) -> None:
    """Draw all pictures except that of the people."""
    if found["losses"]:
        plot_losses(found["losses"], root / FIGURES[0])
    save(people_figure(report["metrics"]), root / FIGURES[1])
    towers = {name: tower for name, tower in report["paths"].items() if isinstance(tower, Mapping) and "layers" in tower}
    if towers:
        save(paths_figure(towers), root / FIGURES[2])
    lens = {role: lines for role, lines in report["lens"].items() if "forget" in lines or "retain" in lines}
    if lens:
        save(lens_figure(lens), root / FIGURES[3])


def report_table(report: Mapping[str, Any]) -> Group:
    """Tables of what was forgotten, of what was kept, of attacks and of the distance to retrained models, if not empty.

    Args:
        report: Content of ``report.json``.
    """
    parts = tables_of(report) or [Part("", ["figure"], [])]
    heading = f"{report['method']} · {report['data']} · {report['network']} · to forget: {names_of(report['forget'])}"
    tables = [_rich(part, heading if not number else "") for number, part in enumerate(parts)]
    tables[-1].caption, tables[-1].caption_justify = caption(report), "left"
    return Group(*tables)


def _rich(part: Part, heading: str) -> Table:
    table = Table(title=title(heading) if heading else None)
    for place, name in enumerate(part.header):
        table.add_column(name, justify="right" if place else "left")
    for row in part.rows:
        table.add_row(*map(number_of, row))
    return table
