"""Unlearning with caches: RWFT-2-O with stored activations against RWFT-O without, for one epoch and for a whole run.

    python -m benchmarks.speed.caches

ResNet-18 at full width, images of CIFAR-10's shape. The whole run (10 epochs, as many retained as forgotten images, no
augmentation) is compared with retraining by the paper's recipe (101 epochs of 45,000 images, augmented) in two ways: in
floating-point operations, counted on one step of each, and in seconds, extrapolated from measured epochs. Writes
benchmarks/results/speed_caches.json.
"""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.step import QUIET, EpochClock, RandomImages
from benchmarks.speed.timing import in_turn, now, ratio, rounded, write
from oro_unlearn.methods import RWFT, Retraining
from oro_unlearn.networks import ResNet18, save_weights

FORGET, RETAIN, EPOCHS, RETRAINING_EPOCHS = 5_000, 45_000, 10, 101  # CIFAR-10, one class; the paper's epochs
PER_CLASS, BATCH, WIDTH = 128, 64, 64  # of what is measured here
IMAGES = 128  # of the forget set, and as many of the retain set, in an epoch here
ENOUGH = 10  # epochs in which the retain set is read more than once, so that it is stored
STAGE: dict[str, Any] = {"update": ["layer3", "fc"], "batchnorm": "eval", "loader_mode": "min_size"}
ALL: dict[str, Any] = {"cache": "off", "loader_mode": "min_size"}


def wide(num_classes: int) -> ResNet18:
    """The network of all."""
    return ResNet18(num_classes, width=WIDTH)


class Clocks(EpochClock):
    """Seconds of the last epoch and of filling the cache, and floating-point operations of the first step and of filling."""

    def __init__(self, count: bool = False) -> None:
        self.counting, self.operations, self.fill_seconds, self.fill_operations = count, 0, 0.0, 0

    def wrap(self, method: Any) -> None:
        """Time, or count, what the method does before the first step."""
        start = method.on_train_start

        def timed() -> None:
            started, counter = now(), FlopCounterMode(display=False)
            if self.counting:
                with counter:
                    start()
            else:
                start()
            self.fill_seconds, self.fill_operations = now() - started, counter.get_total_flops()

        method.on_train_start = timed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Begin to count."""
        if self.counting:
            self._counter = FlopCounterMode(display=False).__enter__()

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Note what was counted."""
        if self.counting:
            self._counter.__exit__(None, None, None)
            self.operations = self._counter.get_total_flops()


def run(kind: type, epochs: int, count: bool = False, **options: Any) -> Clocks:
    """Some epochs of a method; with ``count`` its operations are counted, which slows it down."""
    torch.manual_seed(0)
    augmented = {"crop_padding": 4, "flip": True} if kind is Retraining else {}
    data = RandomImages(forget_index=[1], batch_size=BATCH, per_class=PER_CLASS, test_per_class=1, **augmented)
    clocks = Clocks(count)
    method = kind(network=wide, num_classes=10, forget_classes=[1], **options)
    clocks.wrap(method)
    limit = 1 if count else IMAGES // BATCH
    Trainer(max_epochs=epochs, limit_train_batches=limit, callbacks=[clocks], **QUIET).fit(method, datamodule=data)
    return clocks


def timed(original: str, runs: int) -> list[dict[str, Any]]:
    """An epoch of each, caches filled, and from these the seconds of whole runs."""
    fills: list[float] = []

    def cached() -> float:
        clocks = run(RWFT, ENOUGH, original=original, **STAGE)
        fills.append(clocks.fill_seconds)
        return clocks.seconds

    sides: dict[str, Callable[[], float]] = {
        "RWFT-2-O, cached": cached,
        "RWFT-2-O": lambda: run(RWFT, 1, original=original, cache="off", **STAGE).seconds,
        "RWFT-O": lambda: run(RWFT, 1, original=original, **ALL).seconds,
        "retraining": lambda: run(Retraining, 1).seconds,
    }
    seconds = in_turn(sides, runs)
    epoch = {
        "what": "RWFT-2-O with stored activations vs RWFT-O without caches, by the epoch",
        "ratio": ratio(seconds, "RWFT-2-O, cached", "RWFT-O"),
        "target": "<= 0.40",
        "without_cache": ratio(seconds, "RWFT-2-O", "RWFT-O"),
        "seconds": rounded(seconds),
    }
    whole = {
        "unlearning": [
            EPOCHS * FORGET / IMAGES * value + (FORGET + RETAIN) / (10 * PER_CLASS) * fill
            for value, fill in zip(seconds["RWFT-2-O, cached"], fills[1:], strict=True)
        ],
        "retraining": [RETRAINING_EPOCHS * RETAIN / IMAGES * value for value in seconds["retraining"]],
    }
    extrapolated = {
        "what": "RWFT-2-O, 10 epochs, 1:1, vs retraining for 101 epochs: seconds, extrapolated",
        "ratio": ratio(whole, "unlearning", "retraining"),
        "target": "<= 0.01",
        "seconds": rounded(whole),
    }
    return [epoch, extrapolated]


def operations(original: str) -> dict[str, Any]:
    """Floating-point operations of unlearning with a cache, and of retraining."""
    retraining = run(Retraining, 1, count=True).operations / BATCH * RETAIN * RETRAINING_EPOCHS
    cached = run(RWFT, 2 * ENOUGH, count=True, original=original, **STAGE)
    fill = cached.fill_operations / (10 * PER_CLASS) * (FORGET + RETAIN)
    steps = cached.operations / BATCH * FORGET * EPOCHS  # a step reads as many retained images
    return {
        "what": "RWFT-2-O, 10 epochs, 1:1, vs retraining for 101 epochs: operations",
        "ratio": (fill + steps) / retraining,
        "target": "<= 0.01",
        "operations": {"cache": fill, "steps": steps, "retraining": retraining},
    }


def main() -> None:
    """Measure and write."""
    import tempfile

    from oro_unlearn.cli import settle

    settle()
    with tempfile.TemporaryDirectory() as folder:
        original = f"{folder}/original.safetensors"
        torch.manual_seed(0)
        save_weights(wide(10), original)
        rows = [*timed(original, runs=5), operations(original)]
    write("caches", rows, width=WIDTH, batch=BATCH)


if __name__ == "__main__":
    main()
