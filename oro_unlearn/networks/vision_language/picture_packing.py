"""How families of models take the pictures of a batch, and how rows of such a batch are chosen.

Every family takes text as (rows, tokens). Pictures come in three forms:

- one tensor over all pictures of the batch (LLaVA, Gemma 3, InternVL): (pictures, 3, H, W);
- one tensor over all patches of all pictures, without a batch dimension, and a grid of each picture (Qwen-VL): (patches, D);
- a row of pictures for each row of the text, filled up with zeros (Idefics 2 and 3, SmolVLM): (rows, pictures, 3, H, W).

Beside a tensor of the first two forms stands ``count/NAME``, (rows,) int64: how many of its entries belong to each row. So a
batch may mix questions with and without picture, and its rows can be chosen, repeated and permuted.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

COUNT = "count/"
BY_ROW = ("idefics2", "idefics3", "smolvlm")  # model types whose pictures have a dimension for the rows of the text
GRID = "image_grid_thw"  # (pictures, 3), of Qwen-VL: patches of a picture in time, height and width


def entries_per_picture(pictures: Mapping[str, Tensor], number: int) -> dict[str, Tensor] | None:
    """How many entries of each tensor belong to each picture, if its length shows it.

    Args:
        pictures: Tensors of a processor about pictures.
        number: Number of pictures.

    Returns:
        For each name (pictures,) int64. None if a picture may be cut into a varying number of parts.
    """
    counts: dict[str, Tensor] = {}
    patches = pictures[GRID].prod(-1) if GRID in pictures else None
    for name, tensor in pictures.items():
        if len(tensor) == number:
            counts[name] = torch.ones(number, dtype=torch.long)
        elif patches is not None and len(tensor) == int(patches.sum()):
            counts[name] = patches
        else:
            return None
    return counts


def spread(tensor: Tensor, rows: Tensor, number: int) -> Tensor:
    """A tensor with a first dimension of ``number`` that has these entries in the given rows, and zeros in all others."""
    full = tensor.new_zeros(number, *tensor.shape[1:])
    full[rows] = tensor
    return full


def select_rows(inputs: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """Choose rows of a batch, with their pictures. It waits for the device if the batch has pictures.

    Args:
        inputs: A batch of :class:`~oro_unlearn.networks.VisionLanguage`.
        rows: (R,) int64; a row may be repeated.

    Returns:
        The batch of these rows, in this order. Without tensors of pictures if none of the rows has one.
    """
    chosen: dict[str, Tensor] = {}
    for name, tensor in inputs.items():
        if name.startswith(COUNT):
            continue
        count = inputs.get(COUNT + name)
        if count is None:
            chosen[name] = tensor[rows]
        elif bool(count[rows].any()):
            chosen[name], chosen[COUNT + name] = tensor[_entries(count, rows)], count[rows]
    pictures = chosen.get("pixel_values")
    if pictures is not None and COUNT + "pixel_values" not in chosen and not bool(pictures.any()):
        chosen = {name: tensor for name, tensor in chosen.items() if not name.startswith("pixel_")}
    return chosen


def _entries(count: Tensor, rows: Tensor) -> Tensor:
    """Numbers of the entries that belong to these rows, row after row."""
    first, number = count.cumsum(0) - count, count[rows]
    before = number.cumsum(0) - number
    shift = torch.repeat_interleave(first[rows] - before, number)
    return shift + torch.arange(len(shift), device=shift.device)


def owners(count: Tensor) -> Tensor:
    """Which entries belong to which row: (rows, entries) bool."""
    rows = torch.arange(len(count), device=count.device)
    return torch.repeat_interleave(rows, count)[None] == rows[:, None]
