"""Check whether an original recognises far more pictures under another usual normalisation."""

from collections.abc import Iterable
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from oro_unlearn.metrics import fewer

if TYPE_CHECKING:
    from oro_unlearn.data.contract import LabelledData

CERTAIN = 0.001  # significance level; strict, because with few pictures normalisations differ by chance
Statistics = tuple[list[float], list[float]]  # mean and deviation of each channel
USUAL: list[Statistics] = [
    ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),  # ImageNet
    ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),  # TensorFlow's networks, Inception, many ViTs
    ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),  # none
    ([0.481, 0.458, 0.408], [0.269, 0.261, 0.276]),  # CLIP
]


def likelier_normalisation(method: Any, batches: Iterable[tuple[Tensor, Tensor]], right: int, pictures: int) -> str:
    """A message if far more answers would be right under another normalisation; else empty.

    No other normalisation is tried if at least half of the answers are right, or if the data have a fixed normalisation.

    Args:
        method: A class method whose original is loaded.
        batches: Images in the current normalisation, and their labels.
        right: Number of right answers under the current normalisation.
        pictures: Number of pictures.
    """
    data: LabelledData = method.data
    if 2 * right >= pictures or "mean" not in signature(type(data).__init__).parameters or len(data.mean) != 3:
        return ""
    hits = torch.zeros(len(USUAL), dtype=torch.long)
    for images, labels in batches:
        pixels = data.to_pixels(images)
        hits += torch.tensor([_right(method, pixels, labels, *statistics) for statistics in USUAL])
    best = int(hits.argmax())
    if not fewer(int(hits[best]), right, pictures, CERTAIN):
        return ""
    mean, std = USUAL[best]
    return (
        f"the normalisation is likely wrong: the original is right about {right} of {pictures} test pictures of all else, and "
        f'with --data.mean "{mean}" --data.std "{std}" it would be about {int(hits[best])}'
    )


def _right(method: Any, pixels: Tensor, labels: Tensor, mean: list[float], std: list[float]) -> int:
    shift, scale = (torch.tensor(values, device=pixels.device)[:, None, None] for values in (mean, std))
    return int((method._probe(method.original, (pixels - shift) / scale).argmax(1).cpu() == labels).sum())
