"""The searching attacker's figures of every measured model, and how each caption that was found works on the other models."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from oro_unlearn.attacks.relations import EFFORTS, SEED, Attacked, Evidence, attack, halves

Attack = tuple[dict[str, float], dict[str, Any]]  # figures and details of one model


def attack_models(method: Any, features: Mapping[str, Any], level: str) -> dict[str, Attack]:
    """Attack every model, as :func:`~oro_unlearn.attacks.relations.attack` does.

    Under DDP every process makes the same searches.

    Args:
        method: A ``DualEncoder`` that is being measured.
        features: Features of pictures and captions by model.
        level: ``quick`` or ``full``; with ``none`` nothing is done.

    Returns:
        Figures and details of each model; empty with ``none``, without an edited model, and with too few pictures. The captions
        found against the edited model have their R@5 under each other model, ``others``.
    """
    if level == "none" or "unlearned" not in features:
        return {}
    effort, probes, found = EFFORTS[level], method.data.measured, {}
    shown = method.trainer.progress_bar_callback is not None and method.trainer.is_global_zero
    with Progress(console=Console(), transient=True, disable=not shown) as progress:
        task = progress.add_task("searching captions", total=len(features) * effort.captions)
        for role, own in features.items():
            with method.opened(role) as network:
                model = Attacked(own.images.float(), own.texts.float(), partial(method.text_features, role), network)
                found[role] = attack(model, probes, effort, tick=partial(progress.advance, task))
    found = {role: one for role, one in found.items() if one[0]}
    for caption in found["unlearned"][1]["captions"].values() if "unlearned" in found else ():
        text = caption["caption"]
        caption["others"] = {
            role: _recall(own, method.text_features(role, [text])[0], text, probes)
            for role, own in features.items()
            if role != "unlearned"
        }
    return found


def _recall(own: Any, feature: Tensor, caption: str, probes: Any) -> float:
    """R@5 of a caption under a model, on the pictures that no search saw."""
    parts = halves(probes, SEED)
    assert parts is not None
    evidence = Evidence(own.images.float(), own.texts[: len(probes.concepts)].float(), probes, parts[1])
    return evidence.recall(parts[1].unsafe, feature.cpu().float(), caption)
