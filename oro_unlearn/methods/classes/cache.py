"""Cache of the outputs of frozen networks and frozen layers, which are the same for a training image in every epoch."""

import contextlib
import math
import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from rich.filesize import decimal
from torch import Tensor, nn

from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.networks.determinism import varies
from oro_unlearn.networks.folding import fold_batchnorm
from oro_unlearn.networks.frozen_trunk import FrozenTrunk
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import LabelledData

CacheMode = Literal["auto", "off", "teacher", "activations"]
GIBIBYTE = 2**30


class Plan(NamedTuple):
    """What the cache of a run keeps, and why."""

    mode: Literal["off", "teacher", "activations"]
    why: str
    splits: tuple[str, ...] = ()  # splits that are cached; for other splits the same values are computed in every step
    trunk: FrozenTrunk | None = None


class Rows:
    """One row for each cached sample and view: in memory, or in a memory-mapped file if the size exceeds a limit.

    Args:
        count: Number of rows N.
        like: One batch of values (B, ...); rows have its shape, type and device.
        limit: Largest size in bytes that is kept in memory.
        folder: Folder of the file. The file is unlinked as soon as it is open, so that none is left after the run.

    Raises:
        UserError: If the disk has no room for the file.
    """

    def __init__(self, count: int, like: Tensor, limit: float, folder: Path) -> None:
        image = like.ndim == 4
        shape = (count, *(like.permute(0, 2, 3, 1) if image else like).shape[1:])  # images are stored channels-last
        self.size = math.prod(shape) * like.element_size()
        self.mapped = self.size > limit
        values = _mapped(shape, like.dtype, folder) if self.mapped else torch.empty(shape, dtype=like.dtype, device=like.device)
        self._values = values.permute(0, 3, 1, 2) if image else values
        self._flat, self._image = values, image
        self._device = like.device

    def put(self, rows: Tensor, values: Tensor) -> None:
        """Store values (B, ...) in rows (B,)."""
        ordered = values.permute(0, 2, 3, 1) if self._image else values
        self._flat[rows.to(self._flat.device)] = ordered.to(self._flat)

    def get(self, rows: Tensor) -> Tensor:
        """Values (B, ...) of rows (B,), on the device that computed them."""
        values = self._flat.index_select(0, rows.to(self._flat.device)).to(self._device, non_blocking=True)
        return values.permute(0, 3, 1, 2) if self._image else values


class SampleCache:
    """Adds cached values to the batches of cached splits. Also holds the original with batch normalisation folded.

    Args:
        method: A :class:`ClassUnlearning` on its device, with the trainer's data.
        plan: What to cache.
        views: Number of augmented views of each image to cache; they replace new views in every epoch. 0: the images are
            cached without augmentation.
        limit: Largest size in GiB that is kept in memory, for activations and for teachers' outputs separately.
    """

    def __init__(self, method: Any, plan: Plan, views: int = 0, limit: float = 4.0) -> None:
        self.method, self.plan, self.views = method, plan, views
        self.tail: nn.Module | None = plan.trunk.tail if plan.trunk else None
        self.original = fold_batchnorm(method.original, _examples(method)) if method.teacher_splits else method.original
        self._limit, self._folder = limit * GIBIBYTE, Path(method.trainer.default_root_dir)
        self._activations: Rows | None = None
        self._teacher: Rows | None = None
        data: LabelledData = method.data
        positions = torch.cat([data.split(name).positions for name in plan.splits]) if plan.splits else torch.empty(0).long()
        self._count = len(positions)
        self._slots = torch.zeros(len(data.split("train").labels), dtype=torch.long)
        self._slots[positions] = torch.arange(len(positions))
        self._slots = self._slots.to(method.device)

    @torch.no_grad()
    def fill(self) -> None:
        """Pass once over every cached split and view; the state of the random generators stays as it was."""
        devices = [self.method.device] if self.method.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(torch.initial_seed())
            for split, view in product(self.plan.splits, range(max(1, self.views))):
                for batch in self.method.tracked(split, f"caching {split}", augment=self.views > 0):
                    self._keep(split, batch, self._rows(batch.index, view))

    def batch(self, split: str, batch: Batch) -> Batch:
        """A training batch with its cached values: activations in place of the images, and the teacher's outputs."""
        method = self.method
        if split in self.plan.splits:
            view = torch.randint(max(1, self.views), batch.index.shape, device=batch.index.device) if self.views > 1 else 0
            rows = self._rows(batch.index, view)
            teacher = self._teacher.get(rows) if self._teacher and split in method.teacher_splits else None
            return batch._replace(images=self._activations.get(rows) if self._activations else batch.images, teacher=teacher)
        if self.plan.trunk is None:
            return batch
        teacher = method.teacher_outputs(split, batch) if split in method.teacher_splits else None
        return batch._replace(images=self.plan.trunk.activations(method.laid_out(batch.images)), teacher=teacher)

    def __str__(self) -> str:
        stores = {"activations": self._activations, "teachers' outputs": self._teacher}
        kept = [f"{name} {_size(rows)}" for name, rows in stores.items() if rows]
        views = f", {self.views} stored views in place of new ones: an approximation" if self.views and kept else ""
        contents = f"; {self._count:,} images, {', '.join(kept)}{views}" if kept else ""
        return f"cache: {self.plan.mode} ({self.plan.why}{contents})"

    def _rows(self, index: Tensor, view: Tensor | int) -> Tensor:
        return self._slots[index] * max(1, self.views) + view

    def _keep(self, split: str, batch: Batch, rows: Tensor) -> None:
        count = self._count * max(1, self.views)
        if self.plan.trunk is not None:
            with self.method.trainer.precision_plugin.forward_context():
                activations = self.plan.trunk.activations(self.method.laid_out(batch.images))
            self._activations = self._activations or Rows(count, activations, self._limit, self._folder)
            self._activations.put(rows, activations)
        if split in self.method.teacher_splits:
            outputs = self.method.teacher_outputs(split, batch)
            self._teacher = self._teacher or Rows(count, outputs, self._limit, self._folder)
            self._teacher.put(rows, outputs)


