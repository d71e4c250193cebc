"""Images in memory as uint8, read batch by batch, and their augmentation on the device."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset

from oro_unlearn.data.batches import ALONE, Share
from oro_unlearn.data.contract import LabelledImages
from oro_unlearn.files import sha256_of

Sample = tuple[Tensor, Tensor, Tensor]  # images (B, C, H, W) uint8, labels (B,), index (B,)


class TensorImages(Dataset[Any]):
    """A labelled image set in memory.

    A DataLoader fetches a whole batch in one indexing operation (``__getitems__``), so images are never read one by one.
    ``images``, ``labels`` and ``positions`` stay on the CPU; batches may be read from a copy on a device (:meth:`to`).

    Args:
        images: (N, C, H, W) uint8.
        labels: (N,) int64.
        positions: Rows that belong to this set, (M,) int64; default: all rows. Subsets share memory.
    """

    def __init__(self, images: Tensor, labels: Tensor, positions: Tensor | None = None) -> None:
        self.images, self.labels = images, labels
        self.positions = torch.arange(len(labels)) if positions is None else positions
        self._source = [images, labels]  # batches are read from these; all subsets share the list

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> Sample:
        index = self.positions[item]
        return self.images[index], self.labels[index], index

    def __getitems__(self, items: Sequence[int]) -> Sample:
        """One batch on the device of :meth:`to`; ``index`` is the sample's position in the whole training (or test) set."""
        images, labels = self._source
        index = copied(self.positions[torch.as_tensor(items)], images.device)
        return images[index], labels[index], index

    def sha256(self) -> str:
        """SHA-256 of the images and labels of the whole set, with their shapes and types."""
        named = [(f"{tuple(part.shape)} {part.dtype}", part.contiguous().numpy()) for part in (self.images, self.labels)]
        return sha256_of(part for parts in named for part in parts)

    def to(self, device: torch.device) -> None:
        """Read batches of this set, and of all sets that share its memory, from one copy on a device. The CPU needs no copy."""
        if self._source[0].device != device:
            self._source[:] = self.images.to(device), self.labels.to(device)

    def subset(self, positions: Tensor) -> "TensorImages":
        """A set with the given rows (M,) of the whole set. It shares the memory, also on the device."""
        part = TensorImages(self.images, self.labels, positions)
        part._source = self._source
        return part


def without_images(data: LabelledImages) -> TensorImages:
    """The same labels and positions, with images (B, 0) in a batch: no image is read. For methods that need no images."""
    return TensorImages(torch.empty(len(data.labels), 0, dtype=torch.uint8), data.labels, data.positions)


def copied(values: Tensor, device: torch.device) -> Tensor:
    """Copy a small CPU tensor to a device without blocking."""
    return (values.pin_memory() if device.type == "cuda" else values).to(device, non_blocking=True)


def random_crop(images: Tensor, padding: int, share: Share = ALONE) -> Tensor:
    """Shift each image by up to ``padding`` pixels with zeros around it, like torchvision's ``RandomCrop(size, padding)``.

    Args:
        images: (B, C, H, W).
        padding: Pixels added on every side before the crop.
        share: Rank and number of processes W, if these are every W-th image of a batch. Shifts are drawn for the whole batch.
    """
    corners = torch.randint(0, 2 * padding + 1, (2, len(images) * share[1]), device=images.device)
    return crop(images, padding, corners[:, share[0] :: share[1]])


def crop(images: Tensor, padding: int, corners: Tensor) -> Tensor:
    """Pad images with zeros, and crop each at its given corner.

    Args:
        images: (B, C, H, W).
        padding: Pixels p added on every side before the crop.
        corners: Top row and left column of each crop in the padded image, (2, B) in [0, 2p].
    """
    height, width = images.shape[2:]
    crops = pad(images, [padding] * 4).unfold(2, height, 1).unfold(3, width, 1)  # (B, C, 2p + 1, 2p + 1, H, W), a view
    return crops[torch.arange(len(images), device=images.device), :, corners[0], corners[1]]


def random_flip(images: Tensor, share: Share = ALONE) -> Tensor:
    """Mirror each image (B, C, H, W) left to right with probability one half; ``share`` as in :func:`random_crop`."""
    flipped = torch.rand(len(images) * share[1], 1, 1, 1, device=images.device)[share[0] :: share[1]] < 0.5
    return torch.where(flipped, images.flip(3), images)


def alternating_flip(images: Tensor, index: Tensor, epoch: int) -> Tensor:
    """Mirror half of the images in even epochs and the other half in odd epochs: two epochs show each image both ways.

    Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.6. The highest bit of a product selects the half:
    the index times the odd number nearest to 2^64 divided by the golden ratio. This spreads each half evenly over any run of
    indices.

    Args:
        images: (B, C, H, W).
        index: (B,) int64, position in the training set.
        epoch: Number of the epoch, from 0.
    """
    odd = index * -7046029254386353131 < 0  # int64 wraps; the highest bit is the sign
    return torch.where((odd ^ bool(epoch % 2))[:, None, None, None], images.flip(3), images)
