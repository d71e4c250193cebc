"""Attacks on the weights of a CLIP model: quantisation, pruning, and arithmetic with the weights of the original.

Every function changes the network that it gets, in place: give it a copy. None draws random numbers.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from oro_unlearn.attacks.quantisation import rounded


def layers(network: nn.Module) -> Iterator[Any]:
    """The Linear and convolution layers."""
    return (module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d))


@torch.no_grad()
def quantise(network: nn.Module, bits: int) -> None:
    """Round the weights of Linear and convolution layers, as :func:`oro_unlearn.attacks.quantise` does.

    Biases, embeddings and normalisations stay as they are.

    Args:
        network: The network. It is changed.
        bits: Bits of a weight, 2 or more; the grid of a channel has 2 ** bits - 1 values.
    """
    for layer in layers(network):
        layer.weight.copy_(rounded(layer.weight, bits))


@torch.no_grad()
def prune(network: nn.Module, share: float) -> None:
    """Set the smallest weights of all Linear and convolution layers together to 0 (magnitude pruning, Han et al. 2015).

    Args:
        network: The network. It is changed.
        share: Share of these weights, in [0, 1).
    """
    from torch.nn.utils.prune import L1Unstructured, global_unstructured, remove

    pruned = [(layer, "weight") for layer in layers(network)]
    global_unstructured(pruned, L1Unstructured, amount=share)
    for layer, name in pruned:
        remove(layer, name)


@torch.no_grad()
def shift(network: nn.Module, original: nn.Module, scale: float) -> None:
    """Move every weight to original + scale (edited - original) (task arithmetic, Ilharco et al., ICLR 2023).

    Args:
        network: The edited network. It is changed.
        original: The network before the edit, with the same parameters.
        scale: 0 gives the original, 1 the edited network.
    """
    before = dict(original.named_parameters())
    for name, own in network.named_parameters():
        own.copy_(torch.lerp(before[name], own, scale))
