"""Figures of caption benchmarks under every model: which caption is chosen, and how far the captions' embeddings moved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from oro_unlearn.metrics import wins

if TYPE_CHECKING:
    from oro_unlearn.methods.relations.dual_encoder import DualEncoder

BATCH = 64  # pictures
CHANCE = {"accuracy": 0.5, "auc": 0.5, "text": 0.25, "image": 0.25, "group": 1 / 6}


def measure_benchmarks(method: "DualEncoder", benchmarks: Sequence[Any]) -> list[dict[str, Any]]:
    """Measure every model on every benchmark.

    Args:
        method: The method, which encodes captions and pictures.
        benchmarks: ``caption_benchmarks`` of the data module.

    Returns:
        For each benchmark: ``name``, number of ``items``, of those ``skipped`` because their picture is missing, ``chance`` by
        figure, and ``figures`` by model. Figures are ``accuracy`` (macro over kinds) and ``accuracy/KIND`` of items with
        foils; ``auc`` of right against wrong captions without foils; ``text``, ``image`` and ``group`` of Winoground, its
        section 3; ``drift``, mean 1 - cosine of captions between the original and the model, and ``margin``, mean 1 - cosine of
        a caption and its foil.
    """
    found = []
    for benchmark in benchmarks:
        roles = method.models()
        texts = {role: method.text_features(role, benchmark.texts).cpu().float() for role in roles}
        images = {role: torch.empty(0, texts[role].shape[1]) for role in roles}
        if benchmark.shown:
            images = _encoded(method, benchmark)
        figures = {role: _figures(benchmark, texts[role], images[role], texts[roles[0]]) for role in roles}
        names = {name for of_role in figures.values() for name in of_role}
        found.append(
            {
                "name": benchmark.name,
                "items": len(benchmark.items),
                "skipped": len(benchmark.items) - len(benchmark.shown),
                "chance": {name: value for name, value in CHANCE.items() if name in names},
                "figures": figures,
            }
        )
    return found


def _encoded(method: "DualEncoder", benchmark: Any) -> dict[str, Tensor]:
    """Unit vectors of the pictures of ``benchmark.shown`` under every model, (N, D). Every process encodes all of them."""
    parts: dict[str, list[Tensor]] = {role: [] for role in method.models()}
    for start in range(0, len(benchmark.shown), BATCH):
        numbers = benchmark.shown[start : start + BATCH]
        pictures = torch.stack([benchmark.image(number, method.network.image_size) for number in numbers]).to(method.device)
        for role, vectors in method.picture_features(pictures).items():
            parts[role].append(vectors.cpu().float())
    return {role: torch.cat(vectors) for role, vectors in parts.items()}


def _figures(benchmark: Any, texts: Tensor, images: Tensor, base: Tensor) -> dict[str, float]:
    """Figures of one model; ``base`` are the texts under the original."""
    places = {text: number for number, text in enumerate(benchmark.texts)}
    figures = {} if base is texts else {"drift": float((1 - (texts * base).sum(1)).mean())}
    foiled = [item for item in benchmark.items if item.foil]
    if foiled:
        pairs = torch.tensor([(places[item.caption], places[item.foil]) for item in foiled])
        figures["margin"] = float((1 - (texts[pairs[:, 0]] * texts[pairs[:, 1]]).sum(1)).mean())
    if not len(images):
        return figures
    items = [benchmark.items[number] for number in benchmark.shown]
    own = (images * texts[[places[item.caption] for item in items]]).sum(1)
    if len(foiled) < len(benchmark.items):
        return figures | _auc(own, torch.tensor([item.right for item in items]))
    other = (images * texts[[places[item.foil] for item in items]]).sum(1)
    if items[0].partner >= 0:
        return figures | _winoground(benchmark, own, other)
    return figures | _accuracies([item.kind for item in items], wins(own, other[:, None])[:, 0])


def _auc(scores: Tensor, right: Tensor) -> dict[str, float]:
    """Probability that a right caption scores above a wrong one; ties count half."""
    if right.all() or not right.any():
        return {}
    return {"auc": float(wins(scores[right], scores[~right].expand(int(right.sum()), -1)).mean())}


def _accuracies(kinds: list[str], won: Tensor) -> dict[str, float]:
    """Share of items whose caption beats its foil, by kind, and their mean."""
    by_kind: dict[str, list[float]] = {}
    for kind, value in zip(kinds, won.tolist(), strict=True):
        by_kind.setdefault(kind, []).append(value)
    means = {kind: sum(values) / len(values) for kind, values in sorted(by_kind.items())}
    return {"accuracy": sum(means.values()) / len(means), **{f"accuracy/{kind}": value for kind, value in means.items()}}


def _winoground(benchmark: Any, own: Tensor, other: Tensor) -> dict[str, float]:
    """Text, image and group score, over examples whose two pictures are both there."""
    rows = {number: row for row, number in enumerate(benchmark.shown)}
    both = [
        (row, rows[each]) for number, row in rows.items() if (each := benchmark.items[number].partner) in rows and each > number
    ]
    if not both:
        return {}
    first, second = torch.tensor(both).T
    text = (own[first] > other[first]) & (own[second] > other[second])
    image = (own[first] > other[second]) & (own[second] > other[first])
    return {name: float(won.float().mean()) for name, won in (("text", text), ("image", image), ("group", text & image))}
