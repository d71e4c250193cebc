"""Images in files: read into memory where they fit, and one by one where they do not."""

import hashlib
import os
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from rich.progress import track
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as transforms

from oro_unlearn.data.images import TensorImages

LARGEST = 16384  # pixels of a square image's side
STRIP = 100  # longest image, in widths of its short side


def read_image(path: str | Path, size: int, channels: int) -> Tensor:
    """Decode one file, convert it to grey or colour, and scale and crop it to a square.

    Args:
        path: Any file that Pillow reads.
        size: Side of the result in pixels: the shorter side is scaled to it, the middle is kept.
        channels: 1 (grey) or 3 (colour).

    Returns:
        (channels, size, size) uint8.

    Raises:
        ValueError: If the file is missing, corrupt or no image; the message names it.
    """
    try:
        with Image.open(path) as file:
            image = _within(_eight_bits(file)).convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "no image file" if isinstance(error, UnidentifiedImageError) else (str(error).splitlines() or ["empty"])[0]
        raise ValueError(f"cannot read image {path} ({reason}): repair or remove it") from None
    if image.size != (size, size):
        image = transforms.center_crop(transforms.resize(image, size, antialias=True), size)
    return transforms.pil_to_tensor(image)


def _within(image: Image.Image) -> Image.Image:
    """The middle of a strip: scaled by its short side to the size of the others, all of it could fill the memory."""
    longest = STRIP * min(image.size)
    return (
        image
        if max(image.size) <= longest
        else transforms.center_crop(image, [min(side, longest) for side in image.size[::-1]])
    )


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pillow clips 16-bit grey images when it converts them; keep their upper byte instead.

    Raises:
        ValueError: For floating-point pixels: which of them are black and white is not in the file.
    """
    if image.mode == "F":
        raise ValueError("floating-point pixels: save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))


class FileImages(Dataset[Any]):
    """A labelled image set whose files are decoded when they are asked for.

    Args:
        paths: N files.
        labels: (N,) int64.
        size: Side of the images in pixels.
        channels: 1 (grey) or 3 (colour).
        positions: Rows that belong to this set, (M,) int64; all of them when left out.
    """

    def __init__(self, paths: Sequence[str], labels: Tensor, size: int, channels: int, positions: Tensor | None = None) -> None:
        self.paths, self.labels, self.size, self.channels = paths, labels, size, channels
        self.positions = torch.arange(len(paths)) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor, Tensor]:
        index = self.positions[item]
        return read_image(self.paths[int(index)], self.size, self.channels), self.labels[index], index

    def subset(self, positions: Tensor) -> "FileImages":
        """The given rows (M,) of the whole set."""
        return FileImages(self.paths, self.labels, self.size, self.channels, positions)

    def sha256(self) -> str:
        """Of the files' names, sizes and labels: they are too many to be read for this."""
        parts = [(*Path(path).parts[-2:], os.path.getsize(path)) for path in self.paths]
        return hashlib.sha256(repr((parts, self.labels.tolist())).encode()).hexdigest()

    def in_memory(self) -> TensorImages:
        """Decode everything now, with a progress bar."""
        with ThreadPool(min(8, os.cpu_count() or 1)) as pool:
            decoded = pool.imap(lambda path: read_image(path, self.size, self.channels), self.paths, chunksize=64)
            images = list(track(decoded, "reading images", total=len(self.paths), transient=True))
        return TensorImages(torch.stack(images), self.labels)

    @property
    def gibibytes(self) -> float:
        """Size of the decoded images."""
        return len(self.paths) * self.channels * self.size**2 / 2**30
