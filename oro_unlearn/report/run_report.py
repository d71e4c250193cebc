"""``report.json``: the figures of one run, with its data, versions and hardware."""

import contextlib
import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import oro_unlearn

PACKAGES = (  # the last three only if they are installed
    *("torch", "torchvision", "lightning", "torchmetrics", "scikit-learn", "scipy", "numpy", "pillow"),
    *("open_clip_torch", "peft", "timm", "transformers", "torch_geometric"),
)
Figures = dict[str, float | None]
NO_IMAGES = "a split has no images"
ALIKE = "its confidences of members and non-members are too alike for the attack to tell them apart"


def summarise(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Figures by role. Those of the retrained models become mean and standard deviation.

    Args:
        metrics: Figures of each model: ``original``, ``unlearned``, ``retrained_0``, ``retrained_1``, ...

    Returns:
        ``original`` and ``unlearned`` are unchanged, except that ``utv_floor`` (the mean total variation between retrained
        models) stands beside ``utv``. ``retrained`` has ``mean`` and ``std`` (n - 1; left out for a single model). NaN becomes
        None. A mean covers the models for which the figure is defined. If these are not all models, ``retrained`` also has
        their number under ``defined``.
    """
    retrained = [figures for name, figures in metrics.items() if name.startswith("retrained")]
    summary: dict[str, Any] = {role: dict(metrics[role]) for role in ("original", "unlearned") if role in metrics}
    phases = [phase for phase in ("test", "train") if retrained and f"{phase}/utv" in retrained[0]]
    for figures in summary.values() if len(retrained) > 1 else []:
        for phase in phases:
            figures[f"{phase}/utv_floor"] = mean(other[f"{phase}/utv"] for other in retrained)
    if retrained:
        columns = {name: [figures[name] for figures in retrained] for name in retrained[0]}
        summary["retrained"] = {"mean": {name: defined(mean, values) for name, values in columns.items()}}
        counts = {name: sum(not math.isnan(value) for value in values) for name, values in columns.items()}
        fewer = {name: count for name, count in counts.items() if 0 < count < len(retrained)}
        summary["retrained"] |= {"defined": fewer} if fewer else {}
        if len(retrained) > 1:
            spread = {name: defined(stdev, values, at_least=2) for name, values in columns.items()}
            if len(retrained) == 2:  # a single pair: both models have the same distance
                spread.update({f"{phase}/utv": math.nan for phase in phases})
            summary["retrained"]["std"] = spread
    return without_nan(summary)


def undefined(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Say for each model whose membership attack has no value why this is so.

    Args:
        metrics: Figures of each model.
    """
    reasons = {}
    for role, figures in metrics.items():
        accuracy = figures.get("train/mia_attack_balanced_accuracy", math.nan)
        if "train/mia" in figures and math.isnan(figures["train/mia"]):
            reasons[role] = NO_IMAGES if math.isnan(accuracy) else ALIKE
    return reasons


def defined(function: Callable[[list[float]], float], values: Iterable[float | None], at_least: int = 1) -> float:
    """``function`` of the values that are neither None nor NaN; NaN if there are too few."""
    found = [value for value in values if value is not None and not math.isnan(value)]
    return function(found) if len(found) >= at_least else math.nan


def redirection(confusion: Mapping[str, Sequence[Sequence[int]]], labels: Sequence[int]) -> dict[str, list[float]]:
    """Share of the forgotten classes' test images that each model assigns to each class.

    Args:
        confusion: Test confusion matrix (K, K) of each model.
        labels: Indices of the forgotten classes.

    Returns:
        (K,) shares by role. The shares of the retrained models are averaged.
    """
    shares: dict[str, list[list[float]]] = {}
    for name, matrix in confusion.items():
        counts = [sum(column) for column in zip(*(matrix[label] for label in labels), strict=True)]
        total = sum(counts) or 1
        shares.setdefault("retrained" if name.startswith("retrained") else name, []).append([n / total for n in counts])
    return {role: [mean(column) for column in zip(*rows, strict=True)] for role, rows in shares.items()}


def pooled(counts: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[str, dict[str, list[int]]]:
    """Histograms by role and group of images. Those of the retrained models are added up.

    Args:
        counts: Counts (B,) of each model, by group.

    Example:
        >>> pooled({"retrained_0": {"forget": [1, 0]}, "retrained_1": {"forget": [0, 2]}})
        {'retrained': {'forget': [1, 2]}}
    """
    found: dict[str, dict[str, list[int]]] = {}
    for name, groups in counts.items():
        own = found.setdefault("retrained" if name.startswith("retrained") else name, {})
        for group, row in groups.items():
            own[group] = [a + b for a, b in zip(own.get(group, [0] * len(row)), row, strict=True)]
    return found


def share_of(classes: Sequence[int], confusion: Sequence[Sequence[int]]) -> float:
    """Share of all predictions that are one of some classes; NaN without predictions.

    Args:
        classes: Indices of these classes.
        confusion: Counts (K, K): rows are labels, columns predictions.

    Example:
        >>> share_of([2], [[3, 0, 1], [0, 4, 0], [0, 0, 0]])
        0.125
    """
    total = sum(map(sum, confusion))
    return sum(row[label] for row in confusion for label in classes) / total if total else math.nan


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the packages that determine the figures."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    """The versions. To read them takes a tenth of a second, and a process has only one of each package."""
    found = {"python": platform.python_version(), "oro_unlearn": oro_unlearn.__version__}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def hardware(device: str) -> dict[str, Any]:
    """The processor, its cores, and the accelerator if one was used."""
    import torch

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "device": name}


def without_nan(value: Any) -> Any:
    """Replace NaN and infinities, which strict JSON lacks, by None."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
