"""Captions and pictures on which neuron paths are found, each with what its score is measured against."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from oro_unlearn.methods.relations.tuple_rows import Words, rows_by_tuple
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import RelationalData

KEPT = ("edges", "nodes", "neutral")


class PathSamples(NamedTuple):
    """Inputs of one tower; the score of an input is the product of its feature with its goal."""

    captions: list[str]  # N; empty for pictures
    images: Tensor  # (N, 3, H, W) uint8; empty for captions
    goals: Tensor  # (N, D) float32


class PathPairs:
    """Training pairs of the tuples to forget and of the concepts to keep, with their features under the original.

    The score of a caption is its cosine with its concept's pictures, that of a picture its cosine with its concept's plain
    captions. With ``margin``, the mean of the same cosines of the concept's foils is subtracted: the concepts that differ
    from it in one slot, or all others if there is none. Then a score says how well the pair is told from its neighbours.

    Args:
        data: The data. Only training pictures and captions are read.
        encode_images: Features (B, D) of pictures.
        encode_texts: Features (B, D) of captions.
        pictures: Most pictures of a concept.
        loss: ``margin`` or ``cosine``.
    """

    def __init__(
        self,
        data: "RelationalData",
        encode_images: Callable[[Tensor], Tensor],
        encode_texts: Callable[[list[str]], Tensor],
        pictures: int,
        loss: Literal["margin", "cosine"],
    ) -> None:
        self.loss = loss
        self.unsafe: list[Words] = []
        self.wordings: dict[Words, list[str]] = {}
        self.images: dict[Words, Tensor] = {}
        self.shown: dict[Words, Tensor] = {}  # mean feature (D,) of a concept's pictures
        self.said: dict[Words, Tensor] = {}  # mean feature (D,) of its plain captions
        for name in ("unsafe", *KEPT):
            pairs = data.split(name)
            found = {words: rows for words, rows in rows_by_tuple(pairs.slots).items() if words not in self.images}
            for words, rows in found.items():
                images = pairs.__getitems__(rows[:pictures])[0]
                plain = list(dict.fromkeys(pairs.captions[row] for row in rows))
                self.images[words] = images
                self.wordings[words] = list(dict.fromkeys([*plain, *(pairs.attacks[row] for row in rows)]))
                self.shown[words] = normalize(encode_images(images).mean(0), dim=0)
                self.said[words] = normalize(encode_texts(plain).mean(0), dim=0)
            if name == "unsafe":
                self.unsafe = list(self.images)
        if len(self.images) == len(self.unsafe):
            raise UserError("there is no concept to keep, so no neuron is spared: extend the graph, or list neighbours")

    @property
    def pictures_read(self) -> int:
        """Number of pictures that were encoded."""
        return sum(map(len, self.images.values()))

    def samples(self, tower: str, unsafe: bool, most: int) -> PathSamples:
        """Inputs of a tower, evenly from all concepts.

        Args:
            tower: ``text`` or ``image``.
            unsafe: Whether they are to be forgotten, or to be kept.
            most: Largest number.
        """
        concepts = self.unsafe if unsafe else [words for words in self.images if words not in self.unsafe]
        places = [(words, place) for words in concepts for place in range(len(self._inputs(tower, words)))]
        chosen = [places[number * len(places) // most] for number in range(most)] if len(places) > most else places
        goals = torch.stack([self._goal(tower, words) for words, _ in chosen])
        if tower == "text":
            return PathSamples([self.wordings[words][place] for words, place in chosen], torch.empty(0), goals)
        return PathSamples([], torch.stack([self.images[words][place] for words, place in chosen]), goals)

    def _inputs(self, tower: str, words: Words) -> list[str] | Tensor:
        return self.wordings[words] if tower == "text" else self.images[words]

    def _goal(self, tower: str, words: Words) -> Tensor:
        """The goal (D,) of a concept's inputs."""
        features = self.shown if tower == "text" else self.said
        if self.loss == "cosine":
            return features[words]
        others = [other for other in features if other != words]
        foils = [other for other in others if sum(a != b for a, b in zip(other, words, strict=True)) == 1] or others
        return features[words] - torch.stack([features[other] for other in foils]).mean(0)
