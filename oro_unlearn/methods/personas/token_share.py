"""Means over the tokens of all processes."""

import torch.distributed as dist
from torch import Tensor


def token_share(tokens: Tensor) -> Tensor:
    """What to multiply a mean over this process's tokens with, so that DDP's mean over processes is that over all tokens.

    Every process has as many questions, but these have more or fewer tokens.

    Args:
        tokens: Mask, bool, of the tokens that count in this process.

    Returns:
        A scalar float32: W n / N for n of the N tokens of W processes; 1 for one process.
    """
    own = tokens.sum().float()
    if not (dist.is_available() and dist.is_initialized()):
        return own.new_ones(())
    total = own.clone()
    dist.all_reduce(total)
    return own * dist.get_world_size() / total.clamp(min=1)
