"""What an audit says to a person: every figure beside the retrained models', and five lines in words."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from oro_unlearn.audit.figures import Figures, Model
from oro_unlearn.metrics import Reading, above_chance, reading

PAIRWISE = ("utv_test", "utv_train", "utv_test_conditional", "utv_train_conditional", "cka_retrained")
LABELS = {  # in the order of the table; True: a share, shown in percent
    "acc_f": ("accuracy on forgotten, test", True),
    "acc_earlier": ("accuracy on forgotten earlier, test", True),
    "acc_r": ("accuracy on others, test", True),
    "absent": ("predicted: a class without pictures", True),
    "train_acc_f": ("accuracy on forgotten, training", True),
    "train_acc_r": ("accuracy on others, training", True),
    "mia": ("MIA: called non-members", True),
    "mia_own_accuracy": ("  the attack's own accuracy", True),
    "nn_member_rate": ("MIA-NN: called members", True),
    "nn_own_accuracy": ("  the attack's own accuracy", True),
    "utv_test": ("total variation, test", False),
    "utv_train": ("total variation, training", False),
    "rmia_forget": ("RMIA on forgotten, AUC", False),
    "probe_5_shot": ("probe, 5 images: recall", True),
    "probe_full": ("probe, all images: recall", True),
    "relearn_10": ("relearning, 10 steps", True),
    "relearn_20": ("relearning, 20 steps", True),
    "relearn_50": ("relearning, 50 steps", True),
    "silhouette": ("silhouette of forgotten", False),
    "cka_original": ("CKA to original", False),
    "cka_retrained": ("CKA to retrained", False),
}
OUTPUTS = ("acc_f", "acc_r", "mia", "nn_member_rate", "utv_test", "utv_train", "rmia_forget")
FEATURES = ("probe_5_shot", "silhouette", "cka_original", "cka_retrained")
ATTACKS = ("relearn_10", "relearn_20", "relearn_50")
NOT_JUDGED = ("absent", "mia_own_accuracy", "nn_own_accuracy")  # they say how far to trust other figures


class Asked(NamedTuple):
    """What was to be forgotten, and on what it is measured."""

    names: str
    training: int  # images of it
    test: int
    recognised: int  # of the test images, by the edited model
    classes: int  # number of classes K


class Finding(NamedTuple):
    """One figure of all models."""

    key: str
    edited: float
    original: float | None
    reading: Reading | None  # beside the retrained models; None without any


def findings(
    edited: Figures, original: Figures | None, retrained: Sequence[Figures], samples: Mapping[str, int] = MappingProxyType({})
) -> list[Finding]:
    """Every figure that can be shown, in the order of the table.

    Args:
        edited: Of the edited model.
        original: Of the original, if it was given.
        retrained: Of each retrained model.
        samples: Of how many images a figure is the share: chance among so few is then part of its range.
    """
    found = []
    for key in (key for key in LABELS if key in edited):
        values = [figures[key] for figures in retrained if key in figures]
        judged = [value for value in values if not math.isnan(value)] if key not in NOT_JUDGED else []
        beside = reading(edited[key], judged, key in PAIRWISE, samples.get(key)) if judged else None
        before = original.get(key) if original else None
        if not all(value is None or math.isnan(value) for value in (edited[key], before)):
            found.append(Finding(key, edited[key], before, beside))
    return found


def rows(found: Sequence[Finding]) -> list[list[str]]:
    """Header and rows of the table: figure, before, after, mean of the retrained models, whether it is in their range.

    Without retrained models the last two are left out.
    """
    most = max((finding.reading.retrained for finding in found if finding.reading), default=0)
    table = [["figure", "before", "after", *(["retrained", "in range"] if most else [])]]
    for finding in found:
        label, percent = LABELS[finding.key]
        ideal = _number(finding.reading.ideal if finding.reading else None, percent)
        fewer = finding.reading is not None and finding.reading.retrained < most
        ideal += f" (of {finding.reading.retrained})" if fewer and finding.reading else ""
        beside = [ideal, _verdict(finding)] if most else []
        table.append([label, _number(finding.original, percent), _number(finding.edited, percent), *beside])
    return table


def _verdict(finding: Finding) -> str:
    """Whether the figure is inside the retrained models' range; a dash where it is not judged."""
    if finding.reading is None:
        return "–"
    same = finding.reading.floor == 0 and finding.edited == finding.reading.ideal  # all agree: there is no range
    return "same" if same else {"inside": "yes", "outside": "no"}.get(finding.reading.verdict, "–")


