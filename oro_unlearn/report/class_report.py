"""What one run of class unlearning writes and prints."""

from pathlib import Path
from typing import Any

from oro_unlearn.report.plots import plot_confusion_and_redirection
from oro_unlearn.report.run_report import redirection, share_of, summarise, undefined
from oro_unlearn.report.tables import report_table

FIGURES = ("redirection.png",)
SPLITS = ("forget", "retain", "test_forget", "test_retain", "test_earlier")
__all__ = ["FIGURES", "make_report", "report_table"]


def make_report(header: dict[str, Any], model: Any, data: Any, root: Path | None) -> dict[str, Any]:
    """Draw ``redirection.png``.

    Args:
        header: What every report begins with.
        model: A method with ``measurements`` and ``role``.
        data: A data module with ``class_names`` and ``forget_classes``.
        root: Folder of the picture; None for none.

    Returns:
        The report.
    """
    found, names = model.measurements, data.class_names
    requested = data.requested_classes
    shares = redirection(found["confusion"], requested) if requested else {}
    absent = sorted(set(range(len(names))) - set(data.present_classes))
    for role, figures in found["metrics"].items() if absent else ():
        kept = [row for label, row in enumerate(found["confusion"][role]) if label not in requested]
        figures["test/absent"] = share_of(absent, kept)
    report = {
        **header,
        "images": {split: len(data.split(split)) for split in SPLITS},
        "retrained_models": sum(name.startswith("retrained") for name in found["metrics"]),
        "metrics": summarise(found["metrics"]),
        "undefined": {"train/mia": undefined(found["metrics"])},
        "neighbours": {names[label]: names[near] for label, near in found["neighbours"].items()},
        "redirection": {role: dict(zip(names, values, strict=True)) for role, values in shares.items()},
    }
    confusion = found["confusion"][model.role if model.role != "retrained" else "retrained_0"]
    if shares and root is not None:
        plot_confusion_and_redirection(confusion, shares, names, requested, root / FIGURES[0])
    return report
