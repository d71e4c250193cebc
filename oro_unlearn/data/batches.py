"""Assign samples to training batches. The assignment depends only on seed, epoch and split."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Sampler

from oro_unlearn.user_error import UserError

Share = tuple[int, int]  # rank of this process, and number of processes that share each batch
ALONE: Share = (0, 1)


class EpochBatches(Sampler[list[int]]):
    """Batches of an epoch in random order. The order is the same for any number of processes, and when a run is resumed.

    With W processes, each process takes every W-th sample of each batch. If the size of a pass's last batch is not a multiple
    of W, fewer than W of its samples are left out. Each epoch leaves out different samples.

    Args:
        size: Number of samples N.
        batch_size: Samples of a batch over all processes.
        split: Number of the split in the training batch. Each split has a different order.
        trainer: The trainer; ``epoch_seed`` of its module determines the order.
        share: Rank of this process, and number of processes W.
        whole: Leave out the last batch if it is smaller than the others.

    Attributes:
        length: Batches in an epoch; one pass over the set by default. A longer epoch makes further passes in other orders.

    Raises:
        UserError: If a batch cannot be shared evenly.
    """

    def __init__(self, size: int, batch_size: int, split: int, trainer: Any, share: Share = ALONE, whole: bool = False) -> None:
        self.rank, self.world = share
        if batch_size % self.world:
            raise UserError(
                f"--data.batch_size {batch_size} is over all processes: make it a multiple of their number, {self.world}"
            )
        self.size, self.batch_size, self.split, self.trainer = size, batch_size, split, trainer
        least = batch_size if whole else self.world  # smallest size of a last batch
        self.in_a_pass = size // batch_size + (size % batch_size >= least and size % batch_size > 0)
        self.length = self.in_a_pass

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[list[int]]:
        for number in range(self.length):
            turn, place = divmod(number, self.in_a_pass)
            if place == 0:
                seed = self.trainer.lightning_module.epoch_seed(self.split, turn)
                order = torch.randperm(self.size, generator=torch.Generator().manual_seed(seed)).split(self.batch_size)
            batch = order[place]
            yield batch[: len(batch) // self.world * self.world][self.rank :: self.world].tolist()


def same_length(batches: dict[str, EpochBatches], loader_mode: str) -> None:
    """Give all splits the same epoch length: one pass over the longest set, or over the shortest.

    Args:
        batches: Batches of each split, by name.
        loader_mode: ``max_size_cycle`` (longest) or ``min_size`` (shortest).
    """
    choose = min if loader_mode == "min_size" else max
    length = choose((sampler.in_a_pass for sampler in batches.values()), default=0)
    for sampler in batches.values():
        sampler.length = length


def from_batches(batches: EpochBatches) -> dict[str, Any]:
    """Options of a DataLoader that reads these batches. Its own generator keeps it from using training's random numbers."""
    return {"batch_sampler": batches, "generator": torch.Generator().manual_seed(0)}
