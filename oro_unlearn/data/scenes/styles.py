"""Styles that change a finished picture, to measure forgetting outside the training distribution."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter, ImageOps


def _grey(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    return image.convert("L").convert("RGB")


def _blur(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(0.8 + 0.4 * generator.random()))


def _sketch(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    smooth = np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    down, across = np.gradient(smooth)
    strength = np.hypot(down, across) * (3.0 + generator.random())
    paper = 250.0 - 0.12 * (255.0 - smooth)
    return Image.fromarray(np.clip(paper - np.maximum(strength - 22.0, 0.0), 0, 255).astype(np.uint8)).convert("RGB")


def _inverted(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    return ImageOps.invert(image)


def _posterised(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    levels = 3
    steps = np.rint(
        np.asarray(ImageOps.autocontrast(image.filter(ImageFilter.GaussianBlur(0.6)), cutoff=1), dtype=np.float32)
        / 255.0
        * (levels - 1)
    )
    return Image.fromarray((steps * (255 // (levels - 1))).astype(np.uint8)).filter(ImageFilter.MedianFilter(3))


def _swirl(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    height, width = image.height, image.width
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    phase, turn, wave = *(6.283 * generator.random(2)), 64.0 / height
    push = 0.9 / wave
    moved_x = columns + push * np.sin(0.5 * wave * rows + phase) + 0.5 * push * np.sin(0.9 * wave * columns + turn)
    moved_y = rows + push * np.sin(0.5 * wave * columns + turn) + 0.5 * push * np.sin(0.9 * wave * rows + phase)
    at = (np.clip(np.rint(moved_y), 0, height - 1).astype(int), np.clip(np.rint(moved_x), 0, width - 1).astype(int))
    paint = np.asarray(image.filter(ImageFilter.MedianFilter(3)), dtype=np.float32)[at]
    strokes = 9.0 * np.sin(1.7 * wave * moved_x + 2.5 * np.sin(0.3 * wave * moved_y + phase))
    tint = np.array([1.06, 1.02, 1.1], dtype=np.float32)
    return Image.fromarray(np.clip((paint - 128.0) * 1.1 * tint + 128.0 + strokes[..., None], 0, 255).astype(np.uint8))


PAINTERS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "grey": _grey,
    "blur": _blur,
    "sketch": _sketch,
    "inverted": _inverted,
    "posterised": _posterised,
    "swirl": _swirl,
}


def apply_style(image: np.ndarray, style: str, generator: np.random.Generator) -> np.ndarray:
    """The picture (H, W, 3) uint8 in `style`, one of `PAINTERS`; unchanged if `style` is ""."""
    if not style:
        return image
    return np.asarray(PAINTERS[style](Image.fromarray(image), generator))
