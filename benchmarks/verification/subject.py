"""A small test case of the package: random images, a small network in float64, and a run whose batches are recorded."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from oro_unlearn.data.images.image_data import ImageData, TensorImages
from oro_unlearn.methods import ClassUnlearning, UnlearningModule
from oro_unlearn.networks import SmallCNN, save_weights

CLASSES, FORGOTTEN = 5, [1, 3]
PER_CLASS, SIZE, BATCH = 12, 8, 8
Recorded = dict[str, tuple[Tensor, ...]]  # by split: images, labels, index


def sgd(parameters: Any) -> Optimizer:
    """Steps large enough to be seen beside the weights."""
    return SGD(parameters, lr=0.05, momentum=0.9, weight_decay=5e-4)


class SmallImages(ImageData):
    """Random images of five classes, 8 x 8 pixels."""

    name, mean, std = "random", [0.4], [0.3]

    @property
    def class_names(self) -> list[str]:
        """``0`` to ``4``."""
        return [str(label) for label in range(CLASSES)]

    def load(self) -> tuple[TensorImages, TensorImages]:
        """Twelve images of each class for training, and as many for testing."""
        generator = torch.Generator().manual_seed(5)
        shape = (2, CLASSES * PER_CLASS, 1, SIZE, SIZE)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        labels = torch.arange(CLASSES).repeat(PER_CLASS)
        return TensorImages(images[0], labels), TensorImages(images[1], labels)


class SmallNetwork(SmallCNN):
    """Takes images of any floating type, as a network in float64 has to here."""

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K)."""
        return super().forward(images.to(self.layer1[0].weight.dtype))


def network(num_classes: int = CLASSES) -> SmallNetwork:
    """Random weights, statistics of batch normalisation included."""
    made = SmallNetwork(num_classes, width=4)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return made


class Run(NamedTuple):
    """A finished run of the product."""

    module: Any
    start: nn.Module  # the network before the first step; the original, if there is none
    state: dict[str, Tensor]  # of the whole module before the first step
    batches: list[Recorded]  # of the training steps, in order
    passes: list[tuple[Tensor, ...]]  # batches of what precedes training


class _Record(Callback):
    """Keeps the batches of every step, and the network before the first."""

    def __init__(self) -> None:
        self.batches: list[Recorded] = []
        self.start: nn.Module | None = None
        self.state: dict[str, Tensor] = {}

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self.start is None:
            self.start = deepcopy(pl_module.network)
            self.state = {name: value.clone() for name, value in pl_module.state_dict().items()}
        self.batches.append({name: tuple(part.clone() for part in parts) for name, parts in batch.items()})


def run(
    kind: type[UnlearningModule],
    updates: int = 3,
    epochs: int = 1,
    forget: list[int] = FORGOTTEN,
    batch: int = BATCH,
    **options: Any,
) -> Run:
    """Fit a method of the product for some steps in each epoch; the same seed each time.

    Args:
        kind: The method.
        updates: Steps of each epoch.
        epochs: 0 for an edit in closed form.
        forget: Indices of the forgotten classes.
        batch: Images of a batch, of each split.
        options: Of the method.
    """
    with TemporaryDirectory() as folder, _silence():
        torch.manual_seed(1)
        if issubclass(kind, ClassUnlearning):
            options["original"] = str(Path(folder) / "original.safetensors")
            save_weights(network(), options["original"])
            options.setdefault("cache", "off")
        torch.manual_seed(2)
        options = {"batchnorm": "eval", "optimizer": sgd, "channels_last": False, **options}
        make: Any = kind
        module = make(network=network, num_classes=CLASSES, forget_classes=forget, **options)
        passes = _kept(module)
        record = _Record()
        trainer = Trainer(
            max_epochs=epochs, limit_train_batches=updates, accelerator="cpu", logger=False, precision="64-true",
            callbacks=[record], enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            default_root_dir=folder,
        )  # fmt: skip
        trainer.fit(module, SmallImages(forget_index=forget, batch_size=batch, channels=1))
    module.eval()
    return Run(module, record.start or deepcopy(module.original), record.state, record.batches, passes)


def _kept(module: Any) -> list[tuple[Tensor, ...]]:
    """What a method reads before it trains is put into this list."""
    passes: list[tuple[Tensor, ...]] = []
    read: Callable[..., Iterator[Any]] = getattr(module, "read", lambda *_: iter(()))

    def recorded(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for found in read(*args, **kwargs):
            passes.append(tuple(part.clone() for part in found[:3]))
            yield found

    module.read = recorded
    return passes


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without what a run prints."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
