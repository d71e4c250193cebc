"""The report of one run of relational unlearning, as it is written and printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from oro_unlearn.audit import judged_json, verdict_json
from oro_unlearn.audit.relation_groups import ATTACKS, FORGOTTEN, KEPT, UTILITY
from oro_unlearn.audit.relation_verdict import relation_lines, relation_measures, removal_of
from oro_unlearn.report.benchmark_tables import benchmark_part
from oro_unlearn.report.names import label
from oro_unlearn.report.relation_page import make_page
from oro_unlearn.report.relation_plots import plot_closest, plot_cosines, plot_losses
from oro_unlearn.report.relation_tables import Part, caption, number_of, tables_of
from oro_unlearn.report.run_report import summarise, without_nan
from oro_unlearn.report.tables import title, title_of
from oro_unlearn.report.weight_tables import weight_part, weight_words

__all__ = ["FIGURES", "make_page", "make_report", "report_table", "words"]

MOST_STEPS = 200  # points of a loss that are kept
FIGURES = ("losses.png", "cosines.png", "closest.png", "searched.png", "graph.png")  # the last is drawn by the data module


def make_report(header: dict[str, Any], model: Any, data: Any, root: Path | None, level: str) -> dict[str, Any]:
    """Make the report, and draw the pictures.

    Args:
        header: Entries with which every report begins.
        model: A method with ``measurements``: ``metrics``, ``details`` and ``losses``.
        data: A data module with ``measured`` probes.
        root: Folder for the pictures. None: no picture is drawn.
        level: Level of the audit. For relations every level includes all figures, since they come from the same features.

    Returns:
        The report.
    """
    found, probes = model.measurements, data.measured
    metrics = summarise(found["metrics"])
    report = {
        **header,
        "adapter_parameters": getattr(model, "adapter_parameters", 0),
        "gallery": len(probes.concepts),
        "pictures": len(probes.pictures),
        "licences": getattr(data, "licences", {}),
        "metrics": metrics,
        "not_measured": found.get("not_measured", {}),
        "losses": thinned(found["losses"]),
        "search": {role: _told(details["search"]) for role, details in found["details"].items() if "search" in details},
        "weights": found["details"].get("unlearned", {}).get("weights", {}),
        **{name: without_nan(found[name]) for name in ("trace", "pruning", "paths") if name in found},
        **({"benchmarks": found["benchmarks"]} if found.get("benchmarks") else {}),
        "items": {role: details["items"] for role, details in found["details"].items() if role == "unlearned"},
    }
    if "unlearned" in metrics:
        removable = bool(report["adapter_parameters"]) or getattr(model, "removable", False)
        lines = relation_lines(model, probes, removable)
        held = judged_json(relation_measures(found, probes), lines)
        removed = removal_of(report["metrics"], report["search"])._asdict()
        verdict = without_nan(verdict_json(lines, level))
        report["audit"] = {"level": level, "words": words(report), "removal": removed, "verdict": verdict, **held}
    if root is not None:
        _draw(found, probes, root)
    return report


def _told(search: Mapping[str, Any]) -> dict[str, Any]:
    """A search as a report keeps it: without its duration, so that a second measurement gives the same report."""
    return without_nan({name: value for name, value in search.items() if name != "seconds"})


def thinned(losses: Mapping[str, Sequence[float]], most: int = MOST_STEPS) -> dict[str, dict[str, list[float]]]:
    """Losses by term as a report keeps them: values at ``step``, evenly spaced if a run has many steps.

    Args:
        losses: Values at each step, by term.
        most: Largest number of steps that are kept.

    Example:
        >>> thinned({"push": [4.0, 3.0, 2.0, 1.0]}, most=2)
        {'push': {'step': [1, 3], 'value': [4.0, 2.0]}}
    """
    found = {}
    for name, values in losses.items():
        steps = range(0, len(values), -(-len(values) // most) or 1)
        found[name] = {"step": [step + 1 for step in steps], "value": [round(values[step], 6) for step in steps]}
    return without_nan(found)


def words(report: Mapping[str, Any]) -> list[str]:
    """Five to seven lines of text: the request, removal, retrieval by captions, the embeddings, the attacks, and the gaps.

    The line about removal is left out for a shield, which the first words of the report state.

    Args:
        report: A report with ``metrics`` of ``original`` and ``unlearned``.
    """
    before, after = report["metrics"]["original"], report["metrics"]["unlearned"]

    def moved(figure: str) -> str:
        return f"{number_of(before.get(figure))} before, {number_of(after.get(figure))} after"

    attacks = {name: after.get(f"{group}/worst_r5") for group, name in ATTACKS.items()}
    strongest = max((name for name in attacks if attacks[name] is not None), key=lambda name: attacks[name], default="")
    found = f"the strongest ({strongest}) has R@5 {number_of(attacks[strongest])}" if strongest else "none was tried"
    groups = {group: (before.get(f"{group}/r1"), after.get(f"{group}/r1")) for group in KEPT}
    drops = {group: now - was for group, (was, now) in groups.items() if was is not None and now is not None}
    most = min(drops, key=lambda group: drops[group], default="")
    kept = f" Most lost of what is kept: {KEPT[most]}, R@1 {moved(f'{most}/r1')}." if drops else ""
    lacking = [UTILITY.get(name, name).strip() for name in report["not_measured"]]
    removable = " Without its adapter the model is the original." if report["adapter_parameters"] else ""
    retrained = "retrained" in report["metrics"]
    gaps = [] if retrained else ["what is normal: that needs models trained without the tuple"]
    removed = removal_of(report["metrics"], report.get("search", {}))
    return [
        f"Asked: forget {', '.join(report['forget'])}; {report['pictures']} pictures and {report['gallery']} captions.",
        *([removed.words] if removed.answer != "shield" else []),
        f"Outputs: R@5 of the unsafe pictures for their caption: {moved('direct/r5')}.{kept}",
        f"Features: cosine of unsafe pictures and their caption: {moved('direct/cosine')}; unrelated pairs have "
        f"{number_of(before.get('unrelated/cosine'))}.",
        f"Attacker with other words, places, styles or spellings: {found}.{removable}",
        *([attacked] if (attacked := weight_words(report)) else []),
        f"Not judged: {'; '.join([*gaps, *lacking, 'attacks that were not tried'])}.",
    ]


def _draw(found: Mapping[str, Any], probes: Any, root: Path) -> None:
    """Draw all pictures except that of the graph."""
    if found["losses"]:
        plot_losses(found["losses"], root / FIGURES[0])
    plot_cosines(found["metrics"], FORGOTTEN | KEPT, root / FIGURES[1])
    if probes.unsafe:
        sheets = {role: _sheet(details["closest"], probes) for role, details in found["details"].items()}
        plot_closest(sheets, probes.texts[probes.unsafe[0]], root / FIGURES[2])
    searched = {role: details["search"]["strongest"] for role, details in found["details"].items() if "search" in details}
    if searched:
        sheets = {f"{role}: “{label(one['caption'])}”": _sheet(one["closest"], probes) for role, one in searched.items()}
        plot_closest(sheets, "the strongest searched caption of each model", root / FIGURES[3])


def _sheet(rows: list[int], probes: Any) -> list[tuple[Any, str, str]]:
    near = {position for found in probes.neighbours.values() for position in found}

    def kind(position: int) -> str:
        return "forgotten" if position in probes.unsafe else "neighbour" if position in near else "other"

    return [
        (
            probes.images.image(row).permute(1, 2, 0).numpy(),
            " ".join(probes.pictures[row].concept),
            kind(int(probes.picture_concept[row])),
        )
        for row in rows
    ]


def report_table(report: Mapping[str, Any]) -> Group:
    """Tables of forgotten and kept pairs, searched captions, altered pictures, utility, attacks on weights and benchmarks.

    Args:
        report: Content of ``report.json``.
    """
    parts = [*tables_of(report), weight_part(report), benchmark_part(report)]
    shown = [part for part in parts if part.rows] or parts[:1]
    tables = [_rich(part, title_of(report) if not number else "") for number, part in enumerate(shown)]
    tables[-1].caption, tables[-1].caption_justify = caption(report), "left"
    return Group(*tables)


def _rich(part: Part, heading: str) -> Table:
    table = Table(*part.header, title=title(heading) if heading else None)
    for row in part.rows:
        table.add_row(*row)
    return table
