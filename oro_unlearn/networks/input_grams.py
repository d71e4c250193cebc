"""Gram matrices of the inputs of each linear layer, and weights projected onto these inputs ("Deep Unlearning")."""

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, unfold


class InputGrams:
    """Sums up the inputs of every linear and 2-d convolution layer: ``with InputGrams(network) as grams: network(images)``.

    X holds one column for each position that a layer reads: a row of a linear layer's input, or a patch (C / groups x kernel)
    of a convolution's input, with its padding, stride and dilation. Each group of a convolution has its own matrix. The class
    keeps X itself while X has fewer columns than rows (d). After that it keeps X X^T, which is smaller, and adds each batch to
    it. A layer that no forward pass calls has neither.

    Args:
        network: Any network.
    """

    def __init__(self, network: nn.Module) -> None:
        self.layers = _linear_maps(network)
        self.columns: dict[str, list[Tensor]] = {}  # by layer name: batches of X (groups, d, n)
        self.matrices: dict[str, Tensor] = {}  # by layer name: X X^T (groups, d, d), float64

    def __enter__(self) -> "InputGrams":
        self._handles = [layer.register_forward_pre_hook(partial(self._add, name)) for name, layer in self.layers.items()]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def spaces(self) -> dict[str, "InputSpace"]:
        """The space of each layer's inputs. The stored columns and matrices are freed."""
        found = {}
        for name in [name for name in self.layers if name in self.columns or name in self.matrices]:
            if name in self.columns:
                found[name] = InputSpace.of_columns(torch.cat(self.columns.pop(name), dim=2))
            else:
                found[name] = InputSpace(self.matrices.pop(name))
        return found

    @torch.no_grad()
    def _add(self, name: str, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        columns = input_columns(layer, inputs[0])
        if name not in self.matrices:
            parts = self.columns.setdefault(name, [])
            parts.append(columns)
            if sum(part.shape[2] for part in parts) < columns.shape[1]:
                return
            columns, *rest = self.columns.pop(name)
            self.matrices[name] = _gram(columns)
            for part in rest:
                self.matrices[name] += _gram(part)
            return
        self.matrices[name] += _gram(columns)


def input_columns(layer: nn.Module, inputs: Tensor) -> Tensor:
    """X (groups, d, n) of a linear or convolution layer: ``weight_rows(layer) @ X`` is its output without the bias.

    Args:
        layer: ``nn.Linear`` or ``nn.Conv2d``.
        inputs: The layer's input: (..., d), or images (B, C, H, W).
    """
    inputs = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
    if not isinstance(layer, nn.Conv2d):
        return inputs.flatten(0, -2).T[None]
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    inputs = pad(inputs, layer._reversed_padding_repeated_twice, mode)  # also covers padding="same" and padding="valid"
    patches = unfold(inputs, layer.kernel_size, dilation=layer.dilation, stride=layer.stride)  # (B, C * kernel, positions)
    return patches.unflatten(1, (layer.groups, -1)).permute(1, 2, 0, 3).flatten(2)


def weight_rows(layer: Any) -> Tensor:
    """A copy of W (groups, outputs / groups, d) of a linear or convolution layer, in float64."""
    return _float64(layer.weight.detach().flatten(1).unflatten(0, (getattr(layer, "groups", 1), -1))).clone()


class InputSpace:
    """The directions in which inputs lie, from their Gram matrix: one eigendecomposition serves every alpha.

    Let G = X X^T / tr(X X^T), with eigenvalues r, and M = alpha G ((alpha - 1) G + I)^-1.
    M scales each direction by alpha r / ((alpha - 1) r + 1): hardly used directions are dropped, often used directions stay.
    This needs no singular value decomposition of X.

    Args:
        gram: X X^T (groups, d, d), float64.
    """

    def __init__(self, gram: Tensor) -> None:
        self.shares, self.directions = _eigen(gram)  # (groups, d), shares of the inputs' energy; (groups, d, d)

    @classmethod
    def of_columns(cls, columns: Tensor) -> "InputSpace":
        """The same space from X (groups, d, n). If n < d, X^T X is smaller and has the same nonzero eigenvalues.

        An eigenvector v of X^T X is the direction X v; directions without energy are left out, as M does.
        """
        space, columns = cls.__new__(cls), _float64(columns)
        space.shares, rows = _eigen(columns.mT @ columns)
        space.shares = torch.where(space.shares > columns.shape[2] * torch.finfo(columns.dtype).eps, space.shares, 0)
        directions = columns @ rows
        length = directions.norm(dim=1, keepdim=True)
        space.directions = torch.where(space.shares[:, None] > 0, directions / length, 0)
        return space

    def restrict(self, weight: Tensor, alpha: float) -> Tensor:
        """W M: the weights (groups, outputs, d) restricted to this space.

        Args:
            weight: W.
            alpha: With 1, each direction is scaled by its share; with infinity, every direction that occurs is kept unscaled.
        """
        kept = alpha * self.shares / ((alpha - 1) * self.shares + 1)
        return weight @ self.directions * kept[:, None] @ self.directions.mT


def memory_needed(network: nn.Module, images: Tensor, samples: int, batch_size: int) -> tuple[int, str]:
    """Memory for the spaces of two sets of inputs, for the weights in float64, and for the work on the largest layer.

    Args:
        network: Any network, in eval mode.
        images: One input (1, C, H, W). It shows how many columns a layer's X has for each image.
        samples: Images of each set.
        batch_size: Images of a forward pass.

    Returns:
        Bytes, and the name of the layer that needs the most.
    """
    counts: dict[str, Tensor] = {}  # columns of one image: (groups, d, n), on the meta device without memory

    def note(name: str, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        columns = input_columns(layer, inputs[0]).to("meta")
        counts[name] = torch.cat([counts[name], columns], dim=2) if name in counts else columns

    layers = _linear_maps(network)
    handles = [layer.register_forward_pre_hook(partial(note, name)) for name, layer in layers.items()]
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    kept, work = {}, [0]
    for name, (groups, rows, columns) in ((name, found.shape) for name, found in counts.items()):
        least = min(rows, columns * samples)
        weights = cast(Tensor, layers[name].weight).numel()
        kept[name] = 8 * (2 * groups * rows * least + weights)
        work.append(8 * max(3 * weights, groups * (2 * rows * least + 2 * least**2)) + 8 * groups * rows * columns * batch_size)
    return sum(kept.values()) + max(work), max(kept, key=kept.__getitem__, default="")


def _linear_maps(network: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)}


def _gram(columns: Tensor) -> Tensor:
    return _float64(columns @ columns.mT)


def _eigen(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues as shares of the trace, and eigenvectors."""
    trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1).clamp(min=torch.finfo(gram.dtype).tiny)
    shares, directions = torch.linalg.eigh(gram / trace[:, None, None])
    return shares.clamp(min=0), directions


def _float64(tensor: Tensor) -> Tensor:
    """Convert to float64; on the CPU if the device has no float64, as Apple's GPUs."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()
