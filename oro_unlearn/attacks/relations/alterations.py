"""Ways to alter pictures (B, 3, S, S) uint8. An alteration does the same to every picture."""

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import interpolate

Alteration = Callable[[Tensor], Tensor]  # uint8 pictures of the same size
Box = tuple[float, float, float]  # side, top and left, as parts of the side and of the room that is left
Mixture = Callable[[Tensor, Tensor], Tensor]  # one picture of two
CROPPED, COVERED = (0.5, 0.95), (0.15, 0.4)  # side of a crop, and of a patch, as a part of the picture's
PATCHES = 3  # most patches on a picture
GREY = 127
MIXTURES = ("average", "mostly the first", "left and right", "right and left", "above and below")


def crops(count: int, seed: int) -> list[Alteration]:
    """Square crops at random places, of half to nearly all of the side, each enlarged to the picture's size.

    Args:
        count: Number of crops.
        seed: Seed of the draws.
    """
    draw = random.Random(seed)
    boxes = [(draw.uniform(*CROPPED), draw.random(), draw.random()) for _ in range(count)]
    return [partial(_cropped, box=box) for box in boxes]


def _cropped(images: Tensor, box: Box) -> Tensor:
    size, (side, top, left) = images.shape[-1], box
    kept = max(1, round(side * size))
    y, x = round(top * (size - kept)), round(left * (size - kept))
    return _resized(images[..., y : y + kept, x : x + kept], size, size)


def occlusions(count: int, seed: int) -> list[Alteration]:
    """One to three grey squares at random places.

    Args:
        count: Number of alterations.
        seed: Seed of the draws.
    """
    draw = random.Random(seed)
    boxes = [
        [(draw.uniform(*COVERED), draw.random(), draw.random()) for _ in range(draw.randint(1, PATCHES))] for _ in range(count)
    ]
    return [partial(_covered, boxes=own) for own in boxes]


def _covered(images: Tensor, boxes: list[Box]) -> Tensor:
    covered, size = images.clone(), images.shape[-1]
    for side, top, left in boxes:
        patch = max(1, round(side * size))
        y, x = round(top * (size - patch)), round(left * (size - patch))
        covered[..., y : y + patch, x : x + patch] = GREY
    return covered


def mixture(name: str) -> Mixture:
    """One picture of two.

    Args:
        name: One of ``MIXTURES``. ``average`` and ``mostly the first`` weight the pixels; in the others each picture is
            squeezed into a half of the picture.
    """
    if name in ("average", "mostly the first"):
        weight = 0.5 if name == "average" else 0.65
        return lambda one, other: (weight * one.float() + (1 - weight) * other.float()).round().to(torch.uint8)
    axis = -2 if name == "above and below" else -1
    return lambda one, other: _beside(*((other, one) if name == "right and left" else (one, other)), axis)


def _beside(one: Tensor, other: Tensor, axis: int) -> Tensor:
    size = one.shape[-1]
    parts = []
    for images, length in ((one, size // 2), (other, size - size // 2)):
        height, width = (length, size) if axis == -2 else (size, length)
        parts.append(_resized(images, height, width))
    return torch.cat(parts, axis)


def _resized(images: Tensor, height: int, width: int) -> Tensor:
    resized = interpolate(images.float(), (height, width), mode="bilinear", antialias=True, align_corners=False)
    return resized.round().clamp(0, 255).to(torch.uint8)
