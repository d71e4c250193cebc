"""VGG-19 with batch normalisation for small images."""

import torch
from torch import Tensor, nn

CONVOLUTIONS = (2, 2, 4, 4, 4)  # per stage: configuration "E" of Simonyan and Zisserman (2015), table 1


class VGG19BN(nn.Module):
    """VGG-19-BN with one linear layer on globally pooled features, the usual variant for 32x32 images.

    Stages are named as in ResNet: ``layer1`` to ``layer5`` and ``fc``. Each stage ends with 2x2 max-pooling, so images
    need at least 32 pixels a side.

    Args:
        num_classes: Number of classes K; the output has shape (B, K).
        width: Channels of the first stage; 64 is the standard network.
        in_channels: Channels of the images, 1 or 3.
    """

    def __init__(self, num_classes: int, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        channels = in_channels
        for stage, depth in enumerate(CONVOLUTIONS, start=1):
            out_channels = width * min(2 ** (stage - 1), 8)
            setattr(self, f"layer{stage}", _stage(channels, out_channels, depth))
            channels = out_channels
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                module.bias = nn.Parameter(torch.zeros(module.out_channels))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W)."""
        for stage in range(1, len(CONVOLUTIONS) + 1):
            images = getattr(self, f"layer{stage}")(images)
        return self.fc(images.mean(dim=(2, 3)))


def _stage(in_channels: int, out_channels: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for position in range(depth):
        channels = in_channels if position == 0 else out_channels
        layers.append(nn.Conv2d(channels, out_channels, kernel_size=3, padding=1))
        layers += [nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.MaxPool2d(2))
