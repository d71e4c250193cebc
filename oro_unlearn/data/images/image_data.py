"""Base class of the data modules for labelled images."""

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
from oro_unlearn.data.images.training_share import check_share, with_share_of_each
from oro_unlearn.files import first_line
from oro_unlearn.report.inventory import inventory_lines
from oro_unlearn.user_error import UserError

LARGEST_BATCH = 2**31 - 1
MAIN_SPLITS = ("test_forget", "test_retain", "forget", "retain")  # an audit chooses the nearest class from the first
EVAL_SPLITS = (*MAIN_SPLITS, "test_earlier")


def data_root(root: str) -> Path:
    """Folder of a data set.

    Args:
        root: A folder. A relative path that does not exist here is looked up in the folder of all data sets: the environment
            variable ``ORO_DATA``, or ``.data``. Empty means the folder of all data sets itself.
    """
    here, everything = Path(root), Path(os.environ.get("ORO_DATA", ".data"))
    return here if root and (here.exists() or here.is_absolute()) else everything / here


class ImageData(ClassRequest, LightningDataModule, ABC):
    """Labelled images, split by a request to forget.

    Splits are ``train``, ``forget`` and ``retain`` (of the training set), ``test_forget``, ``test_retain``, and
    ``test_earlier``: the test images of classes that earlier requests have forgotten. Batches are ``(images, labels, index)``.
    Images are float (B, C, H, W) and normalised; in training they are also shifted and flipped, batch by batch on the device.
    ``index`` is the sample's position in the training (or test) set.

    A new data set defines :meth:`load`, ``class_names``, ``mean`` and ``std``.

    Args:
        forget: Name or names of the classes to forget, such as ``[cat]``. A number is read as a name. Empty: nothing is
            forgotten (training only).
        forget_index: Indices of the classes to forget (rows of the model's head), such as ``[3]``.
        forget_indices: File with the positions of training samples to forget, instead of classes.
        forgotten: Names of classes that earlier requests have forgotten. Their images are in no training split.
        batch_size: Images of each training split in a batch, over all processes together.
        crop_padding: Largest random shift in training, in pixels; 0 for none.
        flip: Mirror images at random in training. ``alternating`` mirrors a fixed half of them in even epochs, the other half
            in odd epochs.
        channels: 1 (grey) or 3 (colour); images are converted.
        per_class: Number of training images to use from each class (the first ones); 0 for all.
        test_per_class: The same for the test images.
        holdout: Fraction of the training split to evaluate on, for tuning. The test split is then never used. The fraction is
            stratified and always the same.
        train_share: Share of the training images of each class to use, in (0, 1].
        train_part: Which part of that share, from 0 on. The first ``int(1 / train_share)`` parts have no image in common.
        device_limit: Limit in GiB. Images in memory (uint8, all splits together) within it are copied once to the device that
            trains or tests, and batches are read there. 0 keeps them on the CPU.
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
        train_share: float = 1.0,
        train_part: int = 0,
        device_limit: float = 4.0,
    ) -> None:
        super().__init__()
        if channels not in (1, 3):
            raise UserError(f"--data.channels must be 1 (grey) or 3 (colour), not {channels}")
        if not 0 <= holdout < 1:
            raise UserError(f"--data.holdout is a share of the training split in [0, 1), not {holdout}")
        if min(per_class, test_per_class) < 0:
            raise UserError("--data.per_class and --data.test_per_class are numbers of images, 0 for all, never negative")
        if not 1 <= batch_size <= LARGEST_BATCH:
            raise UserError(f"--data.batch_size is a number of images from 1 to {LARGEST_BATCH}, not {batch_size}")
        if crop_padding < 0:
            raise UserError(f"--data.crop_padding is a number of pixels, 0 for none, not {crop_padding}")
        if not device_limit >= 0:
            raise UserError(f"--data.device_limit is a size in GiB, 0 to keep images on the CPU, not {device_limit}")
        check_share(train_share, train_part)
        self.batch_size, self.crop_padding, self.flip = batch_size, crop_padding, flip
        self.channels, self.per_class, self.test_per_class = channels, per_class, test_per_class
        self.holdout, self.train_share, self.train_part, self.device_limit = holdout, train_share, train_part, device_limit
        self.forget, self.forget_index, self.forget_indices, self.forgotten = forget, forget_index, forget_indices, forgotten
        self.only_one_request()
        self.allow_zero_length_dataloader_with_multiple_devices = True  # a process may get no sample of a small test set
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
        """Sorted indices of the classes that have pictures in the training or the test set."""
        parts = [self.split(name) for name in ("train", "test_forget", "test_retain", "test_earlier")]
        return sorted({int(label) for part in parts for label in part.labels.unique()})

    @property
    def natural_order(self) -> list[str] | None:
        """Names sorted with numbers by value; None if the rows have this order, or if the user chose their order."""
        return None

    @cached_property
    def sets(self) -> dict[str, LabelledImages]:
        """All splits by name. The files are read once, at the first use."""
        train, test = self.load()
        train, test = with_first_of_each(train, self.per_class), with_first_of_each(test, self.test_per_class)
        if self.holdout:
            rows = stratified_split(train.labels[train.positions], self.holdout, seed=0)
            train, test = (train.subset(train.positions[part]) for part in rows)
        train = with_share_of_each(train, self.train_share, self.train_part)
        samples = self.forget_samples(len(train.labels)) if self.samples_file else None
        must_go = self.requested_classes if self.forget_classes else []
        splits = make_splits(train, test, must_go, self.earlier_classes, samples, self.samples_file, self.sample_name)
        check_request(splits, must_go, self.class_names)
        return splits

    def inventory(self) -> dict[str, Any]:
        """Summary of the data, to check before training: see :func:`oro_unlearn.data.images.inventory.inventory`."""
        return inventory(self)

    def lines(self) -> list[str]:
        """The summary of the data as lines of text."""
        return inventory_lines(self.inventory())

    @property
    def class_order(self) -> str:
        """Where the order of the classes comes from, as a phrase for the inventory."""
        return "the data set's own"

    @property
    def split_made_by(self) -> str:
        """How training and test set were made, as a phrase for the inventory."""
        return "training and test set as published"

    @property
    def skipped(self) -> Mapping[str, int]:
        """Number of files that were not read, by reason."""
        return {}

    @property
    def reading_notes(self) -> Sequence[str]:
        """Remarks on how the files were read."""
        return ()

    def draw(self, folder: Path) -> None:
        """Draw nothing: a request for classes needs no picture."""

    def content(self) -> dict[str, str]:
        """SHA-256 of training and test set, for a report."""
        return {name: self.split(split).sha256() for name, split in (("train", "train"), ("test", "test_retain"))}

    def split(self, name: str) -> Any:
        """The images of one split.

        Args:
            name: ``train``, ``forget``, ``retain``, ``test_forget``, ``test_retain``, ``test_earlier``, or an added split.
        """
        return self.sets[name]

    def add_split(self, name: str, images: LabelledImages) -> None:
        """Add a split for a method, or replace a split that was added before.

        Args:
            name: Name of the split; none of the names that a request's splits have.
            images: A subset of one of the request's splits.

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
        """Move the images back to the CPU, as Lightning does with the model."""
        if "sets" in self.__dict__:  # data that was never read is not read for this
            self.place(torch.device("cpu"))

    def place(self, device: torch.device) -> None:
        """Read batches on a device. A device other than the CPU is used only for images within ``device_limit``."""
        parts = [part for part in self.sets.values() if isinstance(part, TensorImages)]
        size = sum(images.nbytes for images in {id(part.images): part.images for part in parts}.values())
        for part in parts if device.type == "cpu" or size <= self.device_limit * 2**30 else []:
            part.to(device)

    def train_dataloader(self) -> CombinedLoader:
        """One loader of :class:`EpochBatches` for each split the method trains on; ``loader_mode`` gives their length.

        No image is read for a split whose images the method does not need (``needs_images``).

        Raises:
            UserError: If a split is empty, or if a batch cannot be shared by the processes.
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
        loaders = {name: self.loader(images[name], **from_batches(sampler)) for name, sampler in batches.items()}
        return CombinedLoader(loaders, method.loader_mode)

    def test_dataloader(self) -> dict[str, DataLoader[Any]]:
        """One loader for each split that is not empty; under DDP no sample is repeated."""
        assert self.trainer is not None
        splits = {name: self.split(name) for name in EVAL_SPLITS if len(self.split(name))}
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return {name: self.loader(data, sampler=range(rank, len(data), world)) for name, data in splits.items()}

    def loader(self, data: LabelledImages, **kwargs: Any) -> DataLoader[Any]:
        """A loader of whole batches, in this process. Batches are on the device of the images."""
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
        """A loader's batch, normalised and, if ``augment`` is set, augmented as in training, on the batch's device.

        Args:
            batch: Images (B, C, H, W) uint8, labels (B,) and index (B,).
            augment: Shift and flip, as the options say.
            share: Rank and number of processes, if the batch is one process's share of a larger batch.
        """
        images, labels, index = batch
        if images.ndim == 2:  # no images were read
            return images, labels, index
        if augment and self.crop_padding:  # on uint8: moves a quarter of the bytes of floats
            images = random_crop(images, self.crop_padding, share)
        if augment and self.flip == "alternating":
            assert self.trainer is not None
            images = alternating_flip(images, index, self.trainer.current_epoch)
        elif augment and self.flip:
            images = random_flip(images, share)
        return self.normalise(images.float().div_(255)), labels, index

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1], normalised for the networks."""
        mean, std = self._statistics(pixels)
        return (pixels - mean).div_(std)

    def to_pixels(self, images: Tensor) -> Tensor:
        """The inverse of :meth:`normalise`: normalised images (B, C, H, W) become pixels in [0, 1] again."""
        mean, std = self._statistics(images)
        return images * std + mean

    def _statistics(self, images: Tensor) -> list[Tensor]:
        """Mean and deviation, (C, 1, 1) each, on the images' device. Copied once, because a copy makes the host wait."""
        if images.device not in self._statistics_on:
            with torch.inference_mode(False):  # gradients may pass through them later
                values = [torch.tensor(values, device=images.device)[:, None, None] for values in (self.mean, self.std)]
            self._statistics_on[images.device] = values
        return self._statistics_on[images.device]


@contextmanager
def downloading(name: str) -> Iterator[None]:
    """Convert errors of a download into an error that names the data set.

    Args:
        name: Name of the data set.

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
    """Return the batch unchanged: the data set's ``__getitems__`` has already made it."""
    return batch


def with_channels(images: Tensor, channels: int) -> Tensor:
    """Repeat a grey channel, or average colours, to get (N, channels, H, W) uint8."""
    if images.shape[1] == channels:
        return images
    return images.expand(-1, 3, -1, -1) if channels == 3 else images.float().mean(1, keepdim=True).round().byte()


__all__ = ["EVAL_SPLITS", "MAIN_SPLITS", "ImageData", "TensorImages", "data_root", "downloading", "with_channels"]
