"""Logits and head inputs of a classifier for every image of a split: saved once, used by many attacks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from oro_unlearn.files import first_line
from oro_unlearn.networks import FeatureReader, logits_of, save_weights
from oro_unlearn.user_error import UserError

ROUNDING = 1e-3  # largest error of storing features in half precision, relative to their spread


class Scores(NamedTuple):
    """Outputs and features of one model on N images, in the order they came, on the CPU."""

    logits: Tensor  # (N, K) float32; -inf for masked classes
    features: Tensor  # (N, D) float32, inputs of the head
    labels: Tensor  # (N,) int64
    index: Tensor  # type: ignore[assignment]  # (N,) int64, positions in the whole training (or test) set


@torch.no_grad()
def collect_scores(network: nn.Module, num_classes: int, batches: Iterable[tuple[Tensor, Tensor, Tensor]]) -> Scores:
    """Run a classifier over images in eval mode and float32, even within autocast. Its modes are restored afterwards.

    Args:
        network: Any image classifier in float32 whose last linear layer has one output per class.
        num_classes: Number of classes K.
        batches: ``(images, labels, index)``: normalised images (B, C, H, W), labels (B,), positions (B,). On any device.

    Raises:
        UserError: If there are no batches, the network has no head with K outputs, or the head's inputs are not (B, D).
    """
    device = next(network.parameters()).device
    found: list[Scores] = []
    with _evaluating(network), FeatureReader(network, num_classes) as reader, torch.autocast(device.type, enabled=False):
        for images, labels, index in batches:
            logits = logits_of(network(images.to(device).float()))
            if reader.features.ndim != 2:
                raise UserError(
                    f"the head of {type(network).__name__} takes features {tuple(reader.features.shape)}, not (B, D): "
                    "pool them before the last layer"
                )
            found.append(Scores(logits.float().cpu(), reader.features.float().cpu(), labels.cpu().long(), index.cpu().long()))
    if not found:
        raise UserError("no images to score: the split is empty")
    return Scores(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def save_scores(scores: dict[str, Scores], path: str | Path) -> None:
    """Write scores as one safetensors file, atomically: the file is written completely or not at all.

    Features are stored in half precision, which rounds a value by at most 1/2048 of it. This is far below the resolution of any
    attack here. Features stay in float32 if the rounding would exceed a thousandth of their spread (values beyond 65,504, or
    nearly constant features). Logits, including minus infinity, are always float32.

    Args:
        scores: Scores by split.
        path: The file to write; missing folders are created.
    """
    tensors = {f"{split}.{name}": value for split, rows in scores.items() for name, value in rows._asdict().items()}
    save_weights({name: _halved(value) if name.endswith(".features") else value for name, value in tensors.items()}, path)


def load_scores(path: str | Path) -> dict[str, Scores]:
    """Read a file of :func:`save_scores`. Features are converted back to float32.

    Args:
        path: The file.

    Raises:
        UserError: If the file is missing or is no file of scores.
    """
    if not Path(path).is_file():
        raise UserError(f"scores {path} not found")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} cannot be read as scores: {first_line(error)}") from None
    splits = sorted({name.rpartition(".")[0] for name in tensors})
    wanted = {f"{split}.{field}" for split in splits for field in Scores._fields}
    if wanted != tensors.keys():
        raise UserError(f"{path} holds no scores ({min(wanted ^ tensors.keys())} does not fit): collect them again")
    return {split: _restored(split, tensors, path) for split in splits}


def _restored(split: str, tensors: dict[str, Tensor], path: str | Path) -> Scores:
    scores = Scores(*(tensors[f"{split}.{field}"] for field in Scores._fields))
    if [value.ndim for value in scores] != [2, 2, 1, 1] or len({len(value) for value in scores}) != 1:
        shapes = ", ".join(f"{field} {tuple(value.shape)}" for field, value in scores._asdict().items())
        raise UserError(f"{path} holds scores of {split} that do not go together ({shapes}): collect them again")
    return scores._replace(features=scores.features.float())


def _halved(features: Tensor) -> Tensor:
    """Convert to half precision, unless the rounding error is too large."""
    stored = features.half()
    spread = (features - features.mean(0)).norm()
    return stored if (stored.float() - features).norm() <= ROUNDING * spread else features  # false for NaN and infinity


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Set eval mode within the block. Afterwards the mode of every module is restored."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
