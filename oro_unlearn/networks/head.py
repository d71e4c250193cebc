"""Where a classifier's logits come from."""

from torch import nn


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
