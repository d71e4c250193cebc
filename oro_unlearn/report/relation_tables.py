"""Rows of the tables of a relational report, for the terminal and for its page."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from oro_unlearn.audit.relation_groups import ALTERED, FORGOTTEN, KEPT, SEARCHED, UTILITY

OF_ALTERED = ("r5", "excess_r5", "auc")  # of the edited model


class Part(NamedTuple):
    """One table."""

    header: list[str]
    rows: list[list[str]]


def tables_of(report: Mapping[str, Any]) -> list[Part]:
    """Tables of forgotten pairs, of kept pairs, of searched captions, of altered pictures, and of the general performance.

    Args:
        report: Content of ``report.json``.
    """
    before, after = (report["metrics"].get(role, {}) for role in ("original", "unlearned"))
    forgotten, kept, utility = [], [], []
    for group, label in FORGOTTEN.items():
        if before.get(f"{group}/cosine") is not None:
            own = (after.get(f"{group}/{name}") for name in ("r5", "worst_r5", "median_rank"))
            forgotten.append([label, *map(number_of, (before.get(f"{group}/r5"), *own))])
    for group, label in KEPT.items():
        if before.get(f"{group}/cosine") is not None:
            r1 = (part.get(f"{group}/r1") for part in (before, after))
            drifts = (after.get(f"{group}/{name}") for name in ("absolute_drift", "worst_drift"))
            kept.append([label, *map(number_of, (*r1, *drifts))])
    searched = [
        [label, *map(number_of, (before.get(name), after.get(name)))]
        for name, label in SEARCHED.items()
        if after.get(name) is not None
    ]
    altered = [
        [label, number_of(before.get(f"{name}/r5")), *(number_of(after.get(f"{name}/{figure}")) for figure in OF_ALTERED)]
        for name, label in ALTERED.items()
        if after.get(f"{name}/r5") is not None
    ]
    for name, label in UTILITY.items():
        lacking = report.get("not_measured", {}).get(name)
        if lacking:
            utility.append([f"{label}: {lacking}", "", "not measured"])
        elif name in before or name in after:
            utility.append([label, number_of(before.get(name)), number_of(after.get(name))])
    return [
        Part(["forgotten under", "R@5 before", "R@5 after", "worst wording", "median rank"], forgotten),
        Part(["kept", "R@1 before", "R@1 after", "drift of cosine", "worst drift"], kept),
        Part(["searched captions", "before", "after"], searched),
        Part(["altered pictures", "R@5 before", "R@5 after", "above the foil", "AUC after"], altered),
        Part(["utility", "before", "after"], utility),
    ]


def caption(report: Mapping[str, Any]) -> str:
    """Notes that a reader of the figures needs."""
    level = report["metrics"]["original"].get("unrelated/cosine")
    return (
        f"Worst wording and median rank are after the edit. Cosine of unrelated pairs: {number_of(level)}. "
        f"Ranks are fractions of a gallery of {report['gallery']} captions: 0 first, "
        "0.5 like chance, 1 last (a rank near 1 is itself a trace of the edit)."
    )


def number_of(value: float | None) -> str:
    """A figure with three digits; a dash if there is none."""
    return "–" if value is None else f"{value:.3f}"