def make_plan(method: Any, mode: CacheMode, views: int) -> Plan:
    """Choose what a run can cache without changing results and reads often enough to make caching worthwhile.

    Args:
        method: A :class:`ClassUnlearning` on its device, in training mode, with the trainer's data.
        mode: Requested mode; ``auto`` caches the most that changes no result.
        views: Number of augmented views of each image to cache; 0 for none.

    Raises:
        UserError: If the requested mode would change results; the message says why.
    """
    if mode == "off":
        return Plan("off", "as requested")
    trunk, no_trunk = _trunk(method) if mode != "teacher" else (None, "not requested")
    no_teacher = "" if method.teacher_splits else f"{type(method).__name__} reads no frozen network in training"
    reasons = {"activations": "" if trunk else no_trunk, "teacher": no_teacher}
    splits: tuple[str, ...] = ()
    if not all(reasons.values()):  # otherwise nothing is cached, and the splits may not exist yet
        names = tuple(dict.fromkeys((*method.train_splits, *method.teacher_splits)))
        splits = tuple(name for name in names if _passes(method, names, name) >= 1)
        hindrance = _changing(method.data, bool(views and trunk)) or ("" if splits else "no image is read twice")
        hindrance = hindrance or _varying_teacher(method)
        reasons = {name: reason or hindrance for name, reason in reasons.items()}
    for name in ("activations", "teacher") if mode == "auto" else (mode,):
        if not reasons[name]:
            why = f"everything before {trunk.entrance} is frozen" if trunk else "the teacher is frozen"
            return Plan(name, why, splits if trunk else tuple(s for s in splits if s in method.teacher_splits), trunk)
    if mode != "auto":
        raise UserError(f"--model.cache {mode} cannot be used: {reasons[mode]}")
    return Plan("off", reasons["teacher"] if method.teacher_splits else reasons["activations"])


def _changing(data: "LabelledData", views: bool) -> str:
    """Why images are not the same in every epoch; empty if they are."""
    if views and data.flip == "alternating":
        return "views are stored in one epoch, in which flip: alternating mirrors an image the same way every time"
    if (data.crop_padding or data.flip) and not views:
        return "images are augmented anew in every epoch; --model.views N keeps N views of each in their place"
    return ""


def _varying_teacher(method: Any) -> str:
    """Why the teacher's outputs for an image are not the same every time; empty if they are."""
    for split in method.teacher_splits:
        batch = next(method.read(split, at_most=4), None)
        if batch is None:
            continue

        def outputs(images: Tensor, split: str = split, batch: Batch = batch) -> Tensor:
            return method.teacher_outputs(split, batch._replace(images=images))

        variation = varies(outputs, batch.images, method)
        if variation:
            return f"the computation of the teacher's outputs on the {split} set {variation}"
    return ""


def _trunk(method: Any) -> tuple[FrozenTrunk | None, str]:
    try:
        return FrozenTrunk(method.network, _examples(method)), ""
    except ValueError as error:
        return None, str(error)


def _examples(method: Any) -> Tensor:
    return method.laid_out(method.example_images().to(method.device))


def _passes(method: Any, names: Sequence[str], split: str) -> float:
    """Number of times that this process reads each image of a split in the whole run, on average."""
    trainer, data = method.trainer, method.data
    sizes = {name: len(data.split(name)) for name in names}
    longest = min(sizes.values()) if method.loader_mode == "min_size" else max(sizes.values())
    batches = math.ceil(longest / data.batch_size)
    limit = trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(limit * batches)
    steps = [trainer.max_epochs * batches] if (trainer.max_epochs or -1) > 0 else []
    steps += [trainer.max_steps] if trainer.max_steps > 0 else []
    return min(steps, default=math.inf) * data.batch_size / trainer.world_size / max(1, sizes[split])


def _mapped(shape: Sequence[int], dtype: torch.dtype, folder: Path) -> Tensor:
    folder.mkdir(parents=True, exist_ok=True)
    path, count = folder / f"cache-{os.getpid()}-{id(shape)}.part", math.prod(shape)
    try:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):  # a full disk raises an error here instead of a crash when a page is written
                os.posix_fallocate(file.fileno(), 0, count * dtype.itemsize)
        return torch.from_file(str(path), shared=True, size=count, dtype=dtype).view(*shape)
    except OSError as error:
        size = decimal(count * dtype.itemsize)
        raise UserError(f"{folder} has no room for a cache of {size} ({error.strerror}): set --model.cache off") from None
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _size(rows: Rows) -> str:
    return f"{decimal(rows.size)} {'in a file' if rows.mapped else 'in memory'}"
