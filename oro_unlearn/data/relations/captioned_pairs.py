"""Pictures for pretraining, with captions of the user or of the graph."""

import random
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from oro_unlearn.data.relations.pair_images import PairImages
from oro_unlearn.graph import Captions, Concept

BANKS: tuple[Literal["plain", "train", "eval"], ...] = ("plain", "train", "eval")


class CaptionedPairs(PairImages):
    """Pictures with the user's captions, or with captions of the graph if the user gives none.

    A picture without a user's caption gets a new random caption at each read: plain, or in words of the train or eval bank.

    A batch is ``(images, captions, said, slots, index)``. ``said`` holds the slots that the captions state, ``slots`` those
    that the pictures show. Here both are the same.

    Args:
        load: Gives picture number n as (3, H, W) uint8.
        captions: One caption for each of the N pictures.
        slots: (N, 3) int64: subject, relation and object by position, -1 for none.
        keep: Keep pictures in memory once read.
        concepts: The concept that each picture shows.
        own: Whether each picture's caption is the user's.
        graph_captions: Makes the other captions.
        workers: As in :class:`PairImages`.
    """

    def __init__(
        self,
        load: Callable[[int], Tensor],
        captions: Sequence[str],
        slots: Tensor,
        keep: bool,
        concepts: Sequence[Concept],
        own: Sequence[bool],
        graph_captions: Captions,
        workers: int = 0,
    ) -> None:
        super().__init__(load, captions, captions, slots, keep, workers)
        self.shown, self.own, self.graph_captions = list(concepts), own, graph_captions

    def __getitems__(self, positions: Sequence[int]) -> tuple[Tensor, list[str], Tensor, Tensor, Tensor]:
        """One batch. Captions depend only on its pictures and the epoch's seed, so they are the same in all processes."""
        images, captions, _, slots, index = super().__getitems__(positions)
        draw = random.Random(f"{torch.initial_seed()} {list(positions)}")
        worded = [
            caption if self.own[position] else self.graph_captions.say(self.shown[position], draw.choice(BANKS), draw)
            for position, caption in zip(positions, captions, strict=True)
        ]
        return images, worded, slots, slots, index
