"""Finds a place in any network where an adapter of RW-A folds exactly."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.networks.adapters import add_adapters, check_foldable, is_foldable
from oro_unlearn.networks.stages import from_the_middle, require_stages
from oro_unlearn.user_error import UserError

State = tuple[int, int]  # identity of a tensor, and how often it was changed in place


def adapter_place(network: nn.Module, num_classes: int, images: Tensor | None = None) -> str:
    """Find the first layer, from the middle of a classifier on, whose input can take an adapter that folds exactly.

    The stage's first block is tried first. It works if only ungrouped convolutions or linear layers read its input, as in a
    ResNet's stage. Next come convolutions and linear layers inside it that alone read their input, such as the first layer of a
    ViT's MLP: no linear map folds through the normalisation before it.

    Args:
        network: Any image classifier. It is not changed.
        num_classes: Number of classes K.
        images: A few inputs (B, C, H, W) on which the fold is tested. Without them, the first layer of the stage is returned
            without a test.

    Returns:
        Dotted name of the layer.

    Raises:
        UserError: If there is no such layer.
    """
    names = from_the_middle(require_stages(network, num_classes))
    if images is None:
        return names[0]
    trial = deepcopy(network).eval().cpu().float()
    for name in _candidates(trial, names, images):
        if _folds(trial, name, num_classes, images):
            return name
    raise UserError(
        f"{type(network).__name__} has no layer at or behind {names[0]} whose input can take an adapter that folds exactly: "
        "name one whose input only ungrouped convolutions or linear layers read with --model.adapter_layer"
    )


@torch.no_grad()
def _candidates(network: nn.Module, names: Sequence[str], images: Tensor) -> Iterator[str]:
    """For each name: the layer, if a foldable layer reads its input; then foldable layers in it that alone read theirs."""
    calls: list[tuple[str, State]] = []  # layer and input of each call, in order
    held: list[Tensor] = []  # keeps the tensors alive, so that no other tensor gets the same id

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        value = next(iter([*args, *kwargs.values()]), None)
        if isinstance(value, Tensor):
            held.append(value)
            calls.append((by_module[module], (id(value), value._version)))

    by_module = {module: name for name, module in network.named_modules()}
    hooks = [module.register_forward_pre_hook(note, with_kwargs=True) for module in by_module]
    network(images)
    for hook in hooks:
        hook.remove()
    layers = dict(network.named_modules())
    readers: dict[State, list[str]] = {}
    for called, state in calls:
        if not any(True for _ in layers[called].children()):
            readers.setdefault(state, []).append(called)
    for name in names:
        inside = [(called, state) for called, state in calls if called == name or called.startswith(f"{name}.")]
        whole = [state for called, state in inside if called == name]
        if whole and any(is_foldable(layers[reader]) for reader in readers.get(whole[0], ())):
            yield name
        yield from (c for c, state in inside if c != name and is_foldable(layers[c]) and readers[state] == [c])


def _folds(network: nn.Module, name: str, num_classes: int, images: Tensor) -> bool:
    adapted = deepcopy(network)
    try:
        add_adapters(adapted, name, num_classes)
        check_foldable(adapted, images)
    except Exception:  # an inexact fold, or any exception of a forward that accesses the wrapped layer's attributes
        return False
    return True
