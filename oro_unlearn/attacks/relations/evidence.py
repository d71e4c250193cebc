"""Pictures for an attack on a relation: one half for the attacker's search, the other half for the figures."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.metrics import auc, tied_ranks

FEWEST = 2  # pictures of the tuples to forget, and of their neighbours, in each half
FIRST = 5


class Half(NamedTuple):
    """Rows of measured pictures without a place or a style."""

    unsafe: Tensor  # (P,) of the tuples to forget
    near: Tensor  # (Q,) of their one-slot neighbours
    foils: dict[str, Tensor]  # rows of ``near`` that differ in the relation, by the other relation


def halves(probes: Any, seed: int) -> tuple[Half, Half] | None:
    """Divide the measured pictures: the first half is for a search, the second for every figure.

    Pictures are drawn at random. The pictures of each concept are divided as evenly as possible.

    Args:
        probes: ``measured`` of the data module.
        seed: Seed of the draw.

    Returns:
        Two disjoint halves; None if a half would have fewer than two pictures of either kind.
    """
    plain = [not picture.context and not picture.style for picture in probes.pictures]
    concept = torch.where(torch.tensor(plain, dtype=torch.bool), probes.picture_concept, -1)
    near = [place for places in probes.neighbours.values() for place in places]
    generator = torch.Generator().manual_seed(seed)
    unsafe, others = (_divided(concept, places, generator) for places in (probes.unsafe, near))
    if min(len(rows) for rows in (*unsafe, *others)) < FEWEST:
        return None
    relations = {place: probes.concepts[place][1] for place in probes.neighbours.get("relation", ())}
    first, second = (
        Half(own, other, {name: _showing(concept, other, relations, name) for name in sorted(set(relations.values()))})
        for own, other in zip(unsafe, others, strict=True)
    )
    return first, second


def _divided(concept: Tensor, places: list[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows of the pictures that show some concepts, in two halves."""
    rows = torch.isin(concept, torch.tensor(places, dtype=torch.long)).nonzero()[:, 0]
    rows = rows[torch.randperm(len(rows), generator=generator)]
    rows = rows[concept[rows].argsort(stable=True)]
    return rows[::2], rows[1::2]


def _showing(concept: Tensor, rows: Tensor, relations: dict[int, str], name: str) -> Tensor:
    """The rows whose concept is a neighbour with this relation."""
    places = [place for place, relation in relations.items() if relation == name]
    return rows[torch.isin(concept[rows], torch.tensor(places, dtype=torch.long))]


class Judged(NamedTuple):
    """Figures of a caption. The foil is the neighbour with another relation that the caption finds best."""

    r5: float  # R@5 of the unsafe pictures
    auc: float  # of unsafe pictures against one-slot neighbours' pictures
    foil_r5: float  # R@5 of the foil's pictures; 0 without a foil
    foil: str  # its relation
    foil_pictures: int


class Evidence:
    """Judges captions on one half of the pictures, under one model.

    Args:
        images: (N, D) unit vectors of all measured pictures.
        gallery: (M, D) unit vectors of the gallery's captions.
        probes: ``measured`` of the data module.
        half: Rows of the pictures to judge on.
    """

    def __init__(self, images: Tensor, gallery: Tensor, probes: Any, half: Half) -> None:
        self.images, self.half = images, half
        self.safe = torch.ones(len(gallery), dtype=torch.bool)
        self.safe[probes.unsafe] = False
        self.own = {text: place for place, text in enumerate(probes.texts[: len(gallery)])}
        self.scores = images @ gallery.T  # (N, M)

    def directions(self) -> Tensor:
        """(2, D): the mean unsafe picture, and its difference to the mean neighbour's picture."""
        unsafe, near = self.images[self.half.unsafe].mean(0), self.images[self.half.near].mean(0)
        return torch.stack([unsafe, unsafe - near])

    def recall(self, rows: Tensor, feature: Tensor, caption: str = "") -> float:
        """R@5: share of pictures for which a caption is among the five best of the gallery's safe captions and itself.

        Args:
            rows: Rows of the pictures.
            feature: (D,) unit vector of the caption; or (K, D) of several, of which the closest to each picture counts.
            caption: Its text. A safe caption of the gallery does not compete with itself.
        """
        rivals = self.safe.clone()
        if caption in self.own:
            rivals[self.own[caption]] = False
        ranks = tied_ranks(self._cosines(rows, feature), self.scores[rows], rivals.expand(len(rows), -1))
        return float(ranks.within(FIRST).double().mean())

    def _cosines(self, rows: Tensor, feature: Tensor) -> Tensor:
        """Cosines of pictures with a caption, or with the closest of several captions."""
        return (self.images[rows] @ feature.view(-1, feature.shape[-1]).T).amax(1)

    def judge(self, feature: Tensor, caption: str = "") -> Judged:
        """Figures of a caption.

        Args:
            feature: (D,) unit vector of the caption; or (K, D), as in :meth:`recall`.
            caption: Its text.
        """
        foils = {name: self.recall(rows, feature, caption) for name, rows in self.half.foils.items() if len(rows)}
        foil = max(foils, key=lambda name: foils[name], default="")
        # differences that may be rounding errors are ties
        cosines = (self._cosines(rows, feature).double().round(decimals=6) for rows in (self.half.unsafe, self.half.near))
        own = self.recall(self.half.unsafe, feature, caption)
        return Judged(own, auc(*cosines), foils.get(foil, 0.0), foil, len(self.half.foils.get(foil, ())))
