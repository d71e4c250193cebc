"""Copies of an edited network whose weights are ordinary."""

from copy import deepcopy
from typing import Any

import torch

from oro_unlearn.networks.neurons import plain_linears


def plain_copy(network: Any) -> Any:
    """A copy of a ``VisionLanguage`` with adapters merged, and rows that were trained apart written into their weights.

    Args:
        network: The network; it is not changed.
    """
    with torch.inference_mode(False), torch.no_grad():
        copy = deepcopy(network)
        plain_linears(copy)
        copy.merge()
    return copy
