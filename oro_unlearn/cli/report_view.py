"""What every report of a run begins with, and how a report is printed."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger
from rich.console import Console
from rich.text import Text

from oro_unlearn.cli.run_folder import History
from oro_unlearn.report.run_report import hardware, versions


def header_of(trainer: Trainer, seed: Any) -> dict[str, Any]:
    """The first entries of ``report.json``: method, data, network, request, seed, versions, hardware and cost.

    Args:
        trainer: Trainer of the run, with its model and data.
        seed: The value of ``seed_everything``.
    """
    model: Any = trainer.lightning_module
    data: Any = model.data
    return {
        "method": type(model).__name__,
        "data": data.name,
        "network": getattr(model.network, "architecture", type(model.network).__name__).rsplit("/", 1)[-1],
        "forget": data.forget_names,
        "forgotten": getattr(data, "forgotten_names", []),
        "seed": seed,
        "versions": versions(),
        "hardware": hardware(trainer.strategy.root_device.type),
        "processes": trainer.world_size,
        "seconds": round(model.seconds, 3),
        **{name: round(seconds, 3) for name, seconds in getattr(model, "costs", {}).items()},
        "images_read": model.images_read,
        "images_backward": model.images_backward,
        **({"read": data.inventory()} if hasattr(data, "inventory") else {}),
    }


def log_figures(loggers: Sequence[Logger], report: Mapping[str, Any], step: int) -> None:
    """Give the figures of the edited model to the loggers that the user chose, as ``report/FIGURE``.

    Args:
        loggers: The trainer's loggers. The history of losses in the run's folder gets no figures: its folder has the report.
        report: Content of ``report.json``.
        step: Number of training steps.
    """
    metrics = report["metrics"]
    figures = metrics.get("unlearned", metrics.get("original", {}))
    known = {f"report/{name}": value for name, value in figures.items() if value is not None}
    for logger in (logger for logger in loggers if not isinstance(logger, History)):
        logger.log_metrics(known, step)
        logger.finalize("success")


def show(report_module: str, report: Mapping[str, Any], place: Path | None) -> None:
    """Print a report: its warnings, its findings in words, and its tables.

    Args:
        report_module: Import path of the module that makes the tables.
        report: Content of ``report.json``.
        place: Folder to which the report was written; None: it was not written.
    """
    kind = import_module(report_module)
    warnings = [Text(words, "bold red") for words in report["said_first"]]
    audit = report.get("audit", {})
    lines = map(Text, [*audit.get("words", []), *([audit["verdict"]["words"]] if audit else [])])
    written = [Text(f"written to {place}")] if place else []
    Console().print(*warnings, *lines, kind.report_table(report), *written, sep="\n")
