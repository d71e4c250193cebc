"""Rows of the tables of a report on people, for the terminal and for its page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from oro_unlearn.audit.persona_groups import GROUPS, KEPT, METRICS, MODALITIES, RECOVERED, attack_name, name_of

ROLES = {"original": "before", "unlearned": "after", "retrained": "retrained", "filtered": "name filter"}
FORGOTTEN = ("cloze_accuracy", "choice_accuracy", "rougeL", "answer_probability", "truth_ratio")  # in the short table
SAME = 1e-9  # a floor below it is a rounding error of models that agree
STAYING = ("cloze_accuracy", "rougeL")
APART = ("cloze_accuracy", "answer_probability")  # figures whose distance to retrained models is shown
Report = Mapping[str, Any]


class Part(NamedTuple):
    """One table. A cell is a figure, or the text of the first column."""

    caption: str
    header: list[str]
    rows: list[list[str | float | None]]


def tables_of(report: Report) -> list[Part]:
    """Short tables of what was to be forgotten, of what was to be kept, of attacks, and of the distance to retrained models.

    Args:
        report: Content of ``report.json``.
    """
    keys = [f"forget/{modality}/{metric}" for modality in MODALITIES for metric in FORGOTTEN]
    kept = [f"{group}/{modality}/{metric}" for group in KEPT for modality in MODALITIES for metric in STAYING]
    parts = [
        _part(report, "What was to be forgotten", "forgotten", keys, lambda key: name_of(key).partition(", ")[2]),
        _part(report, "What was to be kept", "kept", kept, name_of),
        _part(report, "What attacks bring back", "share that names the fact", attacks_of(report), _attack),
        distances(report, [key for key in (*keys, *kept) if key.endswith(APART)]),
    ]
    return [part for part in parts if part.rows]


def every_figure(report: Report) -> Part:
    """All figures of all sets of questions.

    Args:
        report: Content of ``report.json``.
    """
    keys = [f"{group}/{modality}/{metric}" for group in GROUPS for modality in MODALITIES for metric in METRICS]
    return _part(report, "All figures of all questions", "figure", keys, name_of)


def distances(report: Report, keys: Sequence[str]) -> Part:
    """How far the edited model is from the retrained models, in floors; no rows without three of them.

    The floor is the expected gap of one more retrained model, as :func:`oro_unlearn.metrics.reading` computes it.

    Args:
        report: Content of ``report.json``.
        keys: Figures to show.
    """
    figures, spread = report.get("audit", {}).get("figures", {}), report["metrics"].get("retrained", {}).get("std", {})
    rows: list[list[str | float | None]] = []
    for key in (key for key in keys if key in figures):
        beside = figures[key]["retrained"]
        if beside and beside["verdict"] != "not judged" and beside["floor"] > SAME:
            rows.append(
                [name_of(key), figures[key]["edited"], beside["ideal"], spread.get(key), beside["gap"] / beside["floor"]]
            )
    return Part("Distance to retrained models", ["figure", "after", "retrained", "spread", "gap in floors"], rows)


def attacks_of(report: Report) -> list[str]:
    """Keys of the figures of attacks, modality by modality, in the order in which the attacks were made."""
    found = [key for figures in _figures(report).values() for key in figures if key.startswith("recovery/")]
    order = list(RECOVERED)
    known = [key for key in dict.fromkeys(found) if key.rpartition("/")[2] in order]
    return sorted(known, key=lambda key: order.index(key.rpartition("/")[2]))


def _attack(key: str) -> str:
    _, attack, figure = key.split("/")
    return f"{RECOVERED[figure]}: {attack_name(attack)}"


def _part(report: Report, caption: str, first: str, keys: Sequence[str], named: Any) -> Part:
    """A table with a column for every model that has a figure."""
    figures = _figures(report)
    roles = [role for role in ROLES if any(figures.get(role, {}).get(key) is not None for key in keys)]
    rows: list[list[str | float | None]] = [
        [named(key), *(figures[role].get(key) for role in roles)]
        for key in keys
        if any(figures[role].get(key) is not None for role in roles)
    ]
    return Part(caption, [first, *(ROLES[role] for role in roles)], rows)


def _figures(report: Report) -> dict[str, Mapping[str, float | None]]:
    """Figures by role; of the retrained models their mean."""
    return {role: figures.get("mean", figures) for role, figures in report["metrics"].items()}


def number_of(value: str | float | None) -> str:
    """A cell as text: a figure with three digits, a dash if there is none."""
    return value if isinstance(value, str) else "–" if value is None else f"{value:.3f}"


def caption(report: Report) -> str:
    """Notes that a reader of the figures needs."""
    retrained = "retrained" in report["metrics"]
    repeated = report.get("read", {}).get("repeated", 0)
    notes = [
        "All figures are in [0, 1]. They are means over questions; BLEU is computed from all answers together.",
        f"Training has {repeated or 'none'} of these questions with the same picture.",
    ]
    notes += ["The ideal is the retrained models' mean."] if retrained else []
    if "unlearned" in report["metrics"] and not retrained:
        notes.append("No retrained model was given (--model.retrained): nothing says what is normal.")
    if "filtered" in report["metrics"]:
        notes.append("The name filter refuses to speak of the people and removes nothing.")
    return " ".join(notes)
