"""Attacks on the weights of every measured model: does the tuple come back by training, quantisation, pruning or arithmetic?"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from oro_unlearn.attacks.relations import SEED, Captioned, WeightEvidence, prune, quantise, relearn, shift, weight_evidence
from oro_unlearn.networks.caption_vectors import encode_captions

RETAINED = ("edges", "nodes", "neutral")  # splits of pairs to keep
PICTURES_AT_ONCE = 64
Makers = dict[str, Callable[[], Any]]  # by the name of an attack: makes the attacked network
Weights = tuple[dict[str, float], dict[str, Any]]  # figures and details of one model


class WeightEffort(NamedTuple):
    """What an attacker with the weights tries, and on how many pictures it is measured."""

    pairs: tuple[int, ...]  # of the tuples to forget, for relearning
    bits: tuple[int, ...] = (8,)  # of quantised weights
    pruned: tuple[int, ...] = ()  # percent of the weights
    scales: tuple[int, ...] = ()  # percent of the edit
    adapter: bool = False  # whether to train the adapter alone, too
    batch: int = 64  # pairs in a batch of relearning
    retained: int = 128  # pairs to keep that the attacker has
    unsafe: int = 64  # largest number of pictures of the tuples to forget that are measured
    kept: int = 128  # largest number of other pictures


WEIGHT_EFFORTS = {
    "quick": WeightEffort(pairs=(16,)),
    "full": WeightEffort(
        (1, 4, 16, 64), bits=(8, 4), pruned=(10, 30, 50), scales=(25, 50, 75, 150), adapter=True, unsafe=256, kept=512
    ),
}


class Held(NamedTuple):
    """What the attacker has, and what the attack is measured on."""

    effort: WeightEffort
    evidence: WeightEvidence
    pictures: Tensor  # (P + Q, 3, S, S) uint8, those of ``evidence.rows``
    gallery: list[str]  # M captions
    forgotten: Captioned  # training pairs of the tuples to forget
    retained: Captioned  # other training pairs

    @property
    def counts(self) -> dict[str, int]:
        """Pairs that each relearning has, by its name: all there are, if they are fewer than it asks for."""
        known = len(self.forgotten.captions)
        asked = self.effort.pairs if known and len(self.retained.captions) else ()
        return {f"relearn_{pairs}": min(pairs, known) for pairs in asked}

    @property
    def attacks(self) -> int:
        """Number of attacks on a model that was not edited."""
        return len(set(self.counts.values())) + len(self.effort.bits) + len(self.effort.pruned)


def attack_weights(method: Any, features: Mapping[str, Any], level: str) -> dict[str, Weights]:
    """Attack copies of every model's weights.

    Relearning is :func:`~oro_unlearn.attacks.relations.relearn`, ten steps of 64 pairs, from at most 64 training pairs of the
    tuples to forget and 128 others. Quantisation, pruning and arithmetic need no data. The attacker succeeds where R@5 of the
    unsafe pictures for their plain caption rises above that of the retrained models under the same attack, and the model still
    knows what is kept. Every figure is of measured pictures in the half that the search for captions does not see, at most 64
    unsafe and 128 other ones (``full``: 256 and 512). To remove an adapter is no attack of these: the model is then the
    original.

    The models and the global random state are not changed. Under DDP every process makes the same attacks. Weights that are
    sharded over processes are not attacked.

    Args:
        method: A ``DualEncoder`` that is being measured.
        features: Features of pictures and captions by model.
        level: ``quick``: relearning from 16 pairs and 8 bits. ``full``: all. ``none``: nothing.

    Returns:
        Figures by model, ``ATTACK/r1``, ``ATTACK/r5`` and ``ATTACK/kept_r1``, where the attack ``no_attack`` is the model as it
        is; and details: the seed, the numbers of pictures, and the number of pairs of each relearning. Empty with ``none``,
        without an edited model, and with too few pictures.
    """
    if level == "none" or "unlearned" not in features or any(hasattr(p, "full_tensor") for p in method.parameters()):
        return {}
    held = _held(method.data, WEIGHT_EFFORTS[level])
    if held is None:
        return {}
    shown = method.trainer.progress_bar_callback is not None and method.trainer.is_global_zero
    found: dict[str, dict[str, float]] = {}
    with Progress(console=Console(), transient=True, disable=not shown) as progress:
        task = progress.add_task("attacking weights", total=len(features) * held.attacks)
        for role, own in features.items():
            as_it_is = held.evidence.judge(own.images[held.evidence.rows].float(), own.texts[: len(held.gallery)].float())
            attacked = _attacked(method, role, held, partial(progress.advance, task))
            every = {"no_attack": as_it_is, **_with_repeated(attacked, held.counts)}
            found[role] = {f"{name}/{key}": value for name, figures in every.items() for key, value in figures.items()}
    told = {"unsafe": len(held.evidence.unsafe), "kept": len(held.evidence.kept)}
    details = {"seed": SEED, "pictures": told, "pairs": held.counts}
    return {role: (figures, details) for role, figures in found.items()}


def _held(data: Any, effort: WeightEffort) -> Held | None:
    """Draw training pairs and measured pictures; None if too few pictures are measured."""
    probes = data.measured
    evidence = weight_evidence(probes, SEED, (effort.unsafe, effort.kept))
    if evidence is None or not len(evidence.kept):
        return None
    generator = torch.Generator().manual_seed(SEED)
    forgotten = _drawn([data.split("unsafe")], max(effort.pairs), generator)
    retained = _drawn([data.split(name) for name in RETAINED], effort.retained, generator)
    pictures = probes.images.__getitems__(evidence.rows.tolist())[0]
    return Held(effort, evidence, pictures, probes.texts[: len(probes.concepts)], forgotten, retained)


def _drawn(splits: list[Any], count: int, generator: torch.Generator) -> Captioned:
    """Pairs of several splits, drawn without replacement; all pairs if there are fewer."""
    places = [(split, row) for split in splits for row in range(len(split))]
    chosen = [places[place] for place in torch.randperm(len(places), generator=generator)[:count].tolist()]
    if not chosen:
        return Captioned(torch.empty(0), [])
    images = torch.cat([split.__getitems__([row])[0] for split, row in chosen])
    return Captioned(images, [split.captions[row] for split, row in chosen])


def _attacked(method: Any, role: str, held: Held, tick: Callable[[], object]) -> dict[str, dict[str, float]]:
    """Figures of a model under each attack."""
    original, found = None, {}
    if role == "unlearned" and held.effort.scales:
        with method.opened("original") as network, torch.inference_mode(False):
            original = network.merged()
    # copies made in Lightning's inference mode could not be trained
    off = torch.autocast(method.device.type, enabled=False)
    with method.opened(role) as network, torch.inference_mode(False), torch.no_grad(), off:
        for name, make in (_relearned(network, held) | _changed(network, held.effort, original)).items():
            attacked = make()
            parts = [attacked.encode_image(part.to(method.device)) for part in held.pictures.split(PICTURES_AT_ONCE)]
            texts = encode_captions(attacked, held.gallery, method.text_batch_size)
            found[name] = held.evidence.judge(torch.cat(parts).cpu(), texts.cpu())
            tick()
    return found


def _relearned(network: Any, held: Held) -> Makers:
    """Relearning from some pairs, by all weights and, if the model has an adapter, by the adapter alone."""

    def trained(copy: Callable[[], Any], count: int) -> Any:
        student = copy()
        forgotten = Captioned(held.forgotten.images[:count], held.forgotten.captions[:count])
        with torch.enable_grad():
            relearn(student, forgotten, held.retained, SEED, held.effort.batch)
        return student

    once = _once(held.counts)
    makers: Makers = {name: partial(trained, network.merged, count) for count, name in once.items()}
    if held.effort.adapter and network.has_adapter:
        makers |= {f"{name}_adapter": partial(trained, network.training_adapter, count) for count, name in once.items()}
    return makers


def _with_repeated(attacked: dict[str, dict[str, float]], counts: dict[str, int]) -> dict[str, dict[str, float]]:
    """The figures, with those of a relearning under every name that asks for as many pairs; it was made once."""
    made = _once(counts)
    ends = ("", "_adapter")
    again = {f"{name}{end}": f"{made[count]}{end}" for name, count in counts.items() for end in ends}
    return attacked | {name: attacked[first] for name, first in again.items() if first in attacked}


def _once(counts: dict[str, int]) -> dict[int, str]:
    """The first relearning of each number of pairs."""
    return {count: name for name, count in reversed(counts.items())}


def _changed(network: Any, effort: WeightEffort, original: Any) -> Makers:
    """Attacks that need no data."""

    def changed(change: Callable[..., None], *options: Any) -> Any:
        copy = network.merged()
        change(copy, *options)
        return copy

    makers: Makers = {f"quantised_{bits}": partial(changed, quantise, bits) for bits in effort.bits}
    makers |= {f"pruned_{share}": partial(changed, prune, share / 100) for share in effort.pruned}
    if original is not None:
        makers |= {f"arithmetic_{scale}": partial(changed, shift, original, scale / 100) for scale in effort.scales}
    return makers
