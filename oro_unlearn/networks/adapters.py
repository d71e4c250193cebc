"""Adapters of RW-A: a residual linear map in the middle of the network and a K x K layer on the logits.

Both start as the exact identity. Both fold exactly into the layers that read them, so that the edited model is exported in the
original architecture. They follow "Ambiguities" 3 and 4 of the RWFT paper, and its section 4.2, which gives neither size nor
initialisation.
"""

from copy import deepcopy
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from oro_unlearn.networks.head import Head, classifier_head, head_rows
from oro_unlearn.networks.outputs import logits_of
from oro_unlearn.user_error import UserError


class InputAdapter(nn.Module):
    """``layer(x + A x)`` with a linear map A of the channels that starts at zero.

    Args:
        layer: The layer whose input is adapted, for instance a ResNet stage.
        channels: Channels C of that input.
        last: Whether the input is (..., C), as for a linear layer. Otherwise it is (B, C, H, W), as for a convolution.
    """

    def __init__(self, layer: nn.Module, channels: int, last: bool = False) -> None:
        super().__init__()
        self.layer = layer
        self.adapter: nn.Linear | nn.Conv2d
        if last:
            self.adapter = nn.Linear(channels, channels, bias=False)
        else:
            self.adapter = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        nn.init.zeros_(self.adapter.weight)

    def forward(self, features: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The layer's output for the adapted features. Other arguments go to the layer."""
        return self.layer(features + self.adapter(features), *args, **kwargs)


class LogitAdapter(nn.Module):
    """``A z + a`` on the logits z of the head, with A = I and a = 0 at the start.

    Args:
        layer: The classifier's head.
    """

    def __init__(self, layer: Head) -> None:
        super().__init__()
        self.layer = layer
        classes = len(layer.weight)
        self.adapter = nn.Linear(classes, classes)
        nn.init.eye_(self.adapter.weight)
        nn.init.zeros_(self.adapter.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, K) of features (B, D); (B, K, H, W) of (B, D, H, W) where the head is a convolution."""
        logits = self.layer(features)
        if isinstance(self.layer, nn.Conv2d):
            return self.adapter(logits.movedim(1, -1)).movedim(-1, 1)
        return self.adapter(logits)


def add_adapters(network: nn.Module, layer: str, num_classes: int) -> None:
    """Insert an :class:`InputAdapter` before ``layer`` and a :class:`LogitAdapter` after the head, in place.

    Args:
        network: Image classifier.
        layer: Dotted name of the layer whose input is adapted.
        num_classes: Number of classes K, to find the head.

    Raises:
        UserError: If the layer does not exist, nothing in it can take an adapter, or it is the head or holds the head.
    """
    names = [name for name, _ in network.named_children()]
    try:
        target = network.get_submodule(layer)
    except AttributeError:
        raise UserError(f"{type(network).__name__} has no layer {layer!r} to adapt; its children are {names}") from None
    reader = next((module for module in target.modules() if is_foldable(module)), None)
    if reader is None:
        raise UserError(
            f"layer {layer!r} holds no ungrouped convolution or linear layer to fold an adapter into; the children are {names}"
        )
    head_name, head = classifier_head(network, num_classes)
    if head_name == layer or head_name.startswith(f"{layer}."):
        raise UserError(f"layer {layer!r} holds the head, which has an adapter of its own; the children are {names}")
    last = isinstance(reader, nn.Linear)
    channels = reader.in_features if isinstance(reader, nn.Linear) else reader.in_channels
    network.set_submodule(layer, InputAdapter(target, channels, last))
    network.set_submodule(head_name, LogitAdapter(head))


def is_foldable(module: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Whether a linear map of this layer's input can be multiplied into the layer's weights."""
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)


@torch.no_grad()
def fold_adapters(network: nn.Module, images: Tensor) -> None:
    """Multiply the adapters into the layers that read them, and remove the adapters, in place.

    Args:
        network: A network in eval mode that :func:`add_adapters` changed.
        images: A few inputs (B, C, H, W). They show which layers read an adapter's output, and the result is checked on them.

    Raises:
        UserError: If a module other than an ungrouped convolution or a linear layer reads the adapted features. Then no exact
            fold exists.
    """
    before = logits_of(network(images))
    for name, module in list(network.named_modules()):
        if isinstance(module, LogitAdapter):
            network.set_submodule(name, _folded_head(module))
        elif isinstance(module, InputAdapter):
            _fold_input_adapter(network, module, images)
            network.set_submodule(name, module.layer)
    error = (logits_of(network(images)) - before).abs().max().item()
    if not error <= 1e-3 * (1 + before.abs().max().item()):
        raise UserError(
            f"the adapter cannot be folded exactly (logits move by {error:.2g}): something besides ungrouped convolutions and "
            "linear layers reads its output, as a shortcut or a normalisation does"
        )


def check_foldable(network: nn.Module, images: Tensor) -> None:
    """Check before training that the export will be exact: fold a copy whose adapters differ from the identity.

    Args:
        network: A network that :func:`add_adapters` changed. This check does not change it.
        images: A few inputs (B, C, H, W).

    Raises:
        UserError: If no exact fold exists.
    """
    copy, generator = deepcopy(network).eval().cpu().float(), torch.Generator().manual_seed(0)
    for module in copy.modules():
        if isinstance(module, InputAdapter):
            weight = module.adapter.weight
            module.adapter.weight = nn.Parameter(torch.randn(weight.shape, generator=generator) / weight.shape[0])
        elif isinstance(module, LogitAdapter):  # with a head of zeros, as in a new ViT, no error would show
            rows = head_rows(module.layer)
            fresh = torch.randn(rows.shape, generator=generator) / rows.shape[1] ** 0.5
            module.layer.weight = nn.Parameter(fresh.view_as(module.layer.weight))
    fold_adapters(copy, images)


def _folded_head(adapted: LogitAdapter) -> Head:
    folded, weight = deepcopy(adapted.layer), adapted.adapter.weight
    bias = adapted.adapter.bias + (0 if folded.bias is None else weight @ folded.bias)
    folded.weight.copy_((weight @ folded.weight.flatten(1)).view_as(folded.weight))
    folded.bias = nn.Parameter(bias)
    return folded


def _fold_input_adapter(network: nn.Module, adapted: InputAdapter, images: Tensor) -> None:
    """Fold the adapter into every layer of its kind that reads exactly the tensor that it writes."""
    source: list[Tensor] = []
    readers: list[nn.Linear | nn.Conv2d] = []

    def read(module: nn.Module, args: tuple[Any, ...]) -> None:
        if module is adapted.layer:
            source.append(args[0])
        if is_foldable(module) and source and args[0] is source[0] and isinstance(module, type(adapted.adapter)):
            readers.append(module)

    hooks = [module.register_forward_pre_hook(read) for module in adapted.layer.modules()]
    network(images)
    for hook in hooks:
        hook.remove()
    matrix = adapted.adapter.weight.flatten(1)  # (C, C)
    for reader in readers:
        reader.weight.add_(torch.einsum("oj...,ji->oi...", reader.weight, matrix))
