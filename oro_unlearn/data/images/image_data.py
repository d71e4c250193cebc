"""The data module every labelled image set builds on."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from oro_unlearn.data.batches import ALONE, EpochBatches, Share, from_batches, same_length
from oro_unlearn.data.contract import LabelledImages
from oro_unlearn.data.images.class_request import ClassRequest
from oro_unlearn.data.images.forget_request import Indices, Request
from oro_unlearn.data.images.inventory import inventory
from oro_unlearn.data.images.labelled_images import (
    Sample,
    TensorImages,
    alternating_flip,
    random_crop,
    random_flip,
    without_images,
)
from oro_unlearn.data.images.splits import check_request, make_splits
from oro_unlearn.data.images.subsets import stratified_split, with_first_of_each
from oro_unlearn.files import first_line
from oro_unlearn.report.inventory import inventory_lines
from oro_unlearn.user_error import UserError

LARGEST_BATCH = 2**31 - 1
MAIN_SPLITS = ("test_forget", "test_retain", "forget", "retain")  # an audit chooses the nearest class by the first
EVAL_SPLITS = (*MAIN_SPLITS, "test_earlier")


def data_root(root: str) -> Path:
    """Where a data set lies.

    Args:
        root: A folder. A relative one that does not exist here is looked for in the folder of all data sets: the environment
            variable ``ORO_DATA``, or ``.data``. Empty means that folder itself.
    """
    here, everything = Path(root), Path(os.environ.get("ORO_DATA", ".data"))
    return here if root and (here.exists() or here.is_absolute()) else everything / here


class ImageData(ClassRequest, LightningDataModule, ABC):
    """Labelled images, split by a request to forget.

    Splits are ``train``, ``forget`` and ``retain`` (of the training set), ``test_forget``, ``test_retain``, and
    ``test_earlier``: the test images of what earlier requests have forgotten. Batches are ``(images, labels, index)``:
    images are float (B, C, H, W), normalised, and in training also shifted and flipped, by the batch on the device;
    ``index`` is the sample's position in the training (or test) set.

    A new data set writes :meth:`load`, ``class_names``, ``mean`` and ``std``.

    Args:
        forget: Classes to forget, by name, one or several, such as ``[cat]``. A number is a name too. Empty: nothing is
            forgotten (training only).
        forget_index: Classes to forget, by index, that is by row of the model's head, such as ``[3]``.
        forget_indices: File with the positions of training samples to forget, instead of classes.
        forgotten: Classes that earlier requests have forgotten, by name: their images are in no training split.
        batch_size: Images per batch, of each split that a method trains on; over all processes together.
        crop_padding: Pixels of the random shift in training; 0 for none.
        flip: Mirror at random in training; ``alternating``: a fixed half in even epochs, the other half in odd ones.
        channels: 1 (grey) or 3 (colour); images are converted.
        per_class: Use only the first so many training images of each class; 0 for all.
        test_per_class: The same of the test images.
        holdout: Part of the training split to evaluate on instead of the test split, which is then never read: for
            tuning. Stratified and always the same.
        device_limit: Images in memory of at most this many GiB, as bytes and over all splits, are copied once to the device
            that trains or tests; batches are then read there. 0 keeps them on the CPU.
    """

    name: str
    mean: Sequence[float]
    std: Sequence[float]

    def __init__(
        self,
        forget: Request = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        forget_index: Indices = [],  # noqa: B006 (never changed)
        forget_indices: str = "",
        forgotten: Request = [],  # noqa: B006 (never changed)
        batch_size: int = 128,
        crop_padding: int = 0,
        flip: bool | Literal["alternating"] = False,
        channels: int = 3,
        per_class: int = 0,
        test_per_class: int = 0,
        holdout: float = 0.0,
        device_limit: float = 4.0,
    ) -> None:
        super().__init__()
        if channels not in (1, 3):
            raise UserError(f"channels must be 1 (grey) or 3 (colour), not {channels}")
        if not 0 <= holdout < 1:
            raise UserError(f"holdout is a part of the training split in [0, 1), not {holdout}")
        if min(per_class, test_per_class) < 0:
            raise UserError("per_class and test_per_class are numbers of images, 0 for all, never negative")
        if not 1 <= batch_size <= LARGEST_BATCH:
            raise UserError(f"--data.batch_size is a number of images from 1 to {LARGEST_BATCH}, not {batch_size}")
        if crop_padding < 0:
            raise UserError(f"--data.crop_padding is a number of pixels, 0 for none, not {crop_padding}")
        if not device_limit >= 0:
            raise UserError(f"device_limit is a size in GiB, 0 to keep images on the CPU, not {device_limit}")
        self.batch_size, self.crop_padding, self.flip = batch_size, crop_padding, flip
        self.channels, self.holdout = channels, holdout
        self.per_class, self.test_per_class = per_class, test_per_class
        self.forget, self.forget_index, self.forget_indices, self.forgotten = forget, forget_index, forget_indices, forgotten
        self.only_one_request()
        self.device_limit = device_limit
        self.allow_zero_length_dataloader_with_multiple_devices = True  # a process may have none of a few test images
        self._statistics_on: dict[torch.device, list[Tensor]] = {}

    @abstractmethod
    def load(self) -> tuple[LabelledImages, LabelledImages]:
        """Training and test set."""

    @property
    def num_classes(self) -> int:
        """Number of classes K."""
        return len(self.class_names)

    @property
    def present_classes(self) -> list[int]:
        """Indices of the classes that have pictures, in training or test set, sorted."""
        parts = [self.split(name) for name in ("train", "test_forget", "test_retain", "test_earlier")]
        return sorted({int(label) for part in parts for label in part.labels.unique()})

    @property
    def natural_order(self) -> list[str] | None:
        """The names in an order by which numbers in them count, where the rows are in another that nobody has asked for."""
        return None

    @cached_property
    def sets(self) -> dict[str, LabelledImages]:
        """All splits; the files are read once, at the first use."""
        train, test = self.load()
        train, test = with_first_of_each(train, self.per_class), with_first_of_each(test, self.test_per_class)
        if self.holdout:
            rows = stratified_split(train.labels[train.positions], self.holdout, seed=0)
            train, test = (train.subset(train.positions[part]) for part in rows)
        samples = self.forget_samples(len(train.labels)) if self.samples_file else None
        must_go = self.requested_classes if self.forget_classes else []
        splits = make_splits(train, test, must_go, self.earlier_classes, samples, self.samples_file, self.sample_name)
        check_request(splits, must_go, self.class_names)
        return splits

    def inventory(self) -> dict[str, Any]:
        """What was read, for a person to check before training: see :func:`oro_unlearn.data.images.inventory.inventory`."""
        return inventory(self)

    def lines(self) -> list[str]:
        """What was read, for a person."""
        return inventory_lines(self.inventory())

    @property
    def class_order(self) -> str:
        """Where the order of the classes comes from, for the inventory, as what follows."""
        return "the data set's own"

    @property
    def split_made_by(self) -> str:
        """Where training and test set come from."""
        return "training and test set as published"

    @property
    def skipped(self) -> Mapping[str, int]:
        """Files that were not read, by reason."""
        return {}

    @property
    def reading_notes(self) -> Sequence[str]:
        """What is not obvious of how the files were read."""
        return ()

    def draw(self, folder: Path) -> None:
        """A request for classes needs no picture."""

    def content(self) -> dict[str, str]:
        """SHA-256 of training and test set, for a report."""
        return {name: self.split(split).sha256() for name, split in (("train", "train"), ("test", "test_retain"))}

    def split(self, name: str) -> Any:
        """The images of one split.

        Args:
            name: ``train``, ``forget``, ``retain``, ``test_forget``, ``test_retain``, ``test_earlier``, or one that was added.
        """
        return self.sets[name]

    def add_split(self, name: str, images: LabelledImages) -> None:
        """Add a split of a method's own, or put another in its place.

        Args:
            name: Not of the splits that a request makes.
            images: A subset of one of them.

        Raises:
            UserError: If it would replace a split that figures are computed on.
        """
        if name in ("train", *EVAL_SPLITS):
            raise UserError(f"the split {name!r} is the data's own: give a method's another name")
        self.sets[name] = images

    def setup(self, stage: str) -> None:
        """Copy small sets to the trainer's device."""
        assert self.trainer is not None
        device = self.trainer.strategy.root_device
        if device.type != "cpu" and self.device_limit:
            self.place(device)

    def teardown(self, stage: str) -> None:
        """Leave the device, where the model does not stay either."""
        if "sets" in self.__dict__:  # what was never read is not read for this
            self.place(torch.device("cpu"))

    def place(self, device: torch.device) -> None:
        """Read batches on a device, if the images in memory are within ``device_limit``; on the CPU always."""
        parts = [part for part in self.sets.values() if isinstance(part, TensorImages)]
        size = sum(images.nbytes for images in {id(part.images): part.images for part in parts}.values())
        for part in parts if device.type == "cpu" or size <= self.device_limit * 2**30 else []:
            part.to(device)

    def train_dataloader(self) -> CombinedLoader:
        """One loader of :class:`EpochBatches` for each split the method trains on, as long as its ``loader_mode`` says.

        Where the method keeps what it needs of the images (``needs_images``), none is read.

        Raises:
            UserError: If one of them is empty, or a batch cannot be shared by the processes.
        """
        assert self.trainer is not None
        method: Any = self.trainer.lightning_module
        share = (self.trainer.global_rank, self.trainer.world_size)
        batches: dict[str, EpochBatches] = {}
        for number, name in enumerate(method.train_splits):
            if not len(self.split(name)):
                raise UserError(f"the {name} set is empty: {self.how_to_name}")
            batches[name] = EpochBatches(len(self.split(name)), self.batch_size, number, self.trainer, share)
            if not batches[name].in_a_pass:
                raise UserError(f"the {name} set has {len(self.split(name))} images, fewer than processes: use fewer devices")
        same_length(batches, method.loader_mode)
        images = {n: self.split(n) if method.needs_images(n) else without_images(self.split(n)) for n in batches}
        loaders = {name: self.loader(images[name], **from_batches(own)) for name, own in batches.items()}
        return CombinedLoader(loaders, method.loader_mode)

    def test_dataloader(self) -> dict[str, DataLoader[Any]]:
        """One loader for each split that is not empty; under DDP no sample is repeated."""
        assert self.trainer is not None
        splits = {name: self.split(name) for name in EVAL_SPLITS if len(self.split(name))}
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return {name: self.loader(data, sampler=range(rank, len(data), world)) for name, data in splits.items()}

    def loader(self, data: LabelledImages, **kwargs: Any) -> DataLoader[Any]:
        """A loader of whole batches, in this process; they lie where the images do."""
        options = kwargs if "batch_sampler" in kwargs else {"batch_size": self.batch_size, **kwargs}
        return DataLoader(cast(Dataset[Any], data), collate_fn=as_is, **options)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Normalise, and in training augment, on the device."""
        assert self.trainer is not None
        if isinstance(batch, dict):
            share = (self.trainer.global_rank, self.trainer.world_size)
            return {name: self.prepare(part, self.trainer.training, share) for name, part in batch.items()}
        return self.prepare(batch, self.trainer.training)

    def prepare(self, batch: Sample, augment: bool, share: Share = ALONE) -> tuple[Tensor, Tensor, Tensor]:
        """A loader's batch, normalised and, if asked for, augmented as in training, on the device where it lies.

        Args:
            batch: Images (B, C, H, W) uint8, labels (B,) and index (B,).
            augment: Shift and flip, as the options say.
            share: Of this process, where the batch is a part of one.
        """
        images, labels, index = batch
        if images.ndim == 2:  # none were read
            return images, labels, index
        if augment and self.crop_padding:  # of bytes, a quarter of what floats would move
            images = random_crop(images, self.crop_padding, share)
        if augment and self.flip == "alternating":
            assert self.trainer is not None
            images = alternating_flip(images, index, self.trainer.current_epoch)
        elif augment and self.flip:
            images = random_flip(images, share)
        return self.normalise(images.float().div_(255)), labels, index

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1] as the networks see them."""
        mean, std = self._statistics(pixels)
        return (pixels - mean).div_(std)

    def to_pixels(self, images: Tensor) -> Tensor:
        """The inverse of :meth:`normalise`: normalised images (B, C, H, W) in [0, 1] again."""
        mean, std = self._statistics(images)
        return images * std + mean

    def _statistics(self, images: Tensor) -> list[Tensor]:
        """Mean and deviation, (C, 1, 1) each, on the images' device; copied there once, for the host waits for it."""
        if images.device not in self._statistics_on:
            with torch.inference_mode(False):  # gradients may pass through them later
                values = [torch.tensor(values, device=images.device)[:, None, None] for values in (self.mean, self.std)]
            self._statistics_on[images.device] = values
        return self._statistics_on[images.device]


@contextmanager
def downloading(name: str) -> Iterator[None]:
    """Turn what a download raises into an error that names the data set.

    Args:
        name: Of the data set.

    Raises:
        UserError: If the server cannot be reached, or the file's checksum is wrong.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{name} cannot be downloaded ({first_line(error)}): get it elsewhere and set --data.root or ORO_DATA"
        ) from None


def as_is(batch: Any) -> Any:
    """The data set's ``__getitems__`` has already made the batch."""
    return batch


def with_channels(images: Tensor, channels: int) -> Tensor:
    """Repeat a grey channel, or average colours, to get (N, channels, H, W) uint8."""
    if images.shape[1] == channels:
        return images
    return images.expand(-1, 3, -1, -1) if channels == 3 else images.float().mean(1, keepdim=True).round().byte()


__all__ = ["EVAL_SPLITS", "MAIN_SPLITS", "ImageData", "TensorImages", "data_root", "downloading", "with_channels"]