def words(asked: Asked, found: Sequence[Finding], retrained: int, unmeasured: str = "") -> list[str]:
    """Five lines: what was asked, what outputs show, what features show, what an attacker finds, what was not judged.

    Args:
        asked: What was to be forgotten.
        found: Of :func:`findings`.
        retrained: Number of retrained models.
        unmeasured: Why features were not measured; empty if they were.
    """
    hits, total = asked.recognised, asked.test
    chance = "more than" if above_chance(hits, total, 1 / asked.classes) else "no more than"
    recognised = f"{hits} of {total} test images are still recognised, {chance} chance explains"
    outputs = [recognised if total else "no test image of it can be shown", _told(found, "acc_r", "accuracy on others is")]
    features = [_told(found, "probe_5_shot", "a linear probe of 5 images a class recalls")]
    attacker = [_told(found, ATTACKS[0], "balanced accuracy after 10 steps of relearning is")]
    return [
        f"Asked: forget {asked.names}; {asked.training} training and {total} test images were used.",
        _line("Outputs", outputs, _judged(found, OUTPUTS)),
        f"Features: not measured: {unmeasured}." if unmeasured else _line("Features", features, _judged(found, FEATURES)),
        f"Attacker: not measured: {unmeasured}." if unmeasured else _line("Attacker", attacker, _judged(found, ATTACKS)),
        f"Not judged: {_gaps(retrained, not unmeasured)}",
    ]


def _line(name: str, parts: Sequence[str], judged: str) -> str:
    return f"{name}: {'; '.join(part for part in [*parts, judged] if part)}."


def _told(found: Sequence[Finding], key: str, what: str) -> str:
    """A figure with those before the edit and of retrained models; empty if it was not measured."""
    finding = next((one for one in found if one.key == key and not math.isnan(one.edited)), None)
    if finding is None:
        return ""
    percent = LABELS[key][1]
    beside = [f"{_number(finding.original, percent)} before"] if finding.original is not None else []
    beside += [f"{_number(finding.reading.ideal, percent)} retrained"] if finding.reading else []
    return f"{what} {_number(finding.edited, percent)}" + (f" ({', '.join(beside)})" if beside else "")


def _judged(found: Sequence[Finding], keys: Sequence[str]) -> str:
    """How many of some figures are inside the retrained models' range, and which are not; empty if none is judged."""
    readings = {finding.key: finding.reading for finding in found if finding.key in keys and finding.reading is not None}
    judged = {key: beside for key, beside in readings.items() if beside.verdict != "not judged"}
    outside = [LABELS[key][0] for key, beside in judged.items() if not beside.inside]
    inside = f"{len(judged) - len(outside)} of {len(judged)} figures are inside the range of retrained models" if judged else ""
    return f"{inside}; outside: {', '.join(outside)}" if outside else inside


def _gaps(retrained: int, features: bool) -> str:
    """What this audit cannot say."""
    missing = [] if retrained >= 3 else [f"what is normal, for which three retrained models are needed and {retrained} given"]
    missing += [] if features else ["whether features and weights still hold the classes, for which weights are needed"]
    return "; ".join([*missing, "attacks that are not in the table"]) + "."


def _number(value: float | None, percent: bool) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.1f}%" if percent else f"{value:.3f}"


def from_json(content: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """What :func:`as_json` has written, with NaN for None."""

    def value(number: float | None) -> float:
        return math.nan if number is None else number

    found = []
    for key, figures in content.items():
        beside = figures["retrained"]
        parts: dict[str, Any] = {name: value(part) if part is None else part for name, part in (beside or {}).items()}
        known = Reading(**parts) if beside else None
        found.append(Finding(key, value(figures["edited"]), figures["original"], known))
    return found


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
