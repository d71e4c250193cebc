"""Pictures with captions, read batch by batch and kept once read."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

PairSample = tuple[Tensor, list[str], list[str], Tensor, Tensor]  # images, captions, attacks, slots (B, 3), index (B,)


class PairImages(Dataset[Any]):
    """Image-caption pairs.

    Args:
        load: Gives picture number n as (3, H, W) uint8.
        captions: One for each picture, N in all.
        attacks: The same meaning in other words, one for each picture.
        slots: (N, 3) int64: subject, relation and object by position, -1 for none.
        keep: Keep pictures in memory once read.
    """

    def __init__(
        self,
        load: Callable[[int], Tensor],
        captions: Sequence[str],
        attacks: Sequence[str],
        slots: Tensor,
        keep: bool = True,
    ) -> None:
        self.load, self.captions, self.attacks, self.slots = load, list(captions), list(attacks), slots
        self._kept: dict[int, Tensor] | None = {} if keep else None

    def __len__(self) -> int:
        return len(self.captions)

    def image(self, position: int) -> Tensor:
        """One picture (3, H, W) uint8."""
        if self._kept is None:
            return self.load(position)
        if position not in self._kept:
            self._kept[position] = self.load(position)
        return self._kept[position]

    def without_images(self) -> "PairImages":
        """The same pairs with images (B, 0), of which none is read: for a method that knows their features."""
        return PairImages(lambda _: torch.empty(0, dtype=torch.uint8), self.captions, self.attacks, self.slots, keep=False)

    def __getitem__(self, position: int) -> PairSample:
        return self.__getitems__([position])

    def __getitems__(self, positions: Sequence[int]) -> PairSample:
        """One batch."""
        index = torch.as_tensor(positions)
        images = torch.stack([self.image(int(position)) for position in positions])
        captions = [self.captions[position] for position in positions]
        attacks = [self.attacks[position] for position in positions]
        return images, captions, attacks, self.slots[index], index
