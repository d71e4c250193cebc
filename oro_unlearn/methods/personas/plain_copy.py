"""Copies of an edited network whose weights are ordinary."""

from copy import deepcopy
from typing import Any

import torch
from torch.nn.utils import parametrize


def plain_copy(network: Any) -> Any:
    """A copy of a ``VisionLanguage`` with adapters merged, and rows that were trained apart written into their weights.

    Args:
        network: The network; it is not changed.
    """
    with torch.inference_mode(False), torch.no_grad():
        copy = deepcopy(network)
        for module in list(copy.modules()):
            if parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
        copy.merge()
    return copy
