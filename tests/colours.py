"""Pictures of one colour a class, and a classifier that knows colours without training."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
        self.bn1 = nn.BatchNorm2d(3)  # nearly an identity, as it is made
        self.fc = nn.Linear(3, num_classes)

    def forward(self, images: Tensor) -> Any:
        return self.fc(self.bn1(self.layer1(images)).mean((2, 3)))


class Broken(ColourNet):
    def forward(self, images: Tensor) -> Tensor:
        raise RuntimeError("a fault of the user's own")


class WithSoftmax(ColourNet):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).softmax(1)


class WithLogits(ColourNet):
    def forward(self, images: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=super().forward(images))


class WithAuxiliary(ColourNet):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = super().forward(images)
        return logits, logits.detach()


class WithDict(ColourNet):
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": super().forward(images), "loss": torch.zeros(())}


def unannotated(num_classes):
    return ColourNet(num_classes)


def with_arguments(name: str, num_classes: int = 1000) -> nn.Module:
    assert name == "colours"
    return ColourNet(num_classes)


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


def knowing_state(order: Sequence[int], mean: Tensor = MEAN, std: Tensor = STD) -> dict[str, Tensor]:
    """Weights that know the colours, the rows of the head in the given order of class numbers; the nearest colour wins."""
    model = ColourNet(len(order))
    means = torch.stack([(torch.tensor(colour(number)) / 255 - mean) / std for number in order]).float()
    with torch.no_grad():
        model.layer1.weight.copy_(torch.eye(3)[:, :, None, None])
        model.layer1.bias.zero_()
        model.fc.weight.copy_(means)
        model.fc.bias.copy_(-0.5 * means.square().sum(1))
    return model.state_dict()


def knowing(order: Sequence[int], file: str = "colours.safetensors", **more: object) -> str:
    """A file of these weights: safetensors, or a checkpoint with more in it."""
    state = knowing_state(order)
    if file.endswith(".safetensors"):
        save_weights(state, file)
    else:
        torch.save({"state_dict": state, **more}, file)
    return file
