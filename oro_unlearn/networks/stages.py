"""The stages of a classifier, found by its structure, whatever its layers are called."""

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from oro_unlearn.networks.head import classifier_head
from oro_unlearn.user_error import UserError

HEAD = "head"  # in a list of layers: the last layer
QUARTER = re.compile(r"quarter([1-4])")  # the same: a quarter of the stages
Unit = tuple[str, nn.Module]


def stages(network: nn.Module, num_classes: int) -> list[list[str]]:
    """Find the stages between the network's stem and its head.

    A stage begins where the resolution falls: at a layer with a stride or behind a pooling, or at a light layer between two
    heavy ones, as Swin merges patches. Blocks that all have one resolution, as a ViT's, are shared out into four. The last
    stage reaches to the head, so that a final normalisation or VGG's hidden linear layers belong to it.

    Args:
        network: Any image classifier.
        num_classes: Number of classes K, to find the head.

    Returns:
        For each stage, in order, the dotted names of the layers that are together the stage; without stem and head. Empty if
        there is nothing but a head.

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
    """The layers of one of four quarters of the stages; of four stages, the stage itself.

    Args:
        groups: What :func:`stages` found, at least one.
        number: 1 to 4. Of fewer stages, some stand for two quarters.

    Example:
        >>> [quarter([["a"], ["b"], ["c"]], number) for number in (1, 2, 3, 4)]
        [['a'], ['b'], ['c'], ['c']]
    """
    end = -(-number * len(groups) // 4)
    start = min(-(-(number - 1) * len(groups) // 4), end - 1)
    return list(chain.from_iterable(groups[start:end]))


def from_the_middle(groups: Sequence[list[str]]) -> list[str]:
    """The layers of the third quarter and of what comes behind it.

    Args:
        groups: What :func:`stages` found, at least one.
    """
    return list(chain.from_iterable(groups[min(-(-len(groups) // 2), len(groups) - 1) :]))


def resolve_layers(network: nn.Module, names: Sequence[str], num_classes: int) -> list[str]:
    """Put names of layers in the place of ``head`` and ``quarter1`` to ``quarter4``; other names stay.

    Args:
        network: Any image classifier.
        names: Names of layers and these words.
        num_classes: Number of classes K.

    Raises:
        UserError: If a quarter is asked for where there are no stages, or no layer has K outputs.
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
    """:func:`stages`, of which there must be some.

    Raises:
        UserError: If there are none.
    """
    groups = stages(network, num_classes)
    if not groups:
        names = [name for name, _ in network.named_children()]
        raise UserError(
            f"{type(network).__name__} has no stages before its head: name layers instead; the network's layers are {names}"
        )
    return groups


def _spine(network: nn.Module, head: str) -> tuple[list[Unit], list[Unit]]:
    """The siblings that follow one another through most of the depth, and what comes between them and the head."""
    units, behind = _without_head(_children("", network), head)
    while (place := _only_deep(units)) is not None:
        behind = units[place + 1 :] + behind
        units = _children(*units[place])
    return units, behind


def _without_head(units: list[Unit], head: str) -> tuple[list[Unit], list[Unit]]:
    """Siblings without the one that holds the head, and what that one holds besides."""
    for place, (name, module) in enumerate(units):
        if not _holds(name, head):
            continue
        before, after = units[:place], units[place + 1 :]
        if name == head:
            return before + after, []
        if _layers(module) > sum(_layers(other) for _, other in before + after):  # wrapped around everything
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
    """Place of the one sibling to look into, where there is one.

    It is the only one of several layers, or holds most of the layers and is the most nested, or alone lowers the resolution
    more than once.
    """
    deep = [place for place, (_, module) in enumerate(units) if _layers(module) > 1]
    layers, heights = ([count(module) for _, module in units] for count in (_layers, _height))
    nested = [place for place in deep if heights[place] == max(heights)]
    most = nested if len(nested) == 1 and 2 * layers[nested[0]] > sum(layers) else []
    often = [place for place in deep if sum(_lowers(part) for part in units[place][1].children()) > 1]
    return next((found[0] for found in (deep, most, often) if len(found) == 1), None)


def _by_resolution(units: list[Unit]) -> list[list[str]]:
    """Groups of layers with weights, from the first of the most nested kind on; a new one where the resolution falls."""
    kinds = [min(_height(module), 2) for _, module in units]
    first = kinds.index(max(kinds)) if kinds else 0
    groups: list[list[str]] = []
    falls, leads = True, False  # leads: the last one was a light layer behind a heavy one
    for (name, module), kind in list(zip(units, kinds, strict=True))[first:]:
        falls = falls or _lowers(module)
        if not _has_parameters(module):
            continue
        light = kind < max(kinds) and _layers(module) > 0
        if falls:
            groups.append([])
        elif leads and kind == max(kinds):  # into this one
            groups.append([groups[-1].pop()])
        groups[-1].append(name)
        falls, leads = False, light and not falls
    return groups if len(groups) > 1 else _evenly(units[first:])


def _evenly(units: list[Unit]) -> list[list[str]]:
    """Up to four groups of as many layers; what has weights and is no layer goes with the one before."""
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
    """Whether something in it has a stride."""
    strides: list[Any] = [part.stride for part in module.modules() if isinstance(part, _ConvNd | _MaxPoolNd | _AvgPoolNd)]
    return any((stride if isinstance(stride, int) else max(stride, default=1)) > 1 for stride in strides)


def _height(module: nn.Module) -> int:
    """How many modules of several layers are nested in one another: 0 for a single layer."""
    return 1 + max((_height(part) for part in module.children()), default=0) if _layers(module) > 1 else 0


def _layers(module: nn.Module) -> int:
    return sum(isinstance(part, nn.Linear | _ConvNd) for part in module.modules())


def _children(name: str, module: nn.Module) -> list[Unit]:
    return [(f"{name}.{child}".lstrip("."), part) for child, part in module.named_children()]


def _holds(name: str, head: str) -> bool:
    return head == name or head.startswith(f"{name}.")


def _has_parameters(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())
