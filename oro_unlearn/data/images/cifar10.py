"""Ten classes of small colour photographs."""

from oro_unlearn.data.images.torchvision_data import TorchvisionData


class CIFAR10(TorchvisionData):
    """CIFAR-10: 50,000 training and 10,000 test images of 32x32 pixels (Krizhevsky 2009)."""

    name = "cifar10"
    source = "CIFAR10"
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    pixel_mean = (0.4914, 0.4822, 0.4465)
    pixel_std = (0.2470, 0.2435, 0.2616)
