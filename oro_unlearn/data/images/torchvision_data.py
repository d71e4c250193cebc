"""MNIST, FashionMNIST, CIFAR-10 and CIFAR-100, read by torchvision."""

from typing import Any

import torch
from torch import Tensor
from torchvision import datasets

from oro_unlearn.data.images.image_data import ImageData, TensorImages, data_root, downloading, with_channels
from oro_unlearn.user_error import UserError


class TorchvisionData(ImageData):
    """A small-image set of torchvision, kept in memory as uint8.

    Args:
        root: Folder that torchvision reads from and downloads to; default: ``$ORO_DATA``, or ``.data``.
        download: Fetch the files if they are missing.
        kwargs: Arguments of :class:`ImageData`.
    """

    source: str  # class name in torchvision.datasets
    names: tuple[str, ...]
    pixel_mean: tuple[float, ...]
    pixel_std: tuple[float, ...]

    def __init__(self, root: str = "", download: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root, self.download = data_root(root), download
        grey = len(self.pixel_mean) == 1
        self.mean = self.pixel_mean * self.channels if grey else self.pixel_mean[: self.channels]
        self.std = self.pixel_std * self.channels if grey else self.pixel_std[: self.channels]

    @property
    def class_names(self) -> list[str]:
        """Names as torchvision gives them, in lower case."""
        return list(self.names)

    def prepare_data(self) -> None:
        """Download once, on one process."""
        if self.download:
            for train in (True, False):
                with downloading(self.source):
                    getattr(datasets, self.source)(self.root, train=train, download=True)

    def load(self) -> tuple[TensorImages, TensorImages]:
        """The official training and test set."""
        return self._read(train=True), self._read(train=False)

    def _read(self, train: bool) -> TensorImages:
        try:
            data = getattr(datasets, self.source)(self.root, train=train)
        except RuntimeError:  # torchvision's error for missing or corrupted files
            raise UserError(
                f"{self.source} not found (or damaged) in {self.root}: add --data.download true, or set --data.root or ORO_DATA"
            ) from None
        images = torch.as_tensor(data.data)
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        return TensorImages(with_channels(images, self.channels).contiguous(), _labels(data.targets))


def _labels(targets: Any) -> Tensor:
    return torch.as_tensor(targets, dtype=torch.long)
