"""Adapters of RW-A: a residual 1x1 convolution in the middle and a K x K layer on the logits.

Both start as the exact identity and fold back exactly into the layers that read them, so that the edited model is
exported in the original architecture ("Ambiguities" 3 and 4 of the RWFT paper, section 4.2 there, which gives neither
size nor initialisation).
"""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from oro_unlearn.networks.head import classifier_head
from oro_unlearn.networks.outputs import logits_of


class InputAdapter(nn.Module):
    """``layer(x + A x)`` with a 1x1 convolution A that starts at zero.

    Args:
        layer: The layer whose input is adapted, for instance a ResNet stage.
        channels: Channels of that input.
    """

    def __init__(self, layer: nn.Module, channels: int) -> None:
        super().__init__()
        self.layer = layer
        self.adapter = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        nn.init.zeros_(self.adapter.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) of the adapted layer."""
        return self.layer(features + self.adapter(features))


class LogitAdapter(nn.Module):
    """``A z + a`` on the logits z of a linear layer, with A = I and a = 0 at the start.

    Args:
        layer: The classifier's last linear layer.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        self.adapter = nn.Linear(layer.out_features, layer.out_features)
        nn.init.eye_(self.adapter.weight)
        nn.init.zeros_(self.adapter.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, K) of features (B, D)."""
        return self.adapter(self.layer(features))


def add_adapters(network: nn.Module, layer: str, num_classes: int) -> None:
    """Insert an :class:`InputAdapter` before ``layer`` and a :class:`LogitAdapter` after the head, in place.

    Args:
        network: Image classifier.
        layer: Dotted name of the layer whose input is adapted.
        num_classes: Number of classes K, to find the head.

    Raises:
        ValueError: If there is no such layer or it has no convolution.
    """
    names = [name for name, _ in network.named_children()]
    try:
        target = network.get_submodule(layer)
    except AttributeError:
        raise ValueError(f"{type(network).__name__} has no layer {layer!r} to adapt; its children are {names}") from None
    convolution = next((module for module in target.modules() if isinstance(module, nn.Conv2d)), None)
    if convolution is None:
        raise ValueError(f"layer {layer!r} holds no convolution to fold an adapter into; the children are {names}")
    head_name, head = classifier_head(network, num_classes)
    network.set_submodule(layer, InputAdapter(target, convolution.in_channels))
    network.set_submodule(head_name, LogitAdapter(head))


@torch.no_grad()
def fold_adapters(network: nn.Module, images: Tensor) -> None:
    """Multiply the adapters into the layers that read them and remove them, in place.

    Args:
        network: A network in eval mode that :func:`add_adapters` changed.
        images: A few inputs (B, C, H, W): they show which convolutions read an adapter's output, and check the result.

    Raises:
        ValueError: If something besides an ungrouped convolution reads the adapted features, so that no exact fold exists.
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
        raise ValueError(
            f"the adapter cannot be folded exactly (logits move by {error:.2g}): something besides a convolution reads "
            "its output; adapt the first layer of a stage with a convolution in its shortcut, for instance layer3"
        )


def check_foldable(network: nn.Module, images: Tensor) -> None:
    """Fold a copy whose adapters are away from the identity, to know before training whether the export will be exact.

    Args:
        network: A network that :func:`add_adapters` changed; it stays as it is.
        images: A few inputs (B, C, H, W).

    Raises:
        ValueError: If no exact fold exists.
    """
    copy, generator = deepcopy(network).eval().cpu().float(), torch.Generator().manual_seed(0)
    for module in copy.modules():
        if isinstance(module, InputAdapter):
            weight = module.adapter.weight
            module.adapter.weight = nn.Parameter(torch.randn(weight.shape, generator=generator) / weight.shape[0])
    fold_adapters(copy, images)


def _folded_head(adapted: LogitAdapter) -> nn.Linear:
    head, weight = adapted.layer, adapted.adapter.weight
    bias = adapted.adapter.bias + (0 if head.bias is None else weight @ head.bias)
    folded = skip_init(nn.Linear, head.in_features, head.out_features).to(weight)  # draws no random numbers
    folded.weight.copy_(weight @ head.weight)
    folded.bias.copy_(bias)
    return folded


def _fold_input_adapter(network: nn.Module, adapted: InputAdapter, images: Tensor) -> None:
    """Fold into every convolution that reads the very tensor the adapter writes."""
    source: list[Tensor] = []
    readers: list[nn.Conv2d] = []

    def read(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        if module is adapted.layer:
            source.append(args[0])
        if isinstance(module, nn.Conv2d) and source and args[0] is source[0] and module.groups == 1:
            readers.append(module)

    hooks = [module.register_forward_pre_hook(read) for module in adapted.layer.modules()]
    network(images)
    for hook in hooks:
        hook.remove()
    matrix = adapted.adapter.weight[:, :, 0, 0]  # (C, C)
    for convolution in readers:
        change = torch.einsum("oj...,ji->oi...", convolution.weight, matrix)
        convolution.weight.add_(change)
