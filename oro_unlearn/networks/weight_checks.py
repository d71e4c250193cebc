"""Checks that a file's tensors fit a network: names, shapes, types and values."""

from pathlib import Path

import torch
from torch import Tensor, nn

from oro_unlearn.files import one_line
from oro_unlearn.user_error import UserError


def check_shapes(network: nn.Module, state: dict[str, Tensor], own: dict[str, Tensor], path: Path) -> None:
    """Compare names and shapes.

    Args:
        network: The network.
        state: The file's tensors by the network's names.
        own: The network's state dict.
        path: Of the file, for the errors.

    Raises:
        UserError: If a tensor is missing, unknown or has another shape. If only the head has another shape, the message gives
            both numbers of classes.
    """
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    reshaped = [name for name in own if name in state and own[name].shape != state[name].shape]
    heads = {_rows(network, name, state[name], own[name]) for name in reshaped}
    if not missing and not unexpected and len(heads) == 1 and (rows := heads.pop()):
        raise UserError(
            f"{path} is of another head: the file's head has {rows[0]} classes, the data {rows[1]} ({reshaped[0]}); use data "
            "with the classes that the model was trained on, or name its classes with --data.class_names"
        )
    complaints = [f"{len(names)} {what} (first {one_line(names[0])})" for what, names in
                  (("weights missing", missing), ("unknown weights", unexpected)) if names]  # fmt: skip
    complaints += [f"{name} is {tuple(state[name].shape)} there and {tuple(own[name].shape)} here" for name in reshaped[:1]]
    if complaints:
        raise UserError(
            f"{path} is a checkpoint of another architecture than {type(network).__name__}: {'; '.join(complaints)}. "
            "Set --model.network to the network it was trained with"
        )


def _rows(network: nn.Module, name: str, there: Tensor, here: Tensor) -> tuple[int, int] | None:
    """Outputs of a linear layer or convolution in the file and in the network, if it differs in nothing else."""
    layer = network.get_submodule(name.rpartition(".")[0])
    if not isinstance(layer, nn.Linear | nn.Conv2d) or there.ndim != here.ndim or there.shape[1:] != here.shape[1:]:
        return None
    return there.shape[0], here.shape[0]


def plain_tensor(tensor: Tensor, name: str, own: dict[str, Tensor], path: Path, masked: bool = False) -> Tensor:
    """Convert a tensor to the network's type, and check that its values are finite.

    Args:
        tensor: From the file.
        name: Its name in the network.
        own: The network's state dict.
        path: Of the file, for the errors.
        masked: Accept minus infinity.

    Raises:
        UserError: If it cannot be converted, or has NaN or infinite values.
    """
    kind = own[name].dtype
    odd = tensor.layout is not torch.strided or tensor.is_complex() or tensor.is_quantized or tensor.is_meta
    if odd or (kind.is_floating_point and not tensor.is_floating_point()):
        found = f"{tensor.dtype}, {tensor.layout}"
        raise UserError(f"{path} holds {name} as {found}, where {kind} is needed: save plain weights")
    converted = tensor.to(kind)  # before the check below: a large float64 becomes infinite in float32
    if not (converted < torch.inf if masked else torch.isfinite(converted)).all():  # the first is false for NaN
        raise UserError(f"{path} has NaN or infinite values in {name}: it diverged or is masked; choose another checkpoint")
    return converted
