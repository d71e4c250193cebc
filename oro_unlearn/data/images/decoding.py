"""Decode one picture file to eight bits per channel."""

import math
import struct
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from oro_unlearn.files import first_line
from oro_unlearn.user_error import UserError

ORIENTATION = 0x0112  # EXIF tag
WHITE = (255, 255, 255)
Depth = Literal["integers", "floats"]
Range = tuple[float, float]  # values of black and white
REASONS = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


class Reading(NamedTuple):
    """Options for decoding picture files."""

    exif_orientation: bool = True
    background: tuple[int, ...] = WHITE  # red, green and blue behind transparent pixels
    ranges: Mapping[Depth, Range] = {}  # of files with more than eight bits; default: each file's own range


class Facts(NamedTuple):
    """Facts from a file's header."""

    depth: Depth | None = None  # None: eight bits or fewer
    transparent: bool = False
    turned: bool = False  # its EXIF orientation is not upright
    problem: str = ""  # why it cannot be read


def inspect(path: str | Path) -> Facts:
    """Read a file's header, not its pixels."""
    try:
        with Image.open(path) as file:
            return Facts(_depth(file), file.has_transparency_data, _orientation(file) != 1)
    except REASONS as error:
        return Facts(problem=reason(error))


def reason(error: Exception) -> str:
    """Why a picture cannot be read, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "no image file"
    return first_line(error) if str(error) else "empty"


def decode(path: str | Path | BytesIO, channels: int, reading: Reading) -> Image.Image:
    """Decode the first picture of a file as grey or colour of eight bits.

    Args:
        path: Any file that Pillow reads, or its content. Colours of 16 bits are read from files only.
        channels: 1 (grey) or 3 (colour).
        reading: Options for decoding.

    Raises:
        UserError: If the file cannot be read. Pillow may raise another error of ``REASONS`` instead.
    """
    with Image.open(path) as file:
        depth = _depth(file)
        image = file if depth is None else _scaled(_values(file), reading.ranges.get(depth))
        file.load()
        turned = _orientation(file) if reading.exif_orientation else 1
        if turned != 1:
            image.getexif()[ORIENTATION] = turned
            image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = _on_background(image, reading.background)
        return image.convert("L" if channels == 1 else "RGB")


def range_of(paths: Iterable[str]) -> Range:
    """Lowest and highest value in files with more than eight bits.

    Args:
        paths: Files of one depth. Files that cannot be read are left out.
    """
    low, high = math.inf, -math.inf
    for path in paths:
        try:
            with Image.open(path) as file:
                values = _values(file)
        except REASONS:
            continue
        span = _span(values)
        low, high = min(low, span[0]), max(high, span[1])
    return (low, high) if low <= high else (0.0, 1.0)


def _span(values: np.ndarray) -> Range:
    """Lowest and highest of the values (H, W) or (H, W, channels), without those of an alpha channel."""
    colours = values[..., :-1] if _has_alpha(values) else values
    return float(colours.min()), float(colours.max())


def _has_alpha(values: np.ndarray) -> bool:
    return values.ndim == 3 and values.shape[2] in (2, 4)


def _orientation(file: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 (upright) if it is missing or cannot be read."""
    if file.format == "PNG" and "exif" not in file.info:  # otherwise Pillow would decode the file to search it
        return 1
    try:
        orientation = file.getexif().get(ORIENTATION, 1)
    except (*REASONS, struct.error, KeyError, TypeError):
        return 1
    return orientation if orientation in range(1, 9) else 1


def _depth(file: Image.Image) -> Depth | None:
    """Kind of a file's values if they have more than eight bits; otherwise None."""
    if file.mode == "F":
        return "floats"
    tiles = getattr(file, "tile", None) or []
    arguments = tiles[0][3] if tiles else ""
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    deep = file.mode.startswith("I") or ";16" in str(raw)  # Pillow reduces colours of 16 bits to eight
    return "integers" if deep else None


def _values(file: Image.Image) -> np.ndarray:
    """The values in a file with more than eight bits, (H, W) or (H, W, channels).

    Raises:
        UserError: If the values are not finite, or their format is not supported.
    """
    if file.mode[0] in "IF":
        values = np.asarray(file).astype(np.float64)
    elif file.format == "PNG":
        values = _colours_of_png(str(getattr(file, "filename", "")))
    else:
        raise UserError(f"colours of 16 bits in {file.format}: save it as PNG, or with 8 bits")
    if not np.isfinite(values).all():
        raise UserError("pixels that are not finite numbers")
    return values


def _colours_of_png(path: str) -> np.ndarray:
    from torchvision.io import ImageReadMode, decode_image

    try:
        data = torch.frombuffer(bytearray(Path(path).read_bytes()), dtype=torch.uint8)
        image = decode_image(data, mode=ImageReadMode.UNCHANGED)
    except RuntimeError as error:
        raise UserError(first_line(error)) from None
    return image.permute(1, 2, 0).numpy().astype(np.float64)


def _scaled(values: np.ndarray, span: Range | None) -> Image.Image:
    """Scale values to eight bits. The range's ends, and values beyond them, become 0 and 255. Alpha keeps its own range."""
    low, high = span or _span(values)
    colours: Any = ((values - low) * (255 / max(high - low, 1e-12))).round().clip(0, 255).astype(np.uint8)
    if _has_alpha(values):
        colours[..., -1] = (values[..., -1] / 257).round()
    return Image.fromarray(colours[..., 0] if colours.ndim == 3 and colours.shape[2] == 1 else colours)


def _on_background(image: Image.Image, background: tuple[int, ...]) -> Image.Image:
    """Put a plain colour behind transparent pixels. Their hidden colour is not used: no viewer shows it."""
    cut = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", cut.size, (*background, 255)), cut)
