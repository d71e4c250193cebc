"""The report of one run of class unlearning, as it is written and printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from oro_unlearn.audit import CONFIDENCE_LIMIT, LEVELS, Edit, audit_run, from_json, rows
from oro_unlearn.report.class_page import make_page
from oro_unlearn.report.names import label
from oro_unlearn.report.plots import plot_confusion_and_redirection
from oro_unlearn.report.run_report import pooled, redirection, share_of, summarise, undefined, without_nan
from oro_unlearn.report.tables import caption, rich_table, single_rows, title_of

__all__ = ["FIGURES", "make_page", "make_report", "outputs", "report_table"]

FIGURES = ("redirection.png",)
MOST_CLASSES = 30  # a larger confusion matrix is not kept: it would be most of the report, and nobody could read it
SPLITS = ("forget", "retain", "test_forget", "test_retain", "test_earlier")


def make_report(header: dict[str, Any], model: Any, data: Any, root: Path | None, level: str) -> dict[str, Any]:
    """Audit the edit, and draw ``redirection.png``.

    Args:
        header: Entries with which every report begins.
        model: A method with ``measurements`` and ``role``.
        data: A data module with ``class_names`` and ``forget_classes``.
        root: Folder for the picture. None: no picture is drawn.
        level: Level of the audit: ``outputs``, ``features`` or ``all``.

    Returns:
        The report.
    """
    found, names = model.measurements, data.class_names
    requested = data.requested_classes
    role = model.role if model.role != "retrained" else "retrained_0"
    absent = sorted(set(range(len(names))) - set(data.present_classes))
    for name, figures in found["metrics"].items() if absent else ():
        kept = [row for label, row in enumerate(found["confusion"][name]) if label not in requested]
        figures["test/absent"] = share_of(absent, kept)
    report = {
        **header,
        "images": {split: len(data.split(split)) for split in SPLITS},
        "retrained_models": sum(name.startswith("retrained") for name in found["metrics"]),
        "metrics": summarise(found["metrics"]),
        "undefined": {"train/mia": undefined(found["metrics"])},
        "neighbours": {names[label]: names[near] for label, near in found["neighbours"].items()},
        **outputs(found["confusion"], found["confidences"], names, requested, role),
    }
    if "unlearned" in found["metrics"]:
        report["audit"] = _audited(model, data, level)
    shares = {name: list(values.values()) for name, values in report["redirection"].items()}
    if shares and root is not None:
        plot_confusion_and_redirection(found["confusion"][role], shares, names, requested, root / FIGURES[0])
    return report


def outputs(
    confusion: Mapping[str, Sequence[Sequence[int]]],
    confidences: Mapping[str, Mapping[str, Sequence[int]]],
    names: Sequence[str],
    requested: Sequence[int],
    measured: str,
) -> dict[str, Any]:
    """What the models answer, as a report keeps it.

    Args:
        confusion: Confusion matrix (K, K) of each model on the test images.
        confidences: Counts of :class:`~oro_unlearn.metrics.ConfidenceHistogram` of each model, by group.
        names: Names of the classes.
        requested: Indices of the classes to forget.
        measured: The model whose confusion matrix is kept, if it has at most 30 classes.

    Returns:
        ``redirection``, ``confusion`` and ``confidences``.
    """
    shares = redirection(confusion, requested) if requested else {}
    return {
        "redirection": {role: dict(zip(names, values, strict=True)) for role, values in shares.items()},
        "confusion": [list(row) for row in confusion[measured]] if len(names) <= MOST_CLASSES else [],
        "confidences": {"limit": CONFIDENCE_LIMIT, "counts": pooled(confidences)},
    }


def _audited(model: Any, data: Any, level: str) -> dict[str, Any]:
    """Audit an edit, on the device of the trainer."""
    names = ", ".join(map(label, data.forget_names)) or f"{len(data.split('forget'))} single images"
    networks = {**model.audited(), "unlearned": model.export()} if LEVELS[level] else {}  # of outputs all is measured
    edit = Edit(networks, model.measurements["metrics"], data.requested_classes, names, model.measurements["confusion"])
    found: dict[str, Any] = without_nan(audit_run(edit, data, level, model.trainer.strategy.root_device, model.attacks))
    return found


def report_table(report: Mapping[str, Any]) -> Table:
    """Table of every figure before the edit, after it, and for retrained models; or of a trained model's figures.

    Args:
        report: Content of ``report.json``.
    """
    table = rows(from_json(report["audit"]["figures"])) if "audit" in report else single_rows(report)
    return rich_table(table, title_of(report), caption(report))
