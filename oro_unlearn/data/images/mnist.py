"""Handwritten digits."""

from typing import Any

from oro_unlearn.data.images.torchvision_data import TorchvisionData


class MNIST(TorchvisionData):
    """MNIST: 60,000 training and 10,000 test images of 28x28 pixels (LeCun et al. 1998).

    Args:
        channels: 1 (as stored) or 3.
        kwargs: Arguments of :class:`TorchvisionData`.
    """

    name = "mnist"
    source = "MNIST"
    names = tuple("0123456789")
    pixel_mean = (0.1307,)
    pixel_std = (0.3081,)

    def __init__(self, channels: int = 1, **kwargs: Any) -> None:
        super().__init__(channels=channels, **kwargs)
