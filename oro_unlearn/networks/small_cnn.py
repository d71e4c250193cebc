"""A convolutional network that trains in seconds on a CPU."""

from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Three convolution stages and a linear layer: about 24 k parameters at width 16.

    Stages are named as in ResNet: ``layer1`` to ``layer3`` and ``fc``.

    Args:
        num_classes: Number of classes K; the output has shape (B, K).
        width: Channels of the first stage; later stages double it.
        in_channels: Channels of the images, 1 or 3.
    """

    def __init__(self, num_classes: int, width: int = 16, in_channels: int = 1) -> None:
        super().__init__()
        self.layer1 = _stage(in_channels, width, stride=1)
        self.layer2 = _stage(width, 2 * width, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, stride=2)
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W)."""
        features = self.layer3(self.layer2(self.layer1(images)))
        return self.fc(features.mean(dim=(2, 3)))


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
