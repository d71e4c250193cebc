"""Pictures of one colour a class, and a classifier that knows colours without training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from oro_unlearn.networks import save_weights

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # ImageNet's, the default


class ColourNet(nn.Module):
    """Two linear layers on the mean colour; of the first, an identity, something can be trained."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layer1 = nn.Conv2d(3, 3, 1)
        self.fc = nn.Linear(3, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.layer1(images).mean((2, 3)))


class WithSoftmax(ColourNet):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).softmax(1)


def colour(number: int) -> np.ndarray:
    """Of class ``number``: no two of the first 216 are the same."""
    steps = np.arange(6) * 51
    return np.array([steps[number * 5 % 6], steps[number // 6 % 6], steps[(number // 36 + number * 7) % 6]])


def write_pictures(
    root: Path | str, classes: Sequence[str], parts: Sequence[str] = ("train/", "test/"), count: int = 4, size: int = 8
) -> Path:
    """A folder of pictures a class, in each of several parts."""
    generator = np.random.default_rng(0)
    for part in parts:
        for number, name in enumerate(classes):
            folder = Path(root) / f"{part}{name}"
            folder.mkdir(parents=True, exist_ok=True)
            for position in range(count):
                pixels = colour(number) + generator.normal(0, 4, (size, size, 3))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{position}.png")
    return Path(root)


def knowing(
    order: Sequence[int], file: str = "colours.safetensors", network: type[nn.Module] = ColourNet, **more: object
) -> str:
    """Weights that know the colours, the rows of the head in the given order of class numbers; the nearest colour wins."""
    model = network(len(order))
    means = torch.stack([(torch.tensor(colour(number)) / 255 - MEAN) / STD for number in order]).float()
    with torch.no_grad():
        model.layer1.weight.copy_(torch.eye(3)[:, :, None, None])
        model.layer1.bias.zero_()
        model.fc.weight.copy_(means)
        model.fc.bias.copy_(-0.5 * means.square().sum(1))
    if file.endswith(".safetensors"):
        save_weights(model, file)
    else:
        torch.save({"state_dict": model.state_dict(), **more}, file)
    return file
