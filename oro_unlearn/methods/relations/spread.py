"""Encoding one batch on several processes: each process gets all features and computes the loss of a single process."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

Encode = Callable[[list[int]], Tensor]  # features (N, D) of the items with these numbers


def spread(count: int, encode: Encode) -> Tensor:
    """Features (N, D) of all items. Each of W processes encodes every W-th item, and all encode equally many.

    Every process must compute the same loss from the features. The backward pass multiplies the gradients of the features
    that a process has encoded by W. DDP then averages over the processes, which gives the gradient of that loss.

    Args:
        count: Number of items N, the same in every process.
        encode: Returns the features of the items with given numbers; called once.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)
    if world == 1 or count == 0:
        return encode(list(range(count)))
    each = -(-count // world)
    numbers = [min(rank + world * turn, count - 1) for turn in range(each)]  # repeats the last item if none is left
    gathered = _Gathered.apply(encode(numbers), rank, world)  # (W, E, D)
    return gathered.transpose(0, 1).flatten(0, 1)[:count]  # item n is the n // W-th of process n % W


class _Gathered(torch.autograd.Function):
    """The rows of all processes. Backward needs no communication, because all processes compute the same loss."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, rank: int, world: int) -> Tensor:
        ctx.rank, ctx.world = rank, world
        gathered = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(world)]
        dist.all_gather(gathered, rows.contiguous())
        return torch.stack(gathered)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0][ctx.rank] * ctx.world, None, None
