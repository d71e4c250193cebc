"""The items of a caption benchmark, and their pictures as far as they are there."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from oro_unlearn.data.images.decoding import REASONS, Reading, decode, reason
from oro_unlearn.user_error import UserError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


class Item(NamedTuple):
    """One picture with its caption.

    Args:
        kind: What the foil changes, such as ``replace_rel``; or the relation.
        caption: The caption that is right; of an item without a foil, the caption that is asked about.
        foil: A caption that is wrong; empty if the benchmark gives none.
        picture: Name of the picture's file.
        crop: Left, top, right and lower edge of the part that is shown, in pixels; None for the whole picture.
        right: Whether the caption is right. False only in benchmarks without foils.
        partner: Number of the item whose caption is this item's foil, and the other way round; -1 without one.
    """

    kind: str
    caption: str
    foil: str
    picture: str
    crop: tuple[int, int, int, int] | None = None
    right: bool = True
    partner: int = -1


@dataclass
class CaptionBenchmark:
    """A caption benchmark.

    Args:
        name: Name of the benchmark.
        files: The files that were read.
        items: All items.
        places: Paths of pictures by file name.
    """

    name: str
    files: list[Path]
    items: list[Item]
    places: dict[str, Path]

    @cached_property
    def texts(self) -> list[str]:
        """Every caption and foil once."""
        return list(dict.fromkeys(text for item in self.items for text in (item.caption, item.foil) if text))

    @cached_property
    def shown(self) -> list[int]:
        """Positions of the items whose pictures are there."""
        return [number for number, item in enumerate(self.items) if item.picture in self.places]

    def image(self, position: int, size: int) -> Tensor:
        """The picture of an item, (3, size, size) uint8: the shorter side scaled, the middle kept.

        Raises:
            UserError: If the file cannot be read, or the part that is shown is not in the picture.
        """
        item = self.items[position]
        path = self.places[item.picture]
        try:
            image = decode(path, 3, Reading())
        except REASONS as error:
            raise UserError(f"cannot read image {path} ({reason(error)}): repair or remove it") from None
        if item.crop is not None:
            image = _cropped(image, item.crop, path)
        return transforms.pil_to_tensor(transforms.center_crop(transforms.resize(image, size, antialias=True), size))


def _cropped(image: Image.Image, crop: tuple[int, int, int, int], path: Path) -> Image.Image:
    left, top, right, lower = max(0, crop[0]), max(0, crop[1]), min(image.width, crop[2]), min(image.height, crop[3])
    if left >= right or top >= lower:
        raise UserError(f"{path}: the part {crop} is not in the picture, which has {image.width} x {image.height} pixels")
    return image.crop((left, top, right, lower))


def picture_places(folder: Path) -> dict[str, Path]:
    """Paths of the pictures in a folder, by file name; of equal names the first, in sorted order.

    Raises:
        UserError: If there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"--data.benchmark_images: {folder} is not a folder")
    places: dict[str, Path] = {}
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(ENDINGS):
                places.setdefault(name, Path(root) / name)
    return places
