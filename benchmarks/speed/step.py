"""A training epoch of this package, in Lightning, against a bare PyTorch loop with the same network, batches and optimizer.

    python -m benchmarks.speed.step

The network is ResNet-18 (width 16), on images of CIFAR-10's shape, in float32. It is fast on any processor, so that Lightning's
overhead shows. Writes benchmarks/results/speed_step.json.
"""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.nn.functional import cross_entropy

from benchmarks.speed.timing import in_turn, now, ratio, rounded, write
from oro_unlearn.data import CIFAR10
from oro_unlearn.data.images.labelled_images import TensorImages
from oro_unlearn.methods import Training
from oro_unlearn.networks import ResNet18

QUIET: Any = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "enable_progress_bar": False}
COUNT, BATCH, PRECISION = 2_048, 64, "32-true"


class RandomImages(CIFAR10):
    """CIFAR-10's shape and augmentation, nothing read."""

    def load(self) -> tuple[TensorImages, TensorImages]:
        """Random pixels."""
        pixels = torch.randint(0, 256, (COUNT, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        images = TensorImages(pixels, torch.arange(COUNT) % 10)
        return images, images


class EpochClock(Callback):
    """Seconds of the last epoch."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start."""
        self.started = now()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop."""
        self.seconds = now() - self.started


def settings(parameters: Any) -> torch.optim.Optimizer:
    """The optimizer of both."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)


def ours(data: RandomImages) -> float:
    """An epoch of Trainer.fit."""
    torch.manual_seed(0)
    clock = EpochClock()
    method = Training(network=lambda num_classes: ResNet18(num_classes, width=16), num_classes=10, optimizer=settings)
    Trainer(max_epochs=1, precision=PRECISION, callbacks=[clock], **QUIET).fit(method, datamodule=data)
    return float(clock.seconds)


def bare(data: RandomImages) -> float:
    """An epoch of a loop."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = ResNet18(10, width=16).to(device, memory_format=torch.channels_last).train()
    optimizer = settings(network.parameters())
    loader = data.loader(data.split("train"), shuffle=True)
    started = now()
    for batch in loader:
        images, labels, _ = data.prepare(tuple(part.to(device) for part in batch), augment=True)
        loss = cross_entropy(network(images.contiguous(memory_format=torch.channels_last)).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return now() - started


def main() -> None:
    """Measure and write."""
    from oro_unlearn.cli import settle

    settle()
    data = RandomImages(batch_size=BATCH, crop_padding=4, flip=True)
    seconds = in_turn({"Lightning": lambda: ours(data), "bare loop": lambda: bare(data)}, runs=7)
    row = {
        "what": "training epoch: ours through Lightning vs a bare loop",
        "ratio": ratio(seconds, "Lightning", "bare loop"),
        "target": "<= 1.05",
        "seconds": rounded(seconds),
    }
    write("step", [row], precision=PRECISION, images=COUNT)


if __name__ == "__main__":
    main()
