"""The stages of a classifier, found from its structure and not from the names of its layers."""

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from oro_unlearn.networks.head import classifier_head
from oro_unlearn.user_error import UserError

HEAD = "head"  # in a list of layers, this word stands for the last layer
QUARTER = re.compile(r"quarter([1-4])")  # in a list of layers, such a word stands for a quarter of the stages
Unit = tuple[str, nn.Module]


def stages(network: nn.Module, num_classes: int) -> list[list[str]]:
    """Find the stages between the network's stem and its head.

    A stage begins where the resolution falls: at a layer with a stride, after a pooling layer, or at a light layer between two
    heavy layers, such as the patch merging of Swin. Blocks that all have the same resolution, as in a ViT, are divided into
    four stages. The last stage extends to the head, so that a final normalisation or VGG's hidden linear layers belong to it.

    Args:
        network: Any image classifier.
        num_classes: Number of classes K, to find the head.

    Returns:
        For each stage, in order, the dotted names of its layers, without stem and head. Empty if the network has only a head.

    Raises:
        UserError: If no layer has K outputs.

    Example:
        >>> from torchvision.models import resnet18
        >>> stages(resnet18(num_classes=10), 10)
        [['layer1'], ['layer2'], ['layer3'], ['layer4']]
    """
    head = classifier_head(network, num_classes)[0]
    units, behind = _spine(network, head)
    groups = _by_resolution(units)
    if groups:
        groups[-1] += [name for name, module in behind if _has_parameters(module)]
    return groups


