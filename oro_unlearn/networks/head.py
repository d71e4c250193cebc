"""Finds a classifier's head, and reads the features that enter it."""

from typing import Any

from torch import Tensor, nn

from oro_unlearn.user_error import UserError

Head = nn.Linear | nn.Conv2d


def classifier_head(network: nn.Module, num_classes: int) -> tuple[str, Head]:
    """Find the last layer with one output per class.

    This is the last linear layer with K outputs. If the network's very last layer is a 1x1 convolution with K outputs, as in
    SqueezeNet, it is that layer.

    Args:
        network: Any image classifier.
        num_classes: Number of classes K.

    Returns:
        Dotted name and module of the layer.

    Raises:
        UserError: If there is no such layer.
    """
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, Head)]
    found: list[tuple[str, Head]] = [
        (name, module) for name, module in layers if isinstance(module, nn.Linear) and module.out_features == num_classes
    ]
    if layers and _is_pointwise(layers[-1][1], num_classes):
        found.append(layers[-1])
    if not found:
        raise UserError(
            f"{type(network).__name__} has no linear layer with {num_classes} outputs, one for each class: "
            "set num_classes among its init_args, or give its bare import path"
        )
    return found[-1]


def head_rows(head: Head) -> Tensor:
    """The head's weights (K, D), one row for each class. This is a view: changing it changes the head."""
    return head.weight.flatten(1)


class FeatureReader:
    """Reads what enters a classifier's head: ``with FeatureReader(network, K) as reader: logits = network(images)``.

    Afterwards ``reader.features`` holds the features (B, D) of the last forward pass. If the head is a convolution, its input
    is averaged over positions.

    Args:
        network: Any image classifier.
        num_classes: Number of classes K.

    Raises:
        UserError: If no layer has K outputs.
    """

    features: Tensor

    def __init__(self, network: nn.Module, num_classes: int) -> None:
        self.head = classifier_head(network, num_classes)[1]

    def __enter__(self) -> "FeatureReader":
        self._handle = self.head.register_forward_pre_hook(self._read)
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.remove()

    def _read(self, head: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.features = inputs[0].mean((2, 3)) if isinstance(head, nn.Conv2d) else inputs[0]


def _is_pointwise(layer: Head, num_classes: int) -> bool:
    shape = (num_classes, layer.in_channels, 1, 1) if isinstance(layer, nn.Conv2d) else ()
    return layer.weight.shape == shape
