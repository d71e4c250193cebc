"""Outputs of a model that runs outside this package, as one NumPy archive."""

import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from oro_unlearn.attacks import Scores
from oro_unlearn.audit.figures import Model
from oro_unlearn.audit.scoring import SPLITS
from oro_unlearn.files import first_line
from oro_unlearn.user_error import UserError


def read_outputs(path: str | Path) -> Model:
    """Read logits and labels by split. The features are empty.

    Args:
        path: An ``.npz`` with ``SPLIT_logits`` (N, K) and ``SPLIT_labels`` (N,) for the splits ``retain`` and ``forget``
            (training images) and ``test_retain`` and ``test_forget``. Images are in the same order for every model.

    Raises:
        UserError: If the file is missing, is no such archive, or lacks an array; if shapes, labels or values do not fit.
    """
    if not Path(path).is_file():
        raise UserError(f"outputs {path} not found")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = first_line(error) if str(error) else "it is empty"
        raise UserError(f"{path} cannot be read as a NumPy archive ({reason}): write it with numpy.savez") from None
    wanted = [f"{split}_{part}" for split in SPLITS for part in ("logits", "labels")]
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}: it needs {', '.join(wanted)}")
    return {split: _scores(path, split, arrays[f"{split}_logits"], arrays[f"{split}_labels"]) for split in SPLITS}


def _scores(path: str | Path, split: str, logits: np.ndarray, labels: np.ndarray) -> Scores:
    """Check the arrays of one split."""
    if logits.ndim != 2 or labels.shape != (len(logits),) or not len(logits):
        raise UserError(
            f"{path}: {split}_logits {logits.shape} and {split}_labels {labels.shape} must be (N, K) and (N,), N at least 1"
        )
    if logits.dtype.kind != "f" or labels.dtype.kind not in "iu":
        raise UserError(f"{path}: {split}_logits must be floats and {split}_labels integers: {logits.dtype}, {labels.dtype}")
    if np.isnan(logits).any() or np.isposinf(logits).any():
        raise UserError(f"{path}: {split}_logits has NaN or infinite values: the model diverged; leave it out")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise UserError(f"{path}: {split}_labels must lie in 0 to {logits.shape[1] - 1}, not {labels.min()} to {labels.max()}")
    values: Tensor = torch.from_numpy(logits.astype(np.float32))
    own = torch.from_numpy(labels.astype(np.int64))
    return Scores(values, values.new_zeros(len(own), 0), own, torch.arange(len(own)))


def check_same_images(models: dict[str, Model]) -> None:
    """Check that all archives hold the same images and classes.

    Args:
        models: Models by file.

    Raises:
        UserError: If labels or the number of classes differ, or a retained image has a forgotten label.
    """
    first_path, first = next(iter(models.items()))
    for path, model in models.items():
        for split in SPLITS:
            if model[split].logits.shape != first[split].logits.shape or not model[split].labels.equal(first[split].labels):
                raise UserError(f"{path} and {first_path} differ in {split}: both need the same images in the same order")
    forgotten = set(first["forget"].labels.tolist()) | set(first["test_forget"].labels.tolist())
    both = forgotten & (set(first["retain"].labels.tolist()) | set(first["test_retain"].labels.tolist()))
    if both:
        raise UserError(f"{first_path}: labels {sorted(both)} are in forget and in retain splits: whole classes are audited")
