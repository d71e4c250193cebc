"""Rows of the tables of a report on a graph network, for the terminal and for its page."""

from collections.abc import Mapping
from typing import Any

from oro_unlearn.report.tables import number

NAMES = {"accuracy": "accuracy", "auc": "AUC", "ap": "average precision"}
SPLITS = {"train": "training", "val": "validation", "test": "test"}
EXPLAINED = {
    "fidelity_plus_features": "fidelity+, 5 features",
    "fidelity_plus": "fidelity+, 5 edges",
    "fidelity_minus": "fidelity-, 5 edges",
    "sparsity": "sparsity of edges",
}
MEANING = (
    "Fidelity+: classes that change without the strongest features of the node, or edges. Fidelity-: classes that change with "
    "the strongest edges alone. Sparsity: edges with a mask of at most 0.5."
)


def figure_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """Header and rows: a figure, its value, its 95 % interval and the number of samples.

    Args:
        report: Content of ``report.json``.
    """
    rows = [["figure", "value", "95 % interval", "samples"]]
    for figures in report["metrics"].values():
        for split, words in SPLITS.items():
            ends = [figures.get(f"{split}/{end}") for end in ("low", "high")]
            interval = "–" if None in ends else " to ".join(number(end, percent=True) for end in ends)
            count = figures.get(f"{split}/samples")
            for name, meaning in NAMES.items():
                value = figures.get(f"{split}/{name}")
                if value is not None:
                    shown = number(value, percent=name == "accuracy")
                    rows.append([f"{meaning}, {words}", shown, interval, f"{count:.0f}"])
    return rows


def explanation_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the explanations' figures; none if nothing was explained.

    Args:
        report: Content of ``report.json``.
    """
    found = report.get("explanations", {})
    if not found.get("explained"):
        return []
    count = str(found["explained"])
    return [[meaning, number(found[name], percent=True), "–", count] for name, meaning in EXPLAINED.items()]


def note_of(report: Mapping[str, Any]) -> str:
    """What a reader of the figures must know."""
    chosen, found = report.get("chosen", {}), report.get("explanations", {})
    notes = []
    if chosen:
        notes.append(f"Epoch {chosen['epoch'] + 1}, chosen on the {chosen['split']} split.")
    if chosen.get("split") == "test":
        notes.append("The test split chose it: the test figures are too good.")
    if found.get("explained"):
        notes.append(f"Explanations by {found['by']}. {MEANING}")
    return " ".join(notes)
