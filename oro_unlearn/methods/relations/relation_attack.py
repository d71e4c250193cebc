"""The searching attacker's figures of every measured model, and how each caption that was found works on the other models."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import Progress

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
    if "unlearned" in found:
        captions = list(found["unlearned"][1]["captions"].values())
        recalls = {role: _recalls(method, role, own, captions) for role, own in features.items() if role != "unlearned"}
        for number, caption in enumerate(captions):
            caption["others"] = {role: values[number] for role, values in recalls.items()}
    return found


def _recalls(method: Any, role: str, own: Any, captions: Sequence[Mapping[str, Any]]) -> list[float]:
    """R@5 of captions under a model, on the pictures that no search saw."""
    probes, texts = method.data.measured, [str(caption["caption"]) for caption in captions]
    parts = halves(probes, SEED)
    assert parts is not None
    evidence = Evidence(own.images.float(), own.texts[: len(probes.concepts)].float(), probes, parts[1])
    vectors = [method.text_features(role, [text])[0].cpu().float() for text in texts]
    return [evidence.recall(parts[1].unsafe, vector, text) for vector, text in zip(vectors, texts, strict=True)]
