"""Rows of a comparison's tables, and their labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from oro_unlearn.compare.costs import budget_of, read_share
from oro_unlearn.compare.searches import EVERY

Result = Mapping[str, Any]
Records = Sequence[Mapping[str, Any]]


def methods_of(result: Result) -> list[str]:
    """Names of the methods in the order of the rows: the references, the free control, then all others."""
    present = dict.fromkeys(record["method"] for record in result["models"])
    first = [name for name in ("original", "retrained", "logit_mask") if name in present]
    return [*first, *(name for name in EVERY if name in present and name not in first)]


def runs_of(result: Result, method: str) -> Records:
    """Records of one method."""
    return [record for record in result["models"] if record["method"] == method]


def cells_of(result: Result) -> int:
    """Number of runs that a method should have: one for each request and original."""
    return len({tuple(record["forget"]) for record in result["models"]}) * result["originals"]


def row_label(result: Result, method: str) -> str:
    """Label of a row, with notes on missing runs and on images read beyond the budget.

    A mean over fewer runs may be better only because the hard ones are missing.
    """
    if method in ("original", "retrained"):
        return label(method)
    cells, runs = cells_of(result), len(runs_of(result, method))
    notes = [] if runs == cells else [f"{runs} of {cells} runs"]
    share, budget = read_share(result, method), budget_of(result)
    notes += [f"read {100 * share:.1f} % for {100 * budget:g} %"] if share > budget else []
    return f"{label(method)} ({'; '.join(notes)})" if notes else label(method)


def label(method: str) -> str:
    """Name of a method in tables."""
    names = {name: entry.label for name, entry in EVERY.items()}
    return {"original": "Original", "retrained": "Retrain", "logit_mask": "LogitMask (free control)"}.get(
        method, names.get(method, method)
    )
