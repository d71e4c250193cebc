"""Images in files, which are decoded into memory at once or one by one on access."""

import os
from collections.abc import Callable, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, TypeVar

import torch
from PIL import Image
from rich import get_console
from rich.progress import track
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as transforms

from oro_unlearn.data.images.decoding import REASONS, Facts, Reading, decode, inspect, reason
from oro_unlearn.data.images.labelled_images import TensorImages
from oro_unlearn.files import sha256, sha256_of
from oro_unlearn.user_error import UserError

Result = TypeVar("Result")
LARGEST = 16384  # pixels of a square image's side
STRIP = 100  # longest side that is kept, as a multiple of the shortest side


def read_image(path: str | Path, size: int, channels: int, reading: Reading = Reading()) -> Tensor:  # noqa: B008 (a tuple)
    """Decode one file, convert it to grey or colour, and scale and crop it to a square.

    Args:
        path: Any file that Pillow reads.
        size: Side of the result in pixels. The shorter side is scaled to this length, and the middle is kept.
        channels: 1 (grey) or 3 (colour).
        reading: Options for decoding.

    Returns:
        (channels, size, size) uint8.

    Raises:
        UserError: If the file is missing, corrupt or not an image. The message names the file.
    """
    try:
        image = _within(decode(path, channels, reading))
    except REASONS as error:
        raise UserError(f"cannot read image {path} ({reason(error)}): repair or remove it") from None
    if image.size != (size, size):
        image = transforms.center_crop(transforms.resize(image, size, antialias=True), size)
    return transforms.pil_to_tensor(image)


def _within(image: Image.Image) -> Image.Image:
    """Crop a very long image to its middle. Scaling the whole image by its short side could fill the memory."""
    longest = STRIP * min(image.size)
    return (
        image
        if max(image.size) <= longest
        else transforms.center_crop(image, [min(side, longest) for side in image.size[::-1]])
    )


class FileImages(Dataset[Any]):
    """A labelled image set that decodes each file on access.

    Args:
        paths: N files.
        labels: (N,) int64.
        size: Side of the images in pixels.
        channels: 1 (grey) or 3 (colour).
        positions: Rows that belong to this set, (M,) int64; default: all rows.
        reading: Options for decoding.
    """

    def __init__(
        self,
        paths: Sequence[str],
        labels: Tensor,
        size: int,
        channels: int,
        positions: Tensor | None = None,
        reading: Reading = Reading(),  # noqa: B008 (a tuple)
    ) -> None:
        self.paths, self.labels, self.size, self.channels, self.reading = paths, labels, size, channels, reading
        self.positions = torch.arange(len(paths)) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor, Tensor]:
        index = self.positions[item]
        return self._read(self.paths[int(index)]), self.labels[index], index

    def _read(self, path: str) -> Tensor:
        return read_image(path, self.size, self.channels, self.reading)

    def subset(self, positions: Tensor) -> "FileImages":
        """A set with the given rows (M,) of the whole set."""
        return FileImages(self.paths, self.labels, self.size, self.channels, positions, self.reading)

    def sha256(self) -> str:
        """SHA-256 of the files' names and content, the labels and the options for decoding. Every file is read for this."""
        names = [Path(path).parts[-2:] for path in self.paths]
        parts = (names, _each(sha256, self.paths, "hashing images"), self.labels.tolist())
        return sha256_of([repr((*parts, self.size, self.channels, tuple(self.reading)))])

    def in_memory(self) -> TensorImages:
        """Decode everything now, with a progress bar."""
        return TensorImages(torch.stack(_each(self._read, self.paths, "reading images")), self.labels)

    @property
    def gibibytes(self) -> float:
        """Size of the decoded images in GiB."""
        return len(self.paths) * self.channels * self.size**2 / 2**30


def inspect_all(paths: Sequence[str], whole: Reading | None = None) -> list[Facts]:
    """Read the headers of files, with a progress bar.

    Args:
        paths: Paths of the files.
        whole: Options for decoding each file too, which finds damage behind the header. None: read headers only.
    """

    def look(path: str) -> Facts:
        facts = inspect(path)
        if whole is None or facts.problem:
            return facts
        try:
            decode(path, 3, whole)
        except REASONS as error:
            return facts._replace(problem=reason(error))
        return facts

    return _each(look, paths, "looking at images")


def _each(function: Callable[[str], Result], paths: Sequence[str], what: str) -> list[Result]:
    with ThreadPool(min(8, os.cpu_count() or 1)) as pool:
        results = pool.imap(function, paths, chunksize=64)
        quiet = not get_console().is_terminal
        return list(track(results, what, total=len(paths), transient=True, disable=quiet))
