"""Embeddings of many captions."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def encode_captions(network: Any, captions: Sequence[str], size: int) -> Tensor:
    """Embed captions in batches.

    The batches are written into one tensor: many small ones between large temporary ones would leave holes in the memory.

    Args:
        network: A CLIP model, such as :class:`oro_unlearn.networks.OpenCLIP`.
        captions: N captions, at least one.
        size: Captions in a batch.

    Returns:
        (N, D) unit vectors.
    """
    found = torch.empty(0)
    for start in range(0, len(captions), size):
        vectors = network.encode_text(network.tokenize(captions[start : start + size]))
        found = found if start else vectors.new_empty(len(captions), vectors.shape[1])
        found[start : start + size] = vectors
    return found
