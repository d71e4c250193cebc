"""Pictures with captions, read batch by batch and kept in memory once they are read."""

from collections.abc import Callable, Sequence
from multiprocessing.pool import ThreadPool
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

PairSample = tuple[Tensor, list[str], Any, Tensor, Tensor]  # images, captions, attacks (B strings), slots (B, 3), index (B,)


class PairImages(Dataset[Any]):
    """Image-caption pairs.

    Args:
        load: Gives picture number n as (3, H, W) uint8.
        captions: One caption for each of the N pictures.
        attacks: One caption for each picture, with the same meaning in other words.
        slots: (N, 3) int64: subject, relation and object by position, -1 for none.
        keep: Keep pictures in memory once read.
        workers: Threads that load the pictures of a batch in parallel; 0 or 1 for none.
    """

    def __init__(
        self,
        load: Callable[[int], Tensor],
        captions: Sequence[str],
        attacks: Sequence[str],
        slots: Tensor,
        keep: bool = True,
        workers: int = 0,
    ) -> None:
        self.workers = workers
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
        """The same pairs, with images (B, 0) in a batch: no image is read. For methods that know the images' features."""
        return PairImages(lambda _: torch.empty(0, dtype=torch.uint8), self.captions, self.attacks, self.slots, keep=False)

    def _images(self, positions: Sequence[int]) -> list[Tensor]:
        """Pictures of a batch. Threads help, because decoding releases the interpreter lock."""
        new = {position for position in positions if self._kept is None or position not in self._kept}
        if min(self.workers, len(new)) < 2:
            return [self.image(position) for position in positions]
        with ThreadPool(min(self.workers, len(new))) as pool:
            return pool.map(self.image, positions)

    def __getitem__(self, position: int) -> PairSample:
        return self.__getitems__([position])

    def __getitems__(self, positions: Sequence[int]) -> PairSample:
        """One batch."""
        index = torch.as_tensor(positions)
        images = torch.stack(self._images([int(position) for position in positions]))
        captions = [self.captions[position] for position in positions]
        attacks = [self.attacks[position] for position in positions]
        return images, captions, attacks, self.slots[index], index
