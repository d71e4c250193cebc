"""Articles of clothing."""

from typing import Any

from oro_unlearn.data.images.torchvision_data import TorchvisionData


class FashionMNIST(TorchvisionData):
    """FashionMNIST: 60,000 training and 10,000 test images of 28x28 pixels (Xiao et al. 2017).

    Args:
        channels: 1 (as stored) or 3.
        kwargs: Arguments of :class:`TorchvisionData`.
    """

    name = "fashion_mnist"
    source = "FashionMNIST"
    names = ("t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
    pixel_mean = (0.2860,)
    pixel_std = (0.3530,)

    def __init__(self, channels: int = 1, **kwargs: Any) -> None:
        super().__init__(channels=channels, **kwargs)
