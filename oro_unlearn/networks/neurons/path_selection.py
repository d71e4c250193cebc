"""Which neurons are edited: those of the paths of samples to forget that samples to keep do not need."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.user_error import UserError

Contrast = Literal["ratio", "difference", "none"]


class Overlap(NamedTuple):
    """Neurons that two selections have in common / neurons of either; 1 where both are empty."""

    layers: list[float]
    total: float


def select_paths(forget: list[Tensor], retain: list[Tensor] | None, top_k: int, contrast: Contrast) -> list[Tensor]:
    """The union over samples of their ``top_k`` neurons in each layer.

    With f for a sample's score to forget and r for the mean over samples to keep of the positive part of their scores::

        ratio        f / (r + mean of r over the layer)
        difference   f - r
        none         f, as in MIP-Editor (arXiv 2511.06793), which computes scores to keep and does not use them

    A neuron is chosen only where f is above 0, and only if f - r is with ``difference``. The ratio is that of MANU (arXiv
    2502.15910). Its offset has the scale of the layer's scores, so that a neuron that nothing needs is not chosen for a tiny f.

    Args:
        forget: Scores (samples, W) of each layer.
        retain: Scores (samples, W) of each layer on samples to keep. May be None if there is no contrast.
        top_k: Neurons of a layer and sample.
        contrast: ``ratio``, ``difference`` or ``none``.

    Returns:
        Neurons (n,) int64 of each layer, ascending; n may be 0.

    Raises:
        UserError: If scores to keep are missing.
    """
    if contrast == "none":
        return [_union(scores, top_k) for scores in forget]
    if retain is None:
        raise UserError(f"the contrast {contrast} needs scores of samples to keep")
    chosen = []
    for own, kept in zip(forget, retain, strict=True):
        needed = kept.clamp(min=0).mean(0)
        floor = needed.mean().clamp(min=torch.finfo(needed.dtype).tiny)
        chosen.append(_union(own / (needed + floor) if contrast == "ratio" else own - needed, top_k))
    return chosen


def _union(scores: Tensor, top_k: int) -> Tensor:
    """Neurons that are among the ``top_k`` of a sample (row) and have a score above 0."""
    best = scores.topk(min(top_k, scores.shape[1]), dim=1)
    return best.indices[best.values > 0].unique()


def random_paths(sizes: Sequence[tuple[int, int]], seed: int) -> list[Tensor]:
    """Neurons drawn at random, to compare with a selection of the same size.

    Args:
        sizes: Number of neurons to draw and width of each layer.
        seed: Seed of the draw.

    Returns:
        Neurons (n,) int64 of each layer, ascending.
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(width, generator=generator)[:number].sort().values for number, width in sizes]


def overlap(a: Sequence[Tensor], b: Sequence[Tensor]) -> Overlap:
    """Jaccard index of two selections, for each layer and in all.

    Args:
        a: Neurons (n,) int64 of each layer.
        b: The same of another selection of the same layers.
    """
    pairs = [(set(own.tolist()), set(other.tolist())) for own, other in zip(a, b, strict=True)]
    common, either = [len(own & other) for own, other in pairs], [len(own | other) for own, other in pairs]
    layers = [both / one if one else 1.0 for both, one in zip(common, either, strict=True)]
    return Overlap(layers, sum(common) / sum(either) if sum(either) else 1.0)
