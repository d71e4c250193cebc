"""Images per second: the batches of this package against torchvision's data set and a DataLoader with two workers.

    python -m benchmarks.speed.data_path

Images have CIFAR-10's shape and random pixels. Both crop with 4 pixels of padding, mirror and normalise.
Writes benchmarks/results/speed_data_path.json.
"""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.speed.timing import in_turn, ratio, rounded, write
from oro_unlearn.data import CIFAR10
from oro_unlearn.data.images.image_data import ImageData
from oro_unlearn.data.images.labelled_images import TensorImages

COUNT, BATCH = 10_000, 128


class AsTorchvision(Dataset[Any]):
    """What torchvision.datasets.CIFAR10 does for each image: a row of an array, PIL, the transforms."""

    def __init__(self, pixels: np.ndarray[Any, Any], labels: list[int], transform: Any) -> None:
        self.pixels, self.labels, self.transform = pixels, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, item: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(self.pixels[item])), self.labels[item]


def main() -> None:
    """Measure an epoch of either, workers started, and write."""
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3)).astype(np.uint8)
    labels = torch.arange(COUNT) % 10
    data: ImageData = CIFAR10(batch_size=BATCH, crop_padding=4, flip=True)
    steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    usual = AsTorchvision(pixels, labels.tolist(), transforms.Compose([*steps, transforms.Normalize(data.mean, data.std)]))
    theirs = DataLoader(usual, batch_size=BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    ours = data.loader(TensorImages(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), labels), shuffle=True)

    def read_theirs() -> None:
        for images, _ in theirs:
            assert images.dtype == torch.float32

    def read_ours() -> None:
        for batch in ours:
            images, *_ = data.prepare(batch, augment=True)
            assert images.dtype == torch.float32

    seconds = in_turn({"torchvision, 2 workers": read_theirs, "ours": read_ours})
    rate = {name: round(COUNT / sorted(values)[len(values) // 2]) for name, values in seconds.items()}
    row = {
        "what": "data path: torchvision with 2 workers vs ours, crop + flip + normalise",
        "ratio": ratio(seconds, "torchvision, 2 workers", "ours"),
        "target": ">= 10",
        "images_per_second": rate,
        "seconds": rounded(seconds),
    }
    write("data_path", [row])


if __name__ == "__main__":
    main()
