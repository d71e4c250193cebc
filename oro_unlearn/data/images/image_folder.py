"""The user's own images, one folder per class."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Dataset

from oro_unlearn.data.contract import LabelledImages
from oro_unlearn.data.images.class_names import natural_key
from oro_unlearn.data.images.decoding import WHITE, Reading
from oro_unlearn.data.images.folder_classes import classes_of
from oro_unlearn.data.images.folder_layout import Layout, find_layout
from oro_unlearn.data.images.folder_listing import Listing, list_folder
from oro_unlearn.data.images.folder_reading import Readable, counts, decoded, ranges_of, readable
from oro_unlearn.data.images.forget_files import positions_of
from oro_unlearn.data.images.image_data import ImageData, TensorImages, data_root
from oro_unlearn.data.images.image_files import LARGEST
from oro_unlearn.data.images.subsets import stratified_split
from oro_unlearn.user_error import UserError

PREFETCHED = 4  # batches that each worker process keeps ready


class ImageFolder(ImageData):
    """Images in ``ROOT/train/CLASS/`` and ``ROOT/test/CLASS/``, or all in ``ROOT/train/CLASS/`` or ``ROOT/CLASS/``.

    Splits may also be called ``training``, ``val``, ``valid``, ``validation``, ``eval`` or ``dev``, in any case. Without a
    labelled test folder, a stratified part becomes the test split; the same seed gives the same split. Hidden files and
    folders, and the folders of runs, are not read. Sets within ``memory_limit`` are decoded once into memory. Larger sets are
    read by worker processes.

    Args:
        root: Folder of the images; default: ``$ORO_DATA``, or ``.data``.
        class_names: Names of the classes in the order of the head's rows, or a file of names: one per line, or JSON (a list,
            ``id2label``, ``class_to_idx``). ``timm:imagenet-1k`` stands for ImageNet's WordNet ids. A class may have no folder.
            Default: the folders, sorted as text.
        image_size: Side in pixels. The shorter side is scaled to this length, and the middle is kept.
        mean: Mean of each channel, for normalisation; the default is ImageNet's.
        std: Standard deviation of each channel, for normalisation; the default is ImageNet's.
        test_fraction: Fraction that becomes the test split if there is no test folder.
        split_seed: Seed of that split.
        memory_limit: Largest decoded size in GiB that is kept in memory.
        num_workers: Processes that read larger sets.
        skip_unread: Leave out files in class folders that cannot be read, and print their number. If false, such a file stops
            the run.
        exif_orientation: Turn pictures as their EXIF orientation says.
        background: Red, green and blue, 0 to 255, behind transparent pixels; the default is white.
        pixel_range: Values of black and white in files with more than eight bits per channel. Default: the lowest and the
            highest value in the set's files.
        forget_files: File with the paths or names of training images to forget, one per line. Use it instead of classes.
        kwargs: Arguments of :class:`ImageData`.

    Raises:
        UserError: If the folder is missing or holds no images; if training and test folder hold different classes; if a number
            is out of range.
    """

    name = "image_folder"

    def __init__(
        self,
        root: str = "",
        class_names: str | list[str] = "",
        image_size: int = 32,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        test_fraction: float = 0.2,
        split_seed: int = 0,
        memory_limit: float = 2.0,
        num_workers: int = 4,
        skip_unread: bool = False,
        exif_orientation: bool = True,
        background: list[int] = list(WHITE),  # noqa: B006 (never changed; jsonargparse shows it as the default)
        pixel_range: list[float] = [],  # noqa: B006 (never changed)
        forget_files: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= image_size <= LARGEST:
            raise UserError(f"--data.image_size is a number of pixels from 1 to {LARGEST}, not {image_size}")
        if min(len(mean), len(std)) < self.channels or not all(map(math.isfinite, [*mean, *std])) or min(std) <= 0:
            raise UserError(f"--data.mean and --data.std are a number for each of {self.channels} channels, std above 0")
        if num_workers < 0 or not memory_limit >= 0:
            raise UserError(f"--data.num_workers ({num_workers}) and --data.memory_limit ({memory_limit}) are 0 or more")
        if len(background) != 3 or not all(0 <= value <= 255 for value in background):
            raise UserError(
                f"--data.background is red, green and blue from 0 to 255, such as [255, 255, 255], not {background}"
            )
        if pixel_range and (len(pixel_range) != 2 or not pixel_range[0] < pixel_range[1]):
            raise UserError(f"--data.pixel_range is two numbers, black and then white, such as [0, 4095], not {pixel_range}")
        self.root = data_root(root)
        self.class_list, self.forget_files = class_names, forget_files
        self.class_list_from = class_names if isinstance(class_names, str) else "--data.class_names"  # for the inventory
        self.image_size, self.mean, self.std = image_size, mean[: self.channels], std[: self.channels]
        self.test_fraction, self.split_seed = test_fraction, split_seed
        self.memory_limit, self.num_workers, self.skip_unread = memory_limit, num_workers, skip_unread
        self.reading = Reading(exif_orientation, tuple(background))
        self.pixel_range = pixel_range
        self._parts: list[Readable] = []  # training and test files, once they are loaded
        self.only_one_request(forget_files=forget_files)

    @cached_property
    def layout(self) -> Layout:
        """The folders of training and test split."""
        return find_layout(self.root)

    @cached_property
    def listings(self) -> dict[Path, Listing]:
        """Files of the training folder and, if there is one, of the test folder."""
        return {folder: list_folder(folder) for folder in (self.layout.train, self.layout.test) if folder}

    @cached_property
    def class_names(self) -> list[str]:
        """Names of the classes: as listed by the user, otherwise the class folders sorted as text."""
        return classes_of(self.listings, self.class_list)

    @property
    def natural_order(self) -> list[str] | None:
        """The class folders sorted with numbers by value; None if this is their order, or if the user gave a list."""
        natural = sorted(self.class_names, key=natural_key)
        return natural if not self.class_list and natural != self.class_names else None

    def load(self) -> tuple[LabelledImages, LabelledImages]:
        """Training and test set, in memory if they fit.

        Raises:
            UserError: If there are no pictures; if a file in a class folder cannot be read and ``skip_unread`` is false.
        """
        alone = self.layout.test is None  # the set is then split before ``per_class`` limits it
        limits = [0] if alone else [self.per_class, self.test_per_class]
        skip = self.reading if self.skip_unread else None
        listings = zip(self.listings.values(), limits, strict=True)
        self._parts = [readable(listing, self.class_names, limit, skip) for listing, limit in listings]
        self.reading = self.reading._replace(ranges=ranges_of(self._parts, self.pixel_range))
        sets = [decoded(part, self.image_size, self.channels, self.reading, self.memory_limit) for part in self._parts]
        if not alone:
            return sets[0], sets[1]
        rows = stratified_split(sets[0].labels, self.test_fraction, self.split_seed)
        return sets[0].subset(rows[0]), sets[0].subset(rows[1])

    @property
    def samples_file(self) -> str:
        """The file of single samples to forget, by position or by name."""
        return self.forget_indices or self.forget_files

    def forget_samples(self, size: int) -> list[int]:
        """Positions of the training samples to forget, from the file that names them."""
        return positions_of(self.forget_files, self._parts[0].paths) if self.forget_files else super().forget_samples(size)

    def sample_name(self, position: int) -> str:
        """Path of the picture if the file names pictures; otherwise its position."""
        return str(self._parts[0].paths[position]) if self.forget_files else super().sample_name(position)

    @property
    def class_order(self) -> str:
        """Where the order of the classes comes from."""
        if self.class_list:
            return f"as listed in {self.class_list_from}"
        natural = self.natural_order
        hint = f"; by their numbers it would be {', '.join(natural[:3])}, ..." if natural else ""
        return f"folders sorted as text{hint}"

    @property
    def split_made_by(self) -> str:
        """How training and test split were made, as a phrase for the inventory."""
        if self.layout.test:
            return f"{self.layout.train.name} is the training set, {self.layout.test.name} the test set"
        return (
            f"no test folder: {100 * self.test_fraction:g} % of each class set aside here; the model may have been trained on "
            "them, so MIA and test accuracy may be misleading"
        )

    @property
    def skipped(self) -> dict[str, int]:
        """Number of files that were not read, by reason."""
        total: Counter[str] = Counter()
        for part in self._parts:
            total.update(part.skipped)
        return dict(sorted(total.items()))

    @property
    def reading_notes(self) -> list[str]:
        """Remarks on how the files were read."""
        return [*self.layout.notes, *counts(self._parts, self.reading)]

    def loader(self, data: LabelledImages, **kwargs: Any) -> DataLoader[Any]:
        """A loader of whole batches, from memory or decoded by worker processes. Workers for training persist over epochs."""
        if isinstance(data, TensorImages):
            return super().loader(data, **kwargs)
        workers: dict[str, Any] = {"num_workers": self.num_workers, "pin_memory": torch.cuda.is_available()}
        if self.num_workers:
            workers |= {"persistent_workers": "batch_sampler" in kwargs, "prefetch_factor": PREFETCHED}
        options = kwargs if "batch_sampler" in kwargs else {"batch_size": self.batch_size, **kwargs}
        return DataLoader(cast(Dataset[Any], data), **workers, **options)
