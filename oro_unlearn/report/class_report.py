"""What one run of class unlearning writes and prints."""

from pathlib import Path
from typing import Any

from oro_unlearn.report.plots import plot_confusion_and_redirection
from oro_unlearn.report.run_report import redirection, summarise
from oro_unlearn.report.tables import report_table

FIGURES = ("redirection.png",)
__all__ = ["FIGURES", "make_report", "report_table"]


def make_report(header: dict[str, Any], model: Any, data: Any, root: Path) -> dict[str, Any]:
    """Draw ``redirection.png``.

    Args:
        header: What every report begins with.
        model: A method with ``measurements`` and ``role``.
        data: A data module with ``class_names`` and ``forget_classes``.
        root: The run's folder.

    Returns:
        The report.
    """
    found, names = model.measurements, data.class_names
    shares = redirection(found["confusion"], data.forget_classes) if data.forget_classes else {}
    report = {
        **header,
        "retrained_models": sum(name.startswith("retrained") for name in found["metrics"]),
        "metrics": summarise(found["metrics"]),
        "neighbours": {names[label]: names[near] for label, near in found["neighbours"].items()},
        "redirection": {role: dict(zip(names, values, strict=True)) for role, values in shares.items()},
    }
    confusion = found["confusion"][model.role if model.role != "retrained" else "retrained_0"]
    if shares:
        plot_confusion_and_redirection(confusion, shares, names, data.forget_classes, root / FIGURES[0])
    return report
