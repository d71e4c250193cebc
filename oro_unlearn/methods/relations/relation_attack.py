"""The searching attacker's figures of every measured model, and how each caption that was found works on the other models."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from oro_unlearn.attacks.relations import (
    EFFORTS,
    PICTURE_ATTACKS,
    SEED,
    Attacked,
    Effort,
    Evidence,
    Pictures,
    attack,
    halves,
    load_pictures,
)

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
    pictures = _pictures(probes, effort)
    shown = method.trainer.progress_bar_callback is not None and method.trainer.is_global_zero
    with Progress(console=Console(), transient=True, disable=not shown) as progress:
        task = progress.add_task("searching captions", total=len(features) * effort.captions)
        shows = progress.add_task("altering pictures", total=len(features) * len(PICTURE_ATTACKS), visible=pictures is not None)
        for number, (role, own) in enumerate(features.items(), start=1):
            with method.opened(role) as network:
                encoders = (partial(method.text_features, role), network, _encoder(method, role), pictures)
                model = Attacked(own.images.float(), own.texts.float(), *encoders)
                ticks = (partial(progress.advance, task), partial(progress.advance, shows))
                found[role] = attack(model, probes, effort, SEED, *ticks)
            progress.update(shows, completed=number * len(PICTURE_ATTACKS))
    found = {role: one for role, one in found.items() if one[0]}
    if "unlearned" in found:
        captions = list(found["unlearned"][1]["captions"].values())
        recalls = {role: _recalls(method, role, own, captions) for role, own in features.items() if role != "unlearned"}
        for number, caption in enumerate(captions):
            caption["others"] = {role: values[number] for role, values in recalls.items()}
    return found


def _pictures(probes: Any, effort: Effort) -> Pictures | None:
    """The pictures to alter, read once for all models; None if none is altered."""
    parts = halves(probes, SEED) if effort.variants else None
    return None if parts is None else load_pictures(probes, parts, effort.pictures)


def _encoder(method: Any, role: str) -> Callable[[Tensor], Tensor]:
    """Encodes pictures (B, 3, S, S) uint8 by a model."""
    return lambda images: method.image_features(role, images.to(method.device))


def _recalls(method: Any, role: str, own: Any, captions: Sequence[Mapping[str, Any]]) -> list[float]:
    """R@5 of captions under a model, on the pictures that no search saw."""
    probes, texts = method.data.measured, [str(caption["caption"]) for caption in captions]
    parts = halves(probes, SEED)
    assert parts is not None
    evidence = Evidence(own.images.float(), own.texts[: len(probes.concepts)].float(), probes, parts[1])
    vectors = [method.text_features(role, [text])[0].cpu().float() for text in texts]
    return [evidence.recall(parts[1].unsafe, vector, text) for vector, text in zip(vectors, texts, strict=True)]
