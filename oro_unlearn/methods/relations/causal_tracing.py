"""Causal tracing of a relation in CLIP: which component carries it, by activation patching (arXiv 2407.10488)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from oro_unlearn.methods.relations.trace_pairs import SPANS, Swap, TracePairs, partners, span_of_tokens
from oro_unlearn.networks.activation_patching import Change, Site, reading, replaced, sites_of
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import RelationalData

GROUPS = 8  # columns of an image tower: groups of channels, or of patches
CONTROLS = 8  # most swaps of tuples to keep
Direction = Literal["noising", "denoising"]


class Part(NamedTuple):
    """What is patched at once: some activations of a site, at some positions."""

    row: str
    column: str
    site: Site
    units: slice
    where: Tensor  # (N, P) bool
    source: Tensor  # (N, P) int64: the donor's position


class Runs(NamedTuple):
    """Inputs of N pairs, and how a patched run is judged."""

    encode: Callable[[Tensor], Tensor]  # features (N, D) of inputs
    own: Tensor  # N inputs
    foil: Tensor  # N inputs
    goals: Tensor  # (N, D): S is the cosine with it
    where: Tensor  # (N, P) int64: column of each position of ``own``; empty for images
    source: Tensor  # (N, P) int64: the position of ``foil`` that takes its place
    back: tuple[Tensor, Tensor]  # the same two, from ``foil`` to ``own``


@torch.no_grad()
def trace_relation(
    network: Any,
    data: "RelationalData",
    slot: str = "relation",
    direction: Direction = "noising",
    pictures: int = 8,
) -> dict[str, Any]:
    """Effect of each component on the score of the tuples to forget, and the part of it that is composition.

    S(x) is the cosine of a caption x with the mean feature of its tuple's training pictures, or of a picture x with its
    tuple's plain caption. With an unsafe input u, its one-slot foil f and a component c::

        effect(c) = sum (S(u) - S(u with f's activation at c)) / sum (S(u) - S(f))     noising
        effect(c) = sum (S(f with u's activation at c) - S(f)) / sum (S(u) - S(f))     denoising
        composition(c) = effect(c) on the tuples to forget - effect(c) on the controls

    Sums are over pairs. The controls swap the same slot in tuples to keep that have the same relation: a component that
    carries only the word has the same effect there, and its composition is 0. See :class:`TracePairs` for both kinds.

    In a text tower, a component is a head or an MLP at the tokens of one slot, aligned by :func:`partners`. If the captions
    have different lengths, the end token has another position, which no patch replaces. In a ViT, a component is a head or
    an MLP at the class token or a group of patches; in a ResNet, a group of channels, or a head of the attention pool. The
    n-th picture of a tuple is patched with the n-th picture of its foil.

    Args:
        network: The CLIP model (:class:`OpenCLIP`), in eval mode.
        data: The data. Only training pictures are read.
        slot: Slot in which the foils differ.
        direction: ``noising`` or ``denoising``.
        pictures: Most training pictures of each tuple.

    Returns:
        ``slot``, ``direction``, ``pairs``, ``controls`` (numbers) and, by tower, ``rows`` and ``columns`` (names) and
        matrices ``effect``, ``controls`` and ``composition``, None where there is no such component or nothing to divide by.
        A map has no rows if the tower is of another library or there are no pairs.
    """
    pairs = TracePairs(data, slot, CONTROLS)
    found: dict[str, Any] = {"slot": slot, "direction": direction}
    found |= {"pairs": len(pairs.targets), "controls": len(pairs.controls), "towers": {}}
    for tower, runs_of in (("text", _text_runs), ("image", _image_runs)):
        sites = _known_sites(network.model, tower)
        own, controls = (
            effects(network.model, sites, runs_of(network, pairs, swaps, pictures), direction) if swaps and sites else {}
            for swaps in (pairs.targets, pairs.controls)
        )
        found["towers"][tower] = _map(own, controls)
    return found


def _known_sites(model: Any, tower: str) -> list[Site]:
    """The sites of a tower; none if the tower is of another library."""
    try:
        return sites_of(model, tower)
    except UserError:
        return []


def _map(own: dict[tuple[str, str], float], controls: dict[tuple[str, str], float]) -> dict[str, Any]:
    """The map of one tower, from the effects on the tuples to forget and on the controls."""
    rows, columns = (list(dict.fromkeys(key[part] for key in own)) for part in (0, 1))

    def matrix(values: dict[tuple[str, str], float]) -> list[list[float | None]]:
        return [[values.get((row, column)) for column in columns] for row in rows]

    composition = {key: value - controls[key] for key, value in own.items() if key in controls}
    return {
        "rows": rows,
        "columns": columns,
        "effect": matrix(own),
        "controls": matrix(controls),
        "composition": matrix(composition),
    }


def effects(model: Any, sites: Sequence[Site], runs: Runs, direction: Direction = "noising") -> dict[tuple[str, str], float]:
    """The effect of each component, by row and column of the map.

    Args:
        model: An open_clip model with split attention.
        sites: The sites of one tower.
        runs: The pairs.
        direction: ``noising`` or ``denoising``.

    Returns:
        Effects as in :func:`trace_relation`; empty if the foils score as high as the inputs themselves.
    """
    scores = [(runs.encode(inputs) * runs.goals).sum(1) for inputs in (runs.own, runs.foil)]
    whole = float((scores[0] - scores[1]).sum())
    if abs(whole) < 1e-6:
        return {}
    receiver, donor, before = (runs.own, runs.foil, scores[0]) if direction == "noising" else (runs.foil, runs.own, scores[1])
    where, source = (runs.where, runs.source) if direction == "noising" else runs.back
    found = {}
    for site in sites:
        held: dict[Site, Tensor] = {}
        with replaced(model, reading(held, [site])):
            runs.encode(donor)
        for part in parts_of(site, held[site], where, source):
            with replaced(model, {site: patch(part, held[site])}):
                change = float((before - (runs.encode(receiver) * runs.goals).sum(1)).sum())
            found[part.row, part.column] = (change if direction == "noising" else -change) / whole
    return found


def patch(part: Part, donor: Tensor) -> Change:
    """The change that gives a part the donor's activations.

    Args:
        part: What is patched.
        donor: Activations (N, P, W) of the donor's run.
    """
    aligned = donor[torch.arange(len(donor))[:, None], part.source]

    def change(own: Tensor) -> Tensor:
        changed = own.clone()
        changed[..., part.units] = torch.where(part.where[..., None], aligned[..., part.units], own[..., part.units])
        return changed

    return change


def parts_of(site: Site, donor: Tensor, where: Tensor, source: Tensor) -> Iterator[Part]:
    """The parts of a site: heads or whole MLPs at the tokens of each slot, groups of patches, or groups of channels."""
    count, positions, width = donor.shape
    everywhere = torch.ones(count, positions, dtype=torch.bool, device=donor.device)
    same = torch.arange(positions, device=donor.device).expand(count, -1)
    if site.layout in ("channels", "first of rows"):
        size = site.group if site.group > 1 else -(-width // GROUPS)
        row = f"{site.block} {'heads' if site.kind == 'heads' else site.layer.rpartition('.')[2].replace('act', 'conv')}"
        for number, start in enumerate(range(0, width, size)):
            yield Part(row, str(number + 1), site, slice(start, start + size), everywhere, same)
        return
    heads = range(0, width, site.group) if site.kind == "heads" else [0]
    for number, start in enumerate(heads):
        row = f"{site.block} head {number + 1}" if site.kind == "heads" else f"{site.block} MLP"
        units = slice(start, start + site.group) if site.kind == "heads" else slice(None)
        if where.numel():
            for place, name in enumerate(SPANS):
                yield Part(row, name, site, units, (where == place).to(donor.device), source.to(donor.device))
            continue
        for name, first, last in _patches(positions):
            inside = everywhere.clone()
            inside[:, :first] = inside[:, last:] = False
            yield Part(row, name, site, units, inside, same)


def _patches(positions: int) -> Iterator[tuple[str, int, int]]:
    """The class token, and the patches in raster order in at most eight groups of equal size."""
    yield "class", 0, 1
    size = max(1, -(-(positions - 1) // GROUPS))
    for number, first in enumerate(range(1, positions, size)):
        yield f"patches {number + 1}", first, min(first + size, positions)


def _text_runs(network: Any, pairs: TracePairs, swaps: Sequence[Swap], pictures: int) -> Runs:
    """Captions of swaps, and the mean feature of the first tuple's pictures."""
    tokens = network.tokenize([pairs.caption(words) for swap in swaps for words in swap])
    spans = [[span_of_tokens(network, pairs.parts(words), tokens.shape[1]) for words in swap] for swap in swaps]
    goals = {swap.own: _mean_feature(network, pairs.pictures(swap.own, pictures)) for swap in swaps}
    own, foil = (torch.stack([span[side] for span in spans]) for side in (0, 1))
    there, back = (torch.stack([partners(span[side], span[1 - side]) for span in spans]) for side in (0, 1))
    each = torch.stack([goals[swap.own] for swap in swaps])
    return Runs(network.encode_text, tokens[::2], tokens[1::2], each, own, there, (foil, back))


def _mean_feature(network: Any, images: Tensor) -> Tensor:
    """The normalised mean (D,) of the features of images."""
    return normalize(network.encode_image(images.to(network.mean.device)).mean(0), dim=0)


def _image_runs(network: Any, pairs: TracePairs, swaps: Sequence[Swap], pictures: int) -> Runs:
    """Pictures of swaps, and the plain caption of the first tuple."""
    own, foil, captions = [], [], []
    for swap in swaps:
        images = [pairs.pictures(words, pictures) for words in swap]
        count = min(map(len, images))
        own.append(images[0][:count])
        foil.append(images[1][:count])
        captions += [pairs.caption(swap.own)] * count
    texts = list(dict.fromkeys(captions))
    features = dict(zip(texts, network.encode_text(network.tokenize(texts)), strict=True))
    goals, device, none = torch.stack([features[text] for text in captions]), network.mean.device, torch.empty(0)
    return Runs(network.encode_image, torch.cat(own).to(device), torch.cat(foil).to(device), goals, none, none, (none, none))
