"""Tiny-ImageNet-200, in the layout of the official archive."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torchvision.datasets.utils import download_and_extract_archive

from oro_unlearn.data.images.image_data import ImageData, TensorImages, data_root, downloading
from oro_unlearn.data.images.image_files import FileImages
from oro_unlearn.user_error import UserError

URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
MEAN, STD = (0.4802, 0.4481, 0.3975), (0.2770, 0.2691, 0.2821)  # of the training images, by channel


class TinyImageNet(ImageData):
    """200 classes of 500 training and 50 test images of 64x64 pixels (Le and Yang 2015).

    The official validation split, labelled in ``val_annotations.txt``, is the test split: the test labels are not public.
    Grey-scale files are converted. Classes are named by WordNet id (``n01443537``).

    Args:
        root: Folder that holds ``tiny-imagenet-200``; default: ``$ORO_DATA``, or ``.data``.
        download: Fetch the archive (237 MB, checksum verified) if the folder is missing.
        kwargs: Arguments of :class:`ImageData`.
    """

    name = "tiny_imagenet"
    class_order = "WordNet ids, sorted"
    split_made_by = "train is the training set and val the test set, as published"

    def __init__(self, root: str = "", download: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mean, self.std = MEAN[: self.channels], STD[: self.channels]
        self.root, self.download = data_root(root), download

    @property
    def folder(self) -> Path:
        """Where the archive is unpacked."""
        return self.root / "tiny-imagenet-200"

    @cached_property
    def class_names(self) -> list[str]:
        """WordNet ids, sorted."""
        self.prepare_data()  # the names are in the archive
        return sorted(self._read("wnids.txt").split())

    def prepare_data(self) -> None:
        """Download once. Every process calls this, because it needs the classes; one downloads and the others wait."""
        if not self.download or self.folder.is_dir():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        with downloading("TinyImageNet"), FileLock(self.root / "tiny-imagenet-200.lock"):
            if not self.folder.is_dir():
                partial = self.root / "tiny-imagenet-200.part"  # renamed when complete: an interrupted download starts again
                download_and_extract_archive(URL, str(self.root), extract_root=str(partial), md5=MD5)
                os.replace(partial / "tiny-imagenet-200", self.folder)
                partial.rmdir()

    def load(self) -> tuple[TensorImages, TensorImages]:
        """Training set (100,000 images) and validation set (10,000)."""
        train = [
            (path, label)
            for label, wnid in enumerate(self.class_names)
            for path in sorted((self.folder / "train" / wnid / "images").glob("*.JPEG"))
        ]
        labels = {wnid: label for label, wnid in enumerate(self.class_names)}
        rows = (line.split("\t") for line in self._read("val/val_annotations.txt").splitlines())
        test = [(self.folder / "val" / "images" / row[0], labels[row[1]]) for row in rows]
        return self._set(train), self._set(test)

    def _set(self, samples: list[tuple[Path, int]]) -> TensorImages:
        if not samples:
            raise UserError(f"no images in {self.folder}: unpack the official archive again")
        paths, labels = [str(path) for path, _ in samples], torch.tensor([label for _, label in samples])
        return FileImages(paths, labels, size=64, channels=self.channels).in_memory()

    def _read(self, file: str) -> str:
        path = self.folder / file
        if not path.is_file():
            raise UserError(f"TinyImageNet: {path} not found: add --data.download true, or set --data.root or ORO_DATA")
        return path.read_text()
