"""Where a classifier's logits come from."""

from typing import Any

from torch import Tensor, nn


def classifier_head(network: nn.Module, num_classes: int) -> tuple[str, nn.Linear]:
    """Find the last linear layer with one output per class.

    Args:
        network: Any image classifier.
        num_classes: Number of classes K.

    Returns:
        Dotted name and module of the layer.

    Raises:
        ValueError: If no linear layer has K outputs.
    """
    found = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == num_classes
    ]
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no linear layer with {num_classes} outputs, one for each class: "
            "set num_classes among its init_args, or give its bare import path"
        )
    return found[-1]


class FeatureReader:
    """Reads what enters a classifier's head: ``with FeatureReader(network, K) as reader: logits = network(images)``.

    Afterwards ``reader.features`` holds the features (B, D) of the last forward pass.

    Args:
        network: Any image classifier.
        num_classes: Number of classes K.

    Raises:
        ValueError: If no linear layer has K outputs.
    """

    features: Tensor

    def __init__(self, network: nn.Module, num_classes: int) -> None:
        self.head = classifier_head(network, num_classes)[1]

    def __enter__(self) -> "FeatureReader":
        self._handle = self.head.register_forward_pre_hook(self._read)
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.remove()

    def _read(self, _: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.features = inputs[0]