def quarter(groups: Sequence[list[str]], number: int) -> list[str]:
    """The layers of one quarter of the stages. With four stages, a quarter is one stage.

    Args:
        groups: The stages from :func:`stages`, at least one.
        number: 1 to 4. With fewer than four stages, a stage can stand for two quarters.

    Example:
        >>> [quarter([["a"], ["b"], ["c"]], number) for number in (1, 2, 3, 4)]
        [['a'], ['b'], ['c'], ['c']]
    """
    end = -(-number * len(groups) // 4)
    start = min(-(-(number - 1) * len(groups) // 4), end - 1)
    return list(chain.from_iterable(groups[start:end]))


def from_the_middle(groups: Sequence[list[str]]) -> list[str]:
    """The layers of the third quarter of the stages and of all later stages.

    Args:
        groups: The stages from :func:`stages`, at least one.
    """
    return list(chain.from_iterable(groups[min(-(-len(groups) // 2), len(groups) - 1) :]))


def resolve_layers(network: nn.Module, names: Sequence[str], num_classes: int) -> list[str]:
    """Replace ``head`` and ``quarter1`` to ``quarter4`` by names of layers. Other names stay as they are.

    Args:
        network: Any image classifier.
        names: Names of layers, ``head``, and ``quarter1`` to ``quarter4``.
        num_classes: Number of classes K.

    Raises:
        UserError: If a quarter is named but the network has no stages, or no layer has K outputs.
    """
    found: list[str] = []
    for name in names:
        word = QUARTER.fullmatch(name)
        if name == HEAD:
            found.append(classifier_head(network, num_classes)[0])
        elif word:
            found += quarter(require_stages(network, num_classes), int(word[1]))
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def require_stages(network: nn.Module, num_classes: int) -> list[list[str]]:
    """Find the stages as :func:`stages` does, and require at least one.

    Raises:
        UserError: If there is no stage.
    """
    groups = stages(network, num_classes)
    if not groups:
        names = [name for name, _ in network.named_children()]
        raise UserError(
            f"{type(network).__name__} has no stages before its head: name layers instead; the network's layers are {names}"
        )
    return groups


def _spine(network: nn.Module, head: str) -> tuple[list[Unit], list[Unit]]:
    """The sibling modules that make up most of the network's depth, and the modules between them and the head."""
    units, behind = _without_head(_children("", network), head)
    while (place := _only_deep(units)) is not None:
        behind = units[place + 1 :] + behind
        units = _children(*units[place])
    return units, behind


def _without_head(units: list[Unit], head: str) -> tuple[list[Unit], list[Unit]]:
    """The siblings without the module that holds the head, and the other modules inside that module."""
    for place, (name, module) in enumerate(units):
        if not _holds(name, head):
            continue
        before, after = units[:place], units[place + 1 :]
        if name == head:
            return before + after, []
        if _layers(module) > sum(_layers(other) for _, other in before + after):  # a wrapper around almost the whole network
            return _without_head(before + _children(name, module) + after, head)
        return before + after, _around(name, module, head)
    return units, []


def _around(name: str, module: nn.Module, head: str) -> list[Unit]:
    found: list[Unit] = []
    for child, part in _children(name, module):
        if child != head:
            found += _around(child, part, head) if _holds(child, head) else [(child, part)]
    return found


def _only_deep(units: list[Unit]) -> int | None:
    """Position of the single sibling whose children are to be searched; None if no sibling stands out.

    A sibling stands out if it alone has several layers; or if it holds most of the layers and is the most nested; or if it
    alone lowers the resolution more than once.
    """
    deep = [place for place, (_, module) in enumerate(units) if _layers(module) > 1]
    layers, heights = ([count(module) for _, module in units] for count in (_layers, _height))
    nested = [place for place in deep if heights[place] == max(heights)]
    most = nested if len(nested) == 1 and 2 * layers[nested[0]] > sum(layers) else []
    often = [place for place in deep if sum(_lowers(part) for part in units[place][1].children()) > 1]
    return next((found[0] for found in (deep, most, often) if len(found) == 1), None)


def _by_resolution(units: list[Unit]) -> list[list[str]]:
    """Group the layers with weights, from the first most nested layer on. A group begins where the resolution falls."""
    kinds = [min(_height(module), 2) for _, module in units]
    first = kinds.index(max(kinds)) if kinds else 0
    groups: list[list[str]] = []
    falls, leads = True, False  # leads: the previous unit was a light layer after a heavy one
    for (name, module), kind in list(zip(units, kinds, strict=True))[first:]:
        falls = falls or _lowers(module)
        if not _has_parameters(module):
            continue
        light = kind < max(kinds) and _layers(module) > 0
        if falls:
            groups.append([])
        elif leads and kind == max(kinds):  # the light layer leads into this unit
            groups.append([groups[-1].pop()])
        groups[-1].append(name)
        falls, leads = False, light and not falls
    return groups if len(groups) > 1 else _evenly(units[first:])


def _evenly(units: list[Unit]) -> list[list[str]]:
    """Up to four groups of equally many layers. A module that has weights but is no layer joins the layer before it."""
    parts: list[list[str]] = []
    for name, module in units:
        if _layers(module) or (_has_parameters(module) and not parts):
            parts.append([name])
        elif _has_parameters(module):
            parts[-1].append(name)
    count = min(4, len(parts))
    cuts = [round(place * len(parts) / count) for place in range(count + 1)] if count else []
    return [list(chain.from_iterable(parts[start:end])) for start, end in pairwise(cuts)]


def _lowers(module: nn.Module) -> bool:
    """Whether a convolution or pooling layer inside the module has a stride above 1."""
    strides: list[Any] = [part.stride for part in module.modules() if isinstance(part, _ConvNd | _MaxPoolNd | _AvgPoolNd)]
    return any((stride if isinstance(stride, int) else max(stride, default=1)) > 1 for stride in strides)


def _height(module: nn.Module) -> int:
    """Nesting depth of modules that have several layers: 0 for a single layer."""
    return 1 + max((_height(part) for part in module.children()), default=0) if _layers(module) > 1 else 0


def _layers(module: nn.Module) -> int:
    return sum(isinstance(part, nn.Linear | _ConvNd) for part in module.modules())


def _children(name: str, module: nn.Module) -> list[Unit]:
    return [(f"{name}.{child}".lstrip("."), part) for child, part in module.named_children()]


def _holds(name: str, head: str) -> bool:
    return head == name or head.startswith(f"{name}.")


def _has_parameters(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())
