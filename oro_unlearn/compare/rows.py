"""Which rows a comparison's tables have, and what they are called."""

from collections.abc import Mapping, Sequence
from typing import Any

from oro_unlearn.compare.costs import budget_of, read_share
from oro_unlearn.compare.searches import EVERY

Result = Mapping[str, Any]
Records = Sequence[Mapping[str, Any]]


def methods_of(result: Result) -> list[str]:
    """In the order of the rows: the references, the free control, then the others."""
    found = dict.fromkeys(record["method"] for record in result["models"])
    first = [name for name in ("original", "retrained", "logit_mask") if name in found]
    return [*first, *(name for name in EVERY if name in found and name not in first)]


def runs_of(result: Result, method: str) -> Records:
    """Records of one method."""
    return [record for record in result["models"] if record["method"] == method]


def cells_of(result: Result) -> int:
    """How many runs a method should have: one a request and original."""
    return len({tuple(record["forget"]) for record in result["models"]}) * result["originals"]


def row_label(result: Result, method: str) -> str:
    """With the number of runs where some are missing, for a mean over easier ones is no better, and what it read too much."""
    if method in ("original", "retrained"):
        return label(method)
    cells, found = cells_of(result), len(runs_of(result, method))
    notes = [] if found == cells else [f"{found} of {cells} runs"]
    share, budget = read_share(result, method), budget_of(result)
    notes += [f"read {100 * share:.1f} % for {100 * budget:g} %"] if share > budget else []
    return f"{label(method)} ({'; '.join(notes)})" if notes else label(method)


def label(method: str) -> str:
    """A method's name in tables."""
    names = {name: entry.label for name, entry in EVERY.items()}
    return {"original": "Original", "retrained": "Retrain", "logit_mask": "LogitMask (free control)"}.get(
        method, names.get(method, method)
    )
