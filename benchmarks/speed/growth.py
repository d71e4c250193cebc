"""How the cost of an audit grows with images, classes, models to compare with, shadow models and samples.

    python -m benchmarks.speed.growth

The sizes are timed in turn, five times each. The exponent b of seconds = a * size^b is fitted to the medians of all sizes but
the first, in which fixed costs show. Writes benchmarks/results/speed_growth.json and docs/performance_growth.png.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

import torch

from benchmarks.speed.timing import in_turn, rounded, write
from oro_unlearn.data.images.image_data import MAIN_SPLITS
from oro_unlearn.methods.classes.class_audit import ClassAudit
from oro_unlearn.metrics import rmia, u_lira

PICTURE = Path("docs/performance_growth.png")
BATCH = 500
SIZES = {
    "audit: images": (4_000, 16_000, 64_000, 256_000),
    "audit: classes": (10, 40, 160, 640),
    "audit: retrained models": (1, 2, 4, 8),
    "U-LIRA: shadow models": (4, 8, 16, 32),
    "RMIA: samples": (10_000, 40_000, 160_000, 640_000),
}


def audit(images: int = 16_000, classes: int = 10, retrained: int = 1) -> None:
    """Feed and compute the audit of one model; logits are made of one batch, so that none are timed."""
    labels = {True: torch.zeros(BATCH).long(), False: torch.arange(BATCH) % (classes - 1) + 1}
    logits = torch.randn(BATCH, classes, generator=torch.Generator().manual_seed(0))
    figures = ClassAudit(classes, [0], {0: 1})
    for first in range(0, images, BATCH):
        split = MAIN_SPLITS[first * len(MAIN_SPLITS) // images]
        figures.update(split, logits, labels[split.endswith("forget")], [logits.flip(0)] * retrained)
    figures.compute()


def attack(models: int) -> None:
    """U-LIRA of as many unlearned as retrained models on 1,000 examples, with its jackknife."""
    generator = torch.Generator().manual_seed(0)
    u_lira(torch.randn(models, 1_000, generator=generator) + 0.5, torch.randn(models, 1_000, generator=generator))


def rank(samples: int) -> None:
    """RMIA of samples among as many of the population, three references."""
    generator = torch.Generator().manual_seed(0)
    own, mates = torch.rand(2, samples, generator=generator)
    rmia(own, torch.rand(3, samples, generator=generator), mates, torch.rand(3, samples, generator=generator))


TIMED: dict[str, Callable[[int], Any]] = {
    "audit: images": audit,
    "audit: classes": lambda size: audit(classes=size),
    "audit: retrained models": lambda size: audit(retrained=size),
    "U-LIRA: shadow models": attack,
    "RMIA: samples": rank,
}


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Exponent b of seconds = a * size^b, by least squares in logarithms, without the first size."""
    return linear_regression([math.log(size) for size in sizes[1:]], [math.log(value) for value in seconds[1:]]).slope


def grow(name: str, runs: int) -> dict[str, Any]:
    """Seconds by size, and the exponent."""
    seconds = in_turn({str(size): partial(TIMED[name], size) for size in SIZES[name]}, runs)
    medians = [median(values) for values in seconds.values()]
    return {
        "what": f"growth of the {name}" if name.startswith("audit") else f"growth of {name}",
        "ratio": exponent(SIZES[name], medians),
        "target": "exponent, stated",
        "sizes": list(SIZES[name]),
        "medians": [round(value, 5) for value in medians],
        "seconds": rounded(seconds),
    }


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """One curve a claim, each relative to its first size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.8), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        relative = [[value / values[0] for value in values] for values in (row["sizes"], row["medians"])]
        axes.loglog(*relative, marker="o", label=f"{row['what'].removeprefix('growth of ')} (exponent {row['ratio']:.2f})")
    axes.loglog([1, 64], [1, 64], color="#9aa0a6", linestyle=":", label="in proportion")
    axes.set_xlabel("size, relative to the smallest")
    axes.set_ylabel("seconds, relative to the smallest")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, write and draw."""
    rows = [grow(name, runs=5) for name in SIZES]
    draw(rows, PICTURE)
    write("growth", rows)


if __name__ == "__main__":
    main()
