"""Real handwritten digits that ship with scikit-learn: no download."""

from typing import Any

import torch
from torch.nn.functional import interpolate

from oro_unlearn.data.images.image_data import ImageData, TensorImages, stratified_split, with_channels


class Digits(ImageData):
    """1,797 scans of handwritten digits (Alpaydin and Kaynak 1998, UCI), enlarged from 8x8 to 16x16 pixels.

    A fixed, stratified fifth of the images is the test split.

    Args:
        channels: 1 (as scanned) or 3.
        kwargs: Arguments of :class:`ImageData`.
    """

    name = "digits"
    split_made_by = "a fifth of each class is set aside here, always the same"

    def __init__(self, channels: int = 1, **kwargs: Any) -> None:
        super().__init__(channels=channels, **kwargs)
        self.mean, self.std = [0.305] * channels, [0.319] * channels  # of the training split, as enlarged

    @property
    def class_names(self) -> list[str]:
        """``0`` to ``9``."""
        return [str(digit) for digit in range(10)]

    def load(self) -> tuple[TensorImages, TensorImages]:
        """Training (1,437 images) and test set (360)."""
        from sklearn.datasets import load_digits

        pixels, targets = load_digits(return_X_y=True)
        images = torch.from_numpy(pixels).float().view(-1, 1, 8, 8) * (255 / 16)
        images = interpolate(images, size=16, mode="bilinear").round().byte()
        images, labels = with_channels(images, self.channels), torch.from_numpy(targets).long()
        train, test = stratified_split(labels, 0.2, seed=0)
        return TensorImages(images[train], labels[train]), TensorImages(images[test], labels[test])
