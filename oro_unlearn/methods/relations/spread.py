"""Encoding a batch by several processes, so that each has all features and the loss is that of one process."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

Encode = Callable[[list[int]], Tensor]  # features (N, D) of the items with these numbers


def spread(count: int, encode: Encode) -> Tensor:
    """Features (N, D) of all items, of which every process encodes every W-th, as often as the others.

    Every process must compute the same loss of them: gradients of the features it has encoded are then W times as large, and
    the mean over processes, which DDP takes, is the gradient of that loss.

    Args:
        count: Number of items N, the same in every process.
        encode: Gives the features of some of them; called once.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)
    if world == 1 or count == 0:
        return encode(list(range(count)))
    each = -(-count // world)
    own = [min(rank + world * turn, count - 1) for turn in range(each)]  # the last item again where there is none left
    gathered = _Gathered.apply(encode(own), rank, world)  # (W, E, D)
    return gathered.transpose(0, 1).flatten(0, 1)[:count]  # item n is the n // W-th of process n % W


class _Gathered(torch.autograd.Function):
    """All processes' rows; the gradient of one's own is known without asking, for all compute the same loss."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, rank: int, world: int) -> Tensor:
        ctx.rank, ctx.world = rank, world
        found = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(world)]
        dist.all_gather(found, rows.contiguous())
        return torch.stack(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0][ctx.rank] * ctx.world, None, None
