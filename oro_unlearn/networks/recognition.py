"""Recognises the network of a state dict from the names and shapes of its tensors."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

COUNTERS = "num_batches_tracked"  # counters of batch normalisation; some files leave them out
TV, TIMM = "torchvision.models.", "timm.models."
FAMILIES = {  # constructors, by the name of a tensor that only this family has
    "layer1.0.conv1.weight": (
        *(f"{TV}resnet{depth}" for depth in (18, 34, 50, 101)),
        *(f"{TIMM}{name}" for name in ("resnet10t", "resnet26d", "resnet50d")),
    ),
    "features.0.weight": tuple(
        f"{TV}{name}" for name in ("vgg11", "vgg16", "vgg11_bn", "vgg16_bn", "vgg19_bn", "alexnet", "squeezenet1_1")
    ),
    "features.0.0.weight": tuple(
        f"{TV}{name}"
        for name in ("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "convnext_tiny", "swin_t")
    ),
    "features.conv0.weight": (f"{TV}densenet121",),
    "class_token": (f"{TV}vit_b_16",),
    "conv1.0.weight": (f"{TV}shufflenet_v2_x1_0",),
    "cls_token": tuple(f"{TIMM}vit_{size}_patch16_224" for size in ("tiny", "small", "base")),
    "layers.0.blocks.0.attn.qkv.weight": (f"{TIMM}swin_tiny_patch4_window7_224",),
    "stem.0.weight": (f"{TIMM}convnext_tiny", f"{TIMM}convnext_atto"),
    "conv_stem.weight": tuple(
        f"{TIMM}{name}" for name in ("efficientnet_b0", "efficientnet_lite0", "mobilenetv2_100", "mobilenetv3_large_100")
    ),
    "stem.conv.weight": (f"{TIMM}regnety_004",),
}


class Recognised(NamedTuple):
    """A constructor whose network has exactly these tensors.

    Attributes:
        network: Its import path.
        arguments: Its arguments besides ``num_classes``.
        classes: Number of rows of the head.
        channels: Number of channels of the images.
    """

    network: str
    arguments: dict[str, Any]
    classes: int
    channels: int


def recognised(state: Mapping[str, Tensor]) -> Recognised | None:
    """Try the constructors of the package, of torchvision and of timm (where that is installed).

    Args:
        state: Tensors by name. A common prefix of all names is ignored.

    Returns:
        The constructor, or None if none fits.
    """
    matrices = [value for name, value in state.items() if value.ndim in (2, 4) and name.endswith("weight")]
    shapes = {name: tuple(value.shape) for name, value in state.items() if not name.endswith(COUNTERS)}
    first = next((value for value in matrices if value.ndim == 4), None)
    if first is None:
        return None
    heads = list(dict.fromkeys(len(value) for value in reversed(matrices)))[:2]  # the last layer is not always the head
    for classes in heads:
        for name, arguments in _candidates(shapes, int(first.shape[0]), int(first.shape[1])):
            if _fits(_constructor(name), {**arguments, "num_classes": classes}, shapes):
                return Recognised(name, arguments, classes, int(first.shape[1]))
    return None


def _candidates(shapes: Mapping[str, Any], width: int, channels: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Constructors with arguments. The package's networks get the width and the channels of the first convolution."""
    for name in ("ResNet18", "SmallCNN", "VGG19BN"):
        yield f"oro_unlearn.networks.{name}", {"width": width, "in_channels": channels}
    for mark, names in FAMILIES.items() if channels == 3 else ():
        if any(name.endswith(mark) for name in shapes):
            yield from ((name, {}) for name in names if find_spec(name.partition(".")[0]))


def _constructor(name: str) -> Callable[..., nn.Module]:
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)


def _fits(make: Callable[..., nn.Module], arguments: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> bool:
    with torch.device("meta"):
        own = {
            name: tuple(value.shape) for name, value in make(**arguments).state_dict().items() if not name.endswith(COUNTERS)
        }
    first = next(iter(own))
    prefix = next((name.removesuffix(first) for name in shapes if name.endswith(first)), "")
    return len(own) <= len(shapes) and all(shapes.get(f"{prefix}{name}") == shape for name, shape in own.items())
