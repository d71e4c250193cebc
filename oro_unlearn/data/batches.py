"""Which samples are in which training batch: a function of seed, epoch and split, and of nothing else."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Sampler

from oro_unlearn.user_error import UserError

Share = tuple[int, int]  # this process's number, and how many share each batch
ALONE: Share = (0, 1)


class EpochBatches(Sampler[list[int]]):
    """Batches of an epoch in random order, the same for any number of processes, and again after a stop.

    Every process takes every W-th sample of each batch. Where the last batch of a pass is no multiple of W, fewer than W
    samples of it are left out, others in every epoch.

    Args:
        size: Number of samples N.
        batch_size: Samples of a batch over all processes.
        split: Number of the split in the training batch: each has an order of its own.
        trainer: Whose epoch it is; its module's ``epoch_seed`` says the order.
        share: Of this process.
        whole: Leave out a last batch that is smaller than the others.

    Attributes:
        length: Batches in an epoch; a pass over the set at first. In a longer one it is passed over again in another order.

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
        least = batch_size if whole else self.world  # samples that make a last batch
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
    """Make an epoch one pass of the longest set, or of the shortest, for all.

    Args:
        batches: Of each split.
        loader_mode: ``max_size_cycle`` or ``min_size``.
    """
    choose = min if loader_mode == "min_size" else max
    length = choose((sampler.in_a_pass for sampler in batches.values()), default=0)
    for sampler in batches.values():
        sampler.length = length


def from_batches(batches: EpochBatches) -> dict[str, Any]:
    """Options of a DataLoader that reads these batches, and draws no random number that training would draw."""
    return {"batch_sampler": batches, "generator": torch.Generator().manual_seed(0)}
