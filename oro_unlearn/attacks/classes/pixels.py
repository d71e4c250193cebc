"""The values that pixels may have, from images: normalised images have no fixed range."""

from typing import NamedTuple

from torch import Tensor


class PixelRange(NamedTuple):
    """Lowest and highest value, mean and standard deviation of each channel, (C, 1, 1) each."""

    low: Tensor
    high: Tensor
    mean: Tensor
    spread: Tensor


def pixel_range(images: Tensor) -> PixelRange:
    """The range of the pixels of some images.

    Args:
        images: (N, C, H, W) float, on any device.
    """
    ends = images.amin((0, 2, 3))[:, None, None], images.amax((0, 2, 3))[:, None, None]
    middle = images.mean((0, 2, 3))[:, None, None], images.std((0, 2, 3))[:, None, None].clamp(min=1e-6)
    return PixelRange(*(value.cpu() for value in (*ends, *middle)))


def moved(pixels: PixelRange, like: Tensor) -> PixelRange:
    """The same range, on the device and in the type of a tensor, ready for gradients.

    Args:
        pixels: The range.
        like: The tensor.
    """
    return PixelRange(*(value.to(like).clone() for value in pixels))
