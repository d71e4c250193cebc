"""Tables of benchmarks/speed: targets, measurements, and growth of the cost."""

import json
import operator
from collections.abc import Callable
from typing import Any

from benchmarks import RESULTS
from oro_unlearn.report.tables import markdown_table

SCRIPTS = ("step", "data_path", "caches", "svd", "attacks", "audit", "relational", "gpu")
COMPARE: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge, "<": operator.lt}


def load(name: str) -> dict[str, Any]:
    """Results of one script."""
    return json.loads((RESULTS / f"speed_{name}.json").read_text())


def speed_table(name: str) -> str:
    """Every claim beside its target; ``all``: of every script whose results are there.

    Args:
        name: Of a script in benchmarks/speed, or ``all``.
    """
    scripts = [script for script in SCRIPTS if (RESULTS / f"speed_{script}.json").is_file()] if name == "all" else [name]
    rows = [["what", "measured", "target", "reached", "script"]]
    for script in scripts:
        for row in load(script)["rows"]:
            rows.append([row["what"], number(row["ratio"]), row["target"], reached(row), f"`speed.{script}`"])
    return markdown_table(rows)


def growth_table(name: str) -> str:
    """Seconds by size, and the exponent."""
    rows = [["", "sizes", "seconds", "exponent"]]
    for row in load(name)["rows"]:
        sizes, seconds = ("; ".join(f"{value:,}" for value in row[key]) for key in ("sizes", "medians"))
        rows.append([row["what"].removeprefix("growth of "), sizes, seconds, f"{row['ratio']:.2f}"])
    return markdown_table(rows)


def recipe_table(name: str) -> str:
    """Accuracy of training recipes by the images they read."""
    rows = [["recipe", "images read", "test accuracy %, by seed", "mean ± std"]]
    for row in load(name)["rows"]:
        seeds = ", ".join(f"{100 * value:.1f}" for value in row["accuracy"])
        spread = "–" if row["std"] is None else f"{100 * row['std']:.1f}"
        rows.append([row["recipe"], f"{row['images_read']:,}", seeds, f"{100 * row['mean']:.1f} ± {spread}"])
    return markdown_table(rows)


def reached(row: dict[str, Any]) -> str:
    """Whether a measured ratio meets its target, ``<= 0.40`` for instance."""
    sign, _, value = row["target"].partition(" ")
    return "yes" if COMPARE[sign](row["ratio"], float(value.replace(",", ""))) else "**no**"


def number(value: float) -> str:
    """Three digits that count; thousands without a point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


SPEED_TABLES = {"speed": speed_table, "growth": growth_table, "recipe": recipe_table}
