"""Images in memory as uint8, read batch by batch, and their augmentation on the device."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset

Sample = tuple[Tensor, Tensor, Tensor]  # images (B, C, H, W) uint8, labels (B,), index (B,)


class LabelledImages(Protocol):
    """What a data module needs of a data set."""

    labels: Tensor  # (N,) of the whole set
    positions: Tensor  # (M,) rows of the whole set that belong to this one

    def __len__(self) -> int: ...

    def subset(self, positions: Tensor) -> "LabelledImages":
        """The given rows of the whole set."""


class TensorImages(Dataset[Any]):
    """A labelled image set that lives in memory.

    A DataLoader fetches a whole batch in one indexing operation (``__getitems__``), so no image is ever touched alone.

    Args:
        images: (N, C, H, W) uint8.
        labels: (N,) int64.
        positions: Rows that belong to this set, (M,) int64; all of them when left out. Subsets share memory.
    """

    def __init__(self, images: Tensor, labels: Tensor, positions: Tensor | None = None) -> None:
        self.images, self.labels = images, labels
        self.positions = torch.arange(len(labels)) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> Sample:
        index = self.positions[item]
        return self.images[index], self.labels[index], index

    def __getitems__(self, items: Sequence[int]) -> Sample:
        """One batch; ``index`` is the sample's position in the whole training (or test) set."""
        index = self.positions[torch.as_tensor(items)]
        return self.images[index], self.labels[index], index

    def subset(self, positions: Tensor) -> "TensorImages":
        """The given rows (M,) of the whole set, sharing its memory."""
        return TensorImages(self.images, self.labels, positions)


def random_crop(images: Tensor, padding: int) -> Tensor:
    """Shift each image by up to ``padding`` pixels with zeros around it, as torchvision's ``RandomCrop(size, padding)``.

    Args:
        images: (B, C, H, W).
        padding: Pixels added on every side before the crop.
    """
    batch, _, height, width = images.shape
    padded = pad(images, [padding] * 4).permute(0, 2, 3, 1)  # (B, H + 2p, W + 2p, C)
    shifts = torch.randint(0, 2 * padding + 1, (2, batch, 1, 1), device=images.device)
    rows = shifts[0] + torch.arange(height, device=images.device)[:, None]  # (B, H, 1)
    columns = shifts[1] + torch.arange(width, device=images.device)  # (B, 1, W)
    samples = torch.arange(batch, device=images.device)[:, None, None]
    return padded[samples, rows, columns].permute(0, 3, 1, 2)


def random_flip(images: Tensor) -> Tensor:
    """Mirror each image (B, C, H, W) left to right with probability one half."""
    flipped = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(flipped, images.flip(3), images)
