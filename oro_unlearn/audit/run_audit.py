"""The audit at the end of a run: figures over all images, and attacks on features and weights."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from oro_unlearn.attacks.classes import EFFORTS, Target, red_team_json
from oro_unlearn.audit.criteria import class_measures
from oro_unlearn.audit.figures import Figures, Model, alignments, feature_places
from oro_unlearn.audit.findings import Asked, as_json, findings, words
from oro_unlearn.audit.one_model import Tried, attacked_model, progress_of
from oro_unlearn.audit.saved import judged_json
from oro_unlearn.audit.scoring import LEVELS, SPLITS, Depth, audited_images
from oro_unlearn.audit.tallies import counts_in, shares_of, tallied
from oro_unlearn.audit.verdict import class_lines, verdict_json
from oro_unlearn.user_error import UserError

MEASURED = {  # by the audit's name of a figure: its name in the run's measurement
    "acc_f": "test/acc_f",
    "acc_earlier": "test/acc_earlier",
    "acc_r": "test/acc_r",
    "absent": "test/absent",
    "train_acc_f": "train/acc_f",
    "train_acc_r": "train/acc_r",
    "mia": "train/mia",
    "mia_own_accuracy": "train/mia_attack_balanced_accuracy",
    "nn_member_rate": "test/nn_member_rate",
    "nn_own_accuracy": "test/nn_attack_balanced_accuracy",
    "utv_test": "test/utv",
    "utv_train": "train/utv",
}


class Edit(NamedTuple):
    """The run to audit."""

    networks: Mapping[str, nn.Module]  # original, unlearned, retrained_0, retrained_1, ...
    metrics: Mapping[str, Figures]  # figures of each network, over all images
    forgotten: Sequence[int]  # indices of the forgotten classes; empty if single images are forgotten
    names: str  # names of the forgotten classes, or the number of images
    confusion: Mapping[str, Sequence[Sequence[int]]]  # confusion matrix of each network on all test images


def audit_run(edit: Edit, data: Any, level: str, device: torch.device, attacks: str = "none") -> dict[str, Any]:
    """Audit a run.

    Args:
        edit: The run.
        data: Its data module.
        level: ``outputs``, ``features`` or ``all``.
        device: The device on which networks run.
        attacks: How much the red team tries: ``none``, ``quick`` or ``full``.

    Returns:
        ``level``, ``words`` (five lines), ``figures``, ``verdict``, ``measures`` and ``parts``, for a report; and ``red_team``,
        what it tried, if it tried anything.
    """
    figures = {role: _measured(found) for role, found in edit.metrics.items()}
    unmeasured = "" if LEVELS[level] else "run with --audit.level features"
    if not edit.forgotten:
        unmeasured = "probes and relearning need whole classes"
    depth = LEVELS[level]
    if depth and not unmeasured:
        unmeasured = _add_features(figures, edit, data, depth, device, attacks)
    retrained = [found for role, found in figures.items() if role.startswith("retrained")]
    training, test = len(data.split("forget")), len(data.split("test_forget"))
    samples = shares_of({name: len(data.split(name)) for name in SPLITS})
    found = findings(figures["unlearned"], figures["original"], retrained, samples)
    recognised = round(edit.metrics["unlearned"]["test/acc_f"] * test) if test and edit.forgotten else 0
    asked = Asked(edit.names, training, test if edit.forgotten else 0, recognised, data.num_classes)
    lines = words(asked, found, len(retrained), unmeasured)
    counts = {role: counts_in(matrix) for role, matrix in edit.confusion.items()}
    tallies = tallied(counts, data.class_names, edit.forgotten, data.forget_classes)
    judged = class_lines(found, tallies, data.num_classes, level, len(retrained), unmeasured)
    measured = "outputs" if unmeasured else level
    held = judged_json(class_measures(found, samples), judged)
    tried = {} if unmeasured or attacks not in EFFORTS else {"red_team": red_team_json(attacks, "original")}
    verdict = verdict_json(judged, level)
    return {"level": measured, "words": lines, "figures": as_json(found), "verdict": verdict, **held, **tried}


def _measured(figures: Mapping[str, float]) -> Figures:
    return {name: figures[key] for name, key in MEASURED.items() if figures.get(key) is not None}


def _add_features(
    figures: Mapping[str, Figures], edit: Edit, data: Any, depth: Depth, device: torch.device, attacks: str
) -> str:
    """Score and attack every model. Return the reason if that is impossible, and an empty text otherwise."""
    if not all(len(data.split(name)) for name in SPLITS):
        return "a split has no images"
    try:
        images, models, tried = audited_images(data), dict[str, Model](), Tried(depth, attacks)
        with progress_of(edit.networks, tried) as began:
            for role, network in edit.networks.items():
                home = next(network.parameters()).device
                target = Target(network.to(device), data.num_classes, edit.forgotten, data.class_names)
                judge = edit.networks["original"] if role != "original" else None  # no model judges itself
                models[role], found = attacked_model(target, images, tried, judge, began(role))
                figures[role].update(found)
                network.to(home)
    except UserError as error:
        return str(error)
    except torch.OutOfMemoryError:
        return "the memory of the device does not suffice"
    retrained = {role: model for role, model in models.items() if role.startswith("retrained")}
    for role, found in feature_places(models, list(retrained), edit.forgotten).items() if attacks in EFFORTS else ():
        figures[role].update(found)
    for role, model in models.items():
        others = [other for name, other in retrained.items() if name != role]
        figures[role].update(alignments(model, others, {0: models["original"]}))
    return ""
