"""Copies of an edited network whose weights are ordinary."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize


def plain_copy(network: Any) -> Any:
    """A copy of a ``VisionLanguage`` with adapters merged, and rows that were trained apart written into their weights.

    Args:
        network: The network; it is not changed.
    """
    with torch.inference_mode(False), torch.no_grad():
        copy = deepcopy(network)
        for name, module in list(copy.named_modules()):
            if isinstance(module, nn.Linear) and parametrize.is_parametrized(module):
                copy.set_submodule(name, _plain(module))
        copy.merge()
    return copy


def _plain(linear: nn.Linear) -> nn.Linear:
    """A Linear with the computed weight. To remove the parametrization would change the class, which copies share."""
    plain = nn.Linear(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
    plain.weight = nn.Parameter(linear.weight.detach().clone(), requires_grad=False)
    if linear.bias is not None:
        plain.bias = nn.Parameter(linear.bias.detach().clone(), requires_grad=False)
    return plain.train(linear.training)
