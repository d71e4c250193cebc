"""Cost of an audit: time against bare forward passes over the same images, with attacks, and memory for a million images.

    python -m benchmarks.speed.audit

Writes benchmarks/results/speed_audit.json.
"""

import resource
import sys
from typing import Any

import torch
from lightning.pytorch import Trainer

from benchmarks.speed.step import QUIET, RandomImages
from benchmarks.speed.timing import in_turn, now, ratio, rounded, write
from oro_unlearn.audit import attack_features, audited_images, scored
from oro_unlearn.data.images.image_data import MAIN_SPLITS
from oro_unlearn.data.images.labelled_images import TensorImages
from oro_unlearn.methods import Training
from oro_unlearn.methods.classes.class_audit import ClassAudit
from oro_unlearn.networks import ResNet18

SAMPLES, CLASSES, BATCH = 1_000_000, 1_000, 1_000
MODELS, IMAGES = 5, 20_000  # the edited model, the original and three retrained ones; every split of an audit is full


def seconds_of_an_audit(runs: int) -> dict[str, Any]:
    """Test of one classifier through the command line's own path, and its forward passes alone."""
    data = RandomImages(forget_index=[1], batch_size=256)
    torch.manual_seed(0)
    method = Training(network=lambda num_classes: ResNet18(num_classes, width=16), num_classes=10, forget_classes=[1])
    network = method.network.eval()
    trainer = Trainer(**QUIET)

    def audit() -> None:
        trainer.test(method, datamodule=data, verbose=False)

    @torch.no_grad()
    def forward() -> float:
        started = now()
        for split in MAIN_SPLITS:
            for batch in data.loader(data.split(split)):
                images, *_ = data.prepare(batch, augment=False)
                network(images.contiguous(memory_format=torch.channels_last))
        return now() - started

    seconds = in_turn({"audit": audit, "forward passes": forward}, runs)
    return {
        "what": "audit of one model vs a forward pass over the same images",
        "ratio": ratio(seconds, "audit", "forward passes"),
        "target": "<= 1.15",
        "seconds": rounded(seconds),
    }


class FullSplits(RandomImages):
    """Enough images to fill every split of an audit."""

    def load(self) -> tuple[TensorImages, TensorImages]:
        """Pixels that are random around a mean of their class."""
        generator = torch.Generator().manual_seed(0)
        labels = torch.arange(IMAGES) % 10
        means = torch.randint(64, 192, (10, 3, 32, 32), generator=generator)[labels]
        pixels = (means + torch.randint(-64, 64, means.shape, generator=generator)).to(torch.uint8)
        return TensorImages(pixels, labels), TensorImages(pixels.flip(3), labels)


def seconds_of_the_attacks() -> dict[str, Any]:
    """What ``audit --level features`` does with five models, untrained: scores, probes, relearning and silhouettes."""
    data = FullSplits(forget_index=[1], batch_size=256)
    torch.manual_seed(0)
    networks = [ResNet18(10, width=16).eval() for _ in range(MODELS)]
    started = now()
    images = audited_images(data)
    for network in networks:
        attack_features(network, 10, [1], images, scored(network, 10, images))
    counted = sum(len(labels) for _, labels, _ in images.values())
    return {
        "what": f"seconds of the scores and attacks at level features: {MODELS} models, {counted:,} images of CIFAR-10's shape",
        "ratio": now() - started,
        "target": "< 120",
    }


def memory_of_an_audit() -> dict[str, Any]:
    """Peak memory that an audit of many samples and classes adds; their logits come batch by batch."""
    generator = torch.Generator().manual_seed(0)
    audit = ClassAudit(CLASSES, [0], {0: 1})
    before = _peak()
    for first in range(0, SAMPLES, BATCH):
        split = MAIN_SPLITS[first * len(MAIN_SPLITS) // SAMPLES]
        label = torch.zeros(BATCH) if split.endswith("forget") else torch.arange(BATCH) % (CLASSES - 1) + 1
        logits = torch.randn(BATCH, CLASSES, generator=generator)
        audit.update(split, logits, label.long(), [logits.flip(0)])
    audit.compute()
    return {
        "what": f"peak memory of an audit of {SAMPLES:,} samples and {CLASSES:,} classes, GB",
        "ratio": (_peak() - before) / 1e9,
        "target": "< 1.5",
    }


def _peak() -> int:
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Measure and write; memory first, while the process is small."""
    from oro_unlearn.cli import settle

    settle()
    rows = [memory_of_an_audit(), seconds_of_an_audit(runs=7), seconds_of_the_attacks()]
    write("audit", rows)


if __name__ == "__main__":
    main()
