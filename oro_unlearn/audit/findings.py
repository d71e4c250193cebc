"""What an audit says to a person: every figure beside the retrained models', and five lines in words."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from oro_unlearn.audit.figures import Figures, Model
from oro_unlearn.metrics import Reading, above_chance, reading

PAIRWISE = ("utv_test", "utv_train", "utv_test_conditional", "utv_train_conditional", "cka_retrained")
LABELS = {  # in the order of the table; True: a share, shown in percent
    "acc_f": ("accuracy on forgotten, test", True),
    "acc_r": ("accuracy on others, test", True),
    "train_acc_f": ("accuracy on forgotten, training", True),
    "train_acc_r": ("accuracy on others, training", True),
    "mia": ("MIA: called non-members", True),
    "nn_member_rate": ("MIA-NN: called members", True),
    "utv_test": ("total variation, test", False),
    "utv_train": ("total variation, training", False),
    "rmia_forget": ("RMIA on forgotten, AUC", False),
    "probe_5_shot": ("probe, 5 images: recall", True),
    "probe_full": ("probe, all images: recall", True),
    "relearn_10": ("relearning, 10 steps", True),
    "relearn_20": ("relearning, 20 steps", True),
    "silhouette": ("silhouette of forgotten", False),
    "cka_original": ("CKA to original", False),
    "cka_retrained": ("CKA to retrained", False),
}
OUTPUTS = ("acc_f", "acc_r", "mia", "nn_member_rate", "utv_test", "utv_train", "rmia_forget")
FEATURES = ("probe_5_shot", "silhouette", "cka_original", "cka_retrained")
ATTACKS = ("relearn_10", "relearn_20")


class Finding(NamedTuple):
    """One figure of all models."""

    key: str
    edited: float
    original: float | None
    reading: Reading | None  # beside the retrained models; None without any


def findings(edited: Figures, original: Figures | None, retrained: Sequence[Figures]) -> list[Finding]:
    """Every figure that can be shown, in the order of the table.

    Args:
        edited: Of the edited model.
        original: Of the original, if it was given.
        retrained: Of each retrained model.
    """
    found = []
    for key in (key for key in LABELS if key in edited):
        values = [figures[key] for figures in retrained if key in figures]
        beside = reading(edited[key], values, pairwise=key in PAIRWISE) if values else None
        found.append(Finding(key, edited[key], original.get(key) if original else None, beside))
    return found


def rows(found: Sequence[Finding]) -> list[list[str]]:
    """Header and rows of the table: figure, edited, original, mean of the retrained models, whether it is in their range."""
    table = [["figure", "edited", "original", "retrained", "in range"]]
    for finding in found:
        label, percent = LABELS[finding.key]
        ideal = _number(finding.reading.ideal if finding.reading else None, percent)
        table.append([label, _number(finding.edited, percent), _number(finding.original, percent), ideal, _verdict(finding)])
    return table


def _verdict(finding: Finding) -> str:
    """Whether the figure is inside the retrained models' range; a dash where it is not judged."""
    if finding.reading is None:
        return "–"
    same = finding.reading.floor == 0 and finding.edited == finding.reading.ideal  # all agree: there is no range
    return "same" if same else {"inside": "yes", "outside": "no"}.get(finding.reading.verdict, "–")


def words(request: str, edited: Model, found: Sequence[Finding], retrained: int, features: bool) -> list[str]:
    """Five lines: what was asked, what outputs show, what features show, what an attacker finds, what was not judged.

    Args:
        request: What was to be forgotten.
        edited: Scores of the edited model.
        found: Of :func:`findings`.
        retrained: Number of retrained models.
        features: Whether features were measured.
    """
    scores, classes = edited["test_forget"], edited["test_forget"].logits.shape[1]
    hits, total = int((scores.logits.argmax(1) == scores.labels).sum()), len(scores.labels)
    chance = "more than" if above_chance(hits, total, 1 / classes) else "no more than"
    lines = [
        f"Asked: forget {request}; {len(edited['forget'].labels)} training and {total} test images were used.",
        f"Outputs: {hits} of {total} test images are still recognised, {chance} chance explains. {_judged(found, OUTPUTS)}",
    ]
    lines.append(f"Features: {_judged(found, FEATURES)}" if features else "Features: not measured.")
    lines.append(f"Attacker with weights and images: {_judged(found, ATTACKS)}" if features else "Attacker: not measured.")
    return [*lines, f"Not judged: {_gaps(retrained, features)}"]


def _judged(found: Sequence[Finding], keys: Sequence[str]) -> str:
    """How many of some figures are inside the retrained models' range, and which are not."""
    own = [finding for finding in found if finding.key in keys and finding.reading is not None]
    judged = [finding for finding in own if finding.reading is not None and finding.reading.verdict != "not judged"]
    outside = [LABELS[finding.key][0] for finding in judged if finding.reading is not None and not finding.reading.inside]
    if not judged:
        return "No figure can be judged without three retrained models; read the table beside the original."
    inside = f"{len(judged) - len(outside)} of {len(judged)} figures are inside the range of retrained models"
    return f"{inside}; outside: {', '.join(outside)}." if outside else f"{inside}."


def _gaps(retrained: int, features: bool) -> str:
    """What this audit cannot say."""
    missing = [] if retrained >= 3 else [f"what is normal, for which three retrained models are needed and {retrained} given"]
    missing += [] if features else ["whether features and weights still hold the classes, for which weights are needed"]
    return "; ".join([*missing, "attacks that are not in the table"]) + "."


def _number(value: float | None, percent: bool) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.1f}%" if percent else f"{value:.3f}"


def as_json(found: Sequence[Finding]) -> dict[str, Any]:
    """Figures and readings by key."""
    return {
        finding.key: {
            "edited": finding.edited,
            "original": finding.original,
            "retrained": finding.reading._asdict() if finding.reading else None,
        }
        for finding in found
    }


def unknowing(figures: Figures, model: Model, name: str, forgets: bool) -> str:
    """Why a model cannot be what it was given as; empty if it can.

    Args:
        figures: Of the model.
        model: Its scores.
        name: Of its file.
        forgets: Whether it must not know the forgotten classes, as a retrained model, or must, as an original.
    """
    chance = 1 / model["test_retain"].logits.shape[1]
    knows = {
        split: above_chance(round(figures[key] * len(model[split].labels)), len(model[split].labels), chance)
        for split, key in (("test_retain", "acc_r"), ("test_forget", "acc_f"))
    }
    if not knows["test_retain"]:
        return f"{name} knows the other classes no better than chance ({figures['acc_r']:.0%})"
    if knows["test_forget"] and forgets:
        return f"{name} was given as retrained and recalls {figures['acc_f']:.0%} of the forgotten classes"
    if not knows["test_forget"] and not forgets:
        return (
            f"{name} was given as the original and knows the forgotten classes no better than chance ({figures['acc_f']:.0%})"
        )
    return ""
