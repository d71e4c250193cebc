"""The user's own images, one folder per class."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets

from oro_unlearn.data.base import ImageData, TensorImages, data_root
from oro_unlearn.data.image_files import LARGEST, FileImages
from oro_unlearn.data.images import LabelledImages
from oro_unlearn.data.subsets import first_of_each, stratified_split

PREFETCHED = 4  # batches that each worker process keeps ready
TEST_FOLDERS = ("test", "val", "valid", "validation")


class ImageFolder(ImageData):
    """Images in ``ROOT/train/CLASS/`` and ``ROOT/test/CLASS/``, or all in ``ROOT/train/CLASS/`` or ``ROOT/CLASS/``.

    The test folder may be called ``test``, ``val``, ``valid`` or ``validation``. Without one, a stratified part becomes the
    test split, always the same for the same seed.
    Sets that fit are decoded once into memory; larger ones are read by worker processes.

    Args:
        root: Folder of the images; default: ``$ORO_DATA``, or ``.data``.
        image_size: Side in pixels: the shorter side is scaled to it and the middle is kept.
        mean: Of each channel, for normalisation; the default is ImageNet's.
        std: Of each channel.
        test_fraction: Part that becomes the test split where there is no test folder.
        split_seed: Seed of that split.
        memory_limit: Largest decoded size in GiB that is kept in memory.
        num_workers: Processes that read larger sets.
        kwargs: Arguments of :class:`ImageData`.

    Raises:
        FileNotFoundError: If the folder is missing or holds no images.
        ValueError: If training and test folder hold different classes, or a number makes no sense.
    """

    name = "image_folder"

    def __init__(
        self,
        root: str = "",
        image_size: int = 32,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        test_fraction: float = 0.2,
        split_seed: int = 0,
        memory_limit: float = 2.0,
        num_workers: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= image_size <= LARGEST:
            raise ValueError(f"--data.image_size is a number of pixels from 1 to {LARGEST}, not {image_size}")
        if min(len(mean), len(std)) < self.channels or not all(map(math.isfinite, [*mean, *std])) or min(std) <= 0:
            raise ValueError(f"--data.mean and --data.std are a number for each of {self.channels} channels, std above 0")
        if num_workers < 0 or not memory_limit >= 0:
            raise ValueError(f"--data.num_workers ({num_workers}) and --data.memory_limit ({memory_limit}) are 0 or more")
        self.root = data_root(root)
        self.image_size, self.mean, self.std = image_size, mean[: self.channels], std[: self.channels]
        self.test_fraction, self.split_seed = test_fraction, split_seed
        self.memory_limit, self.num_workers = memory_limit, num_workers

    @cached_property
    def class_names(self) -> list[str]:
        """Names of the class folders, sorted."""
        return self._listing(self._train_folder).classes

    @cached_property
    def _train_folder(self) -> str:
        """``train``, if that holds class folders; else the root itself (where ``train`` may be a class)."""
        if not self.root.is_dir():
            raise FileNotFoundError(f"image folder {self.root} not found: set --data.root")
        train = self.root / "train"
        return (
            "train" if train.is_dir() and (not any(train.iterdir()) or any(path.is_dir() for path in train.iterdir())) else ""
        )

    @property
    def _test_folder(self) -> str:
        """The test folder's name, or nothing where the set is not split on disk."""
        found = [name for name in TEST_FOLDERS if self._train_folder and (self.root / name).is_dir()]
        return found[0] if found else ""

    def _listing(self, folder: str) -> datasets.ImageFolder:
        try:
            return datasets.ImageFolder(str(self.root / folder))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"no images in class folders under {self.root / folder}: {error}") from None

    def load(self) -> tuple[LabelledImages, LabelledImages]:
        """Training and test set, in memory where they fit."""
        train = self._listing(self._train_folder)
        if not self._test_folder:
            whole = self._set(train)
            rows = stratified_split(whole.labels, self.test_fraction, self.split_seed)
            return whole.subset(rows[0]), whole.subset(rows[1])
        test = self._listing(self._test_folder)
        if train.classes != test.classes:
            odd = sorted(set(train.classes) ^ set(test.classes))
            raise ValueError(f"{self.root}: train and {self._test_folder} hold different classes, for instance {odd[0]!r}")
        return self._set(train, self.per_class), self._set(test, self.test_per_class)

    def _set(self, listing: datasets.ImageFolder, per_class: int = 0) -> TensorImages | FileImages:
        """Files that are not used are not read."""
        paths, labels = [path for path, _ in listing.samples], torch.tensor(listing.targets)
        used = first_of_each(labels, per_class or len(labels))
        files = FileImages([paths[row] for row in used.tolist()], labels[used], self.image_size, self.channels)
        return files.in_memory() if files.gibibytes <= self.memory_limit else files

    def loader(self, data: Dataset[Any], **kwargs: Any) -> DataLoader[Any]:
        """Whole batches from memory, or decoded by worker processes; those of training stay from epoch to epoch."""
        if isinstance(data, TensorImages):
            return super().loader(data, **kwargs)
        workers: dict[str, Any] = {"num_workers": self.num_workers, "pin_memory": torch.cuda.is_available()}
        if self.num_workers:
            workers |= {"persistent_workers": "batch_sampler" in kwargs, "prefetch_factor": PREFETCHED}
        options = kwargs if "batch_sampler" in kwargs else {"batch_size": self.batch_size, **kwargs}
        return DataLoader(data, **workers, **options)
