"""The readable result of an audit: every figure beside that of the retrained models, and five lines of text."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from oro_unlearn.audit.figures import Figures, Model
from oro_unlearn.audit.red_team import RECALLS, RED_TEAM
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
    **RED_TEAM,
}
OUTPUTS = ("acc_f", "acc_r", "mia", "nn_member_rate", "utv_test", "utv_train", "rmia_forget")
FEATURES = ("probe_5_shot", "silhouette", "cka_original", "cka_retrained")
ATTACKS = ("relearn_10", "relearn_20", "relearn_50")
NOT_JUDGED = ("absent", "mia_own_accuracy", "nn_own_accuracy")  # these only show how far to trust other figures


class Asked(NamedTuple):
    """The request to forget, and the images on which it is measured."""

    names: str
    training: int  # number of forgotten training images
    test: int
    recognised: int  # number of these test images that the edited model still recognises
    classes: int  # number of classes K


class Finding(NamedTuple):
    """One figure, for all models."""

    key: str
    edited: float
    original: float | None
    reading: Reading | None  # comparison with the retrained models; None if there are none


def findings(
    edited: Figures, original: Figures | None, retrained: Sequence[Figures], samples: Mapping[str, int] = MappingProxyType({})
) -> list[Finding]:
    """Collect every figure that can be shown, in the order of the table.

    Args:
        edited: Figures of the edited model.
        original: Figures of the original, if it was given.
        retrained: Figures of each retrained model.
        samples: Number of images that a share is computed from, by figure. The range then includes the binomial error.
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

    Without retrained models the last two columns are left out.
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
    """Whether the figure is inside the retrained models' range; a dash if it is not judged."""
    if finding.reading is None:
        return "–"
    same = finding.reading.floor == 0 and finding.edited == finding.reading.ideal  # all models agree: there is no range
    return "same" if same else {"inside": "yes", "outside": "no"}.get(finding.reading.verdict, "–")


def words(asked: Asked, found: Sequence[Finding], retrained: int, unmeasured: str = "") -> list[str]:
    """Five lines of text: the request, the outputs, the features, the attacks, and what was not judged.

    Args:
        asked: The request to forget.
        found: Result of :func:`findings`.
        retrained: Number of retrained models.
        unmeasured: Why features were not measured; empty if they were.
    """
    hits, total = asked.recognised, asked.test
    chance = "more than" if above_chance(hits, total, 1 / asked.classes) else "no more than"
    recognised = f"{hits} of {total} test images are still recognised, {chance} chance explains"
    outputs = [recognised if total else "no test image of it can be shown", _told(found, "acc_r", "accuracy on others is")]
    features = [_told(found, "probe_5_shot", "a linear probe of 5 images a class recalls")]
    attacker = [_told(found, ATTACKS[0], "balanced accuracy after 10 steps of relearning is")]
    further = [text for text in (_judged(found, ATTACKS), strongest_words(found)) if text]
    return [
        f"Asked: forget {asked.names}; {asked.training} training and {total} test images were used.",
        _line("Outputs", outputs, _judged(found, OUTPUTS)),
        f"Features: not measured: {unmeasured}." if unmeasured else _line("Features", features, _judged(found, FEATURES)),
        f"Attacker: not measured: {unmeasured}." if unmeasured else _line("Attacker", attacker, "; ".join(further)),
        f"Not judged: {_gaps(retrained, not unmeasured)}",
    ]


def strongest(found: Sequence[Finding]) -> Finding | None:
    """The attack of the red team that brings back most, beside retrained models or, without them, as it is.

    Args:
        found: Result of :func:`findings`.

    Returns:
        The finding with the largest gap above the retrained models' mean; None if there was no such attack.
    """
    tried = [one for one in found if one.key in RECALLS and not math.isnan(one.edited)]
    return max(tried, key=lambda one: one.edited - (one.reading.ideal if one.reading else 0.0), default=None)


def strongest_words(found: Sequence[Finding]) -> str:
    """What the strongest attack of the red team brings back; empty if there was none."""
    best = strongest(found)
    return _told(found, best.key, f"the strongest of the further attacks ({LABELS[best.key][0].strip()}) has") if best else ""


def _line(name: str, parts: Sequence[str], judged: str) -> str:
    return f"{name}: {'; '.join(part for part in [*parts, judged] if part)}."


def _told(found: Sequence[Finding], key: str, what: str) -> str:
    """A figure, with its values before the edit and for retrained models; empty if it was not measured."""
    finding = next((one for one in found if one.key == key and not math.isnan(one.edited)), None)
    if finding is None:
        return ""
    percent = LABELS[key][1]
    beside = [f"{_number(finding.original, percent)} before"] if finding.original is not None else []
    beside += [f"{_number(finding.reading.ideal, percent)} retrained"] if finding.reading else []
    return f"{what} {_number(finding.edited, percent)}" + (f" ({', '.join(beside)})" if beside else "")


def _judged(found: Sequence[Finding], keys: Sequence[str]) -> str:
    """How many of these figures are inside the retrained models' range, and which are outside; empty if none is judged."""
    readings = {finding.key: finding.reading for finding in found if finding.key in keys and finding.reading is not None}
    judged = {key: beside for key, beside in readings.items() if beside.verdict != "not judged"}
    outside = [LABELS[key][0] for key, beside in judged.items() if not beside.inside]
    inside = f"{len(judged) - len(outside)} of {len(judged)} figures are inside the range of retrained models" if judged else ""
    return f"{inside}; outside: {', '.join(outside)}" if outside else inside


def _gaps(retrained: int, features: bool) -> str:
    """Questions that this audit cannot answer."""
    missing = [] if retrained >= 3 else [f"what is normal: that needs three retrained models, not {retrained}"]
    missing += [] if features else ["whether features and weights still hold the classes"]
    return "; ".join([*missing, "attacks that are not in the table"]) + "."


def _number(value: float | None, percent: bool) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.1f}%" if percent else f"{value:.3f}"


def from_json(content: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Read the output of :func:`as_json`. None becomes NaN."""

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
    """Say why a model cannot have the role that it was given; empty if it can.

    Args:
        figures: Figures of the model.
        model: Its scores.
        name: Name of its file.
        forgets: True if it must not know the forgotten classes, like a retrained model; false if it must, like an original.
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
