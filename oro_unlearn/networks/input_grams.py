"""What enters each linear map of a network, as Gram matrices, and weights restricted to it ("Deep Unlearning")."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, unfold


class InputGrams:
    """Sums X X^T of what enters every linear and 2-d convolution layer: ``with InputGrams(network) as grams: network(images)``.

    X holds one column for each position a layer looks at: a row of a linear layer's input, a patch (C / groups x kernel)
    of a convolution's, with its padding, stride and dilation. Each group of a convolution has a matrix of its own.
    Batches add up, so no X is kept. Layers that a forward pass does not call have no matrix.

    Args:
        network: Any network.
    """

    def __init__(self, network: nn.Module) -> None:
        self.layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)}
        self.matrices: dict[str, Tensor] = {}  # by layer name: (groups, d, d), float64

    def __enter__(self) -> "InputGrams":
        self._handles = [layer.register_forward_pre_hook(partial(self._add, name)) for name, layer in self.layers.items()]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    @torch.no_grad()
    def _add(self, name: str, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        columns = input_columns(layer, inputs[0])
        gram = _float64(columns @ columns.mT)
        self.matrices[name] = self.matrices[name] + gram if name in self.matrices else gram


def input_columns(layer: nn.Module, inputs: Tensor) -> Tensor:
    """X (groups, d, n) of a linear or convolution layer: ``weight_rows(layer) @ X`` is its output without the bias.

    Args:
        layer: ``nn.Linear`` or ``nn.Conv2d``.
        inputs: What enters it: (..., d), or images (B, C, H, W).
    """
    inputs = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
    if not isinstance(layer, nn.Conv2d):
        return inputs.flatten(0, -2).T[None]
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    inputs = pad(inputs, layer._reversed_padding_repeated_twice, mode)  # also what "same" and "valid" come to
    patches = unfold(inputs, layer.kernel_size, dilation=layer.dilation, stride=layer.stride)  # (B, C * kernel, positions)
    return patches.unflatten(1, (layer.groups, -1)).permute(1, 2, 0, 3).flatten(2)


def weight_rows(layer: Any) -> Tensor:
    """A copy of W (groups, outputs / groups, d) of a linear or convolution layer, in float64."""
    return _float64(layer.weight.detach().flatten(1).unflatten(0, (getattr(layer, "groups", 1), -1))).clone()


class InputSpace:
    """The directions in which inputs lie, from their Gram matrix: one eigendecomposition serves every alpha.

    With G = X X^T / tr(X X^T), eigenvalues r and M = alpha G ((alpha - 1) G + I)^-1, directions are kept by
    alpha r / ((alpha - 1) r + 1): hardly used ones are dropped, often used ones stay. No singular value decomposition of X.

    Args:
        gram: X X^T (groups, d, d).
    """

    def __init__(self, gram: Tensor) -> None:
        trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1).clamp(min=torch.finfo(gram.dtype).tiny)
        shares, self.directions = torch.linalg.eigh(gram / trace[:, None, None])
        self.shares = shares.clamp(min=0)  # (groups, d), of the inputs' energy

    def restrict(self, weight: Tensor, alpha: float) -> Tensor:
        """W M: what weights (groups, outputs, d) do in this space.

        Args:
            weight: W.
            alpha: 1 keeps each direction by its share; infinity keeps every direction that occurs whole.
        """
        kept = alpha * self.shares / ((alpha - 1) * self.shares + 1)
        return weight @ self.directions * kept[:, None] @ self.directions.mT


def _float64(tensor: Tensor) -> Tensor:
    """On the CPU where the device has none: Apple's GPUs."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()
