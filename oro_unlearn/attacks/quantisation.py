"""Weights in few bits: does a forgotten class come back when a model is made smaller?"""

from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

from oro_unlearn.user_error import UserError

Module = TypeVar("Module", bound=nn.Module)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)  # their output channels are dimension 1


def quantise(module: Module, bits: int) -> Module:
    """A copy whose weights are rounded to a few bits: symmetric, one scale for each output channel.

    Each channel w becomes s * round(w / s) with s = max |w| / (2^(bits - 1) - 1). This changes parameters with two or more
    dimensions. Biases and normalisation stay as they are, and so do channels with values that are not finite. An edit that
    moves weights by less than a rounding step is undone by this (Zhang et al., ICLR 2025, arXiv 2410.16454).

    Args:
        module: Any module. It is not changed.
        bits: Bits of a weight, 2 to 16.

    Returns:
        The copy, with weights of the same type as before.

    Raises:
        UserError: If ``bits`` is not in 2 to 16.

    Example:
        >>> layer = nn.Linear(2, 1, bias=False)
        >>> _ = layer.weight.data.copy_(torch.tensor([[0.7, -0.24]]))
        >>> [round(value, 3) for value in quantise(layer, 4).weight[0].tolist()]
        [0.7, -0.2]
    """
    if not 2 <= bits <= 16:
        raise UserError(f"bits must be in 2 to 16, not {bits}")
    with torch.inference_mode(False), torch.no_grad():
        copy = deepcopy(module)
        for part in copy.modules():
            channels = 1 if isinstance(part, TRANSPOSED) else 0
            for weight in part.parameters(recurse=False):
                if weight.ndim > 1:
                    weight.copy_(rounded(weight, bits, channels))
    return copy


def rounded(weight: Tensor, bits: int, channels: int = 0) -> Tensor:
    """A weight, rounded to a few bits as in :func:`quantise`.

    Args:
        weight: At least two dimensions.
        bits: Bits of a value, 2 or more.
        channels: The dimension of the output channels.
    """
    others = [dimension for dimension in range(weight.ndim) if dimension != channels]
    largest = weight.abs().amax(others, keepdim=True)
    scale = largest / (2 ** (bits - 1) - 1)
    usable = largest.isfinite() & (scale > 0)
    return torch.where(usable, (weight / scale.where(usable, torch.ones_like(scale))).round() * scale, weight)
