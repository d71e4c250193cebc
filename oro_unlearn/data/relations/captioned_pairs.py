"""Pictures to pretrain on, with captions of the user's or of the graph."""

import random
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from oro_unlearn.data.relations.pair_images import PairImages
from oro_unlearn.graph import Captions, Concept

BANKS: tuple[Literal["plain", "train", "eval"], ...] = ("plain", "train", "eval")


class CaptionedPairs(PairImages):
    """Pictures with their own captions; one without is said anew whenever it is read: plain or in words of either bank.

    A batch is ``(images, captions, said, slots, index)``: what the captions say and what the pictures show is here the same.

    Args:
        load: Gives picture number n as (3, H, W) uint8.
        captions: One for each picture, N in all.
        slots: (N, 3) int64: subject, relation and object by position, -1 for none.
        keep: Keep pictures in memory once read.
        concepts: What each picture shows.
        own: Whether a picture's caption is the user's.
        graph_captions: Says the others.
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
        """One batch. Wordings depend on its pictures and on the epoch's seed alone: all processes say the same."""
        images, captions, _, slots, index = super().__getitems__(positions)
        draw = random.Random(f"{torch.initial_seed()} {list(positions)}")
        said = [
            caption if self.own[position] else self.graph_captions.say(self.shown[position], draw.choice(BANKS), draw)
            for position, caption in zip(positions, captions, strict=True)
        ]
        return images, said, slots, slots, index
