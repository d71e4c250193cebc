"""A relational edit of the image tower in closed form: its last layer gives unsafe pictures the mean of their foils.

Where two groups have equal means, no linear probe tells them apart (Belrose and others, arXiv 2306.03819), so no caption does.
"""

import time
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from oro_unlearn.methods.relations.foils import Foils, foil_rows
from oro_unlearn.methods.relations.threshold_units import Update, least_squares, steadied
from oro_unlearn.networks import lora
from oro_unlearn.networks.last_image_layer import LastImageLayer
from oro_unlearn.user_error import UserError

SPLITS = ("unsafe", "edges", "nodes", "neutral")
ROUNDS = 8  # solves; the means of the pictures that are read are then equal
RIDGES = [10 ** (power / 2) for power in range(-12, 3)]  # tried by leave-one-out, as fractions of the mean diagonal


class PictureRecipe(NamedTuple):
    """What the edit of the image tower can be told.

    Attributes:
        keep: Weight of all pictures to keep together; unsafe pictures have 1 together.
        near: Weight of a listed neighbour's picture; other pictures to keep have 1.
        ridge: Ridge, as a fraction of the Gram matrix's mean diagonal; ``auto`` for the one of least leave-one-out error.
        foils: Pictures whose mean the unsafe pictures get.
    """

    keep: float = 10.0
    near: float = 5.0
    ridge: Literal["auto"] | float = "auto"
    foils: Foils = "neighbours"

    def check(self) -> None:
        """Raise a UserError if a value is out of range."""
        if not self.keep > 0 or not (self.ridge == "auto" or self.ridge > 0):
            raise UserError("--model.image_keep is above 0, and --model.image_ridge auto or a number above 0")


def left_out_best(inputs: Tensor, targets: Tensor, weights: Tensor) -> float:
    """The one of ``RIDGES`` with the smallest weighted squared error of leave-one-out predictions.

    Args:
        inputs: (N, K) float64.
        targets: (N, O) float64.
        weights: (N,), 0 or more.
    """
    from sklearn.linear_model import RidgeCV

    scale = float((inputs.square() * weights[:, None]).sum() / inputs.shape[1])  # mean diagonal of the Gram matrix
    search = RidgeCV([ridge * scale for ridge in RIDGES], fit_intercept=False)  # by the hat matrix; nothing is fitted N times
    return float(search.fit(inputs.numpy(), targets.numpy(), weights.numpy()).alpha_) / scale


def reduced_rank(inputs: Tensor, targets: Tensor, weights: Tensor, ridge: float, rank: int) -> Update:
    """The solution of :func:`least_squares` of at most a given rank, as a change of weights (O, K).

    Of all matrices of this rank it has the smallest loss (reduced-rank ridge regression, Mukherjee and Zhu 2011): the full
    solution is projected onto the principal directions of its own predictions.
    """
    full = least_squares(inputs, targets, weights, ridge)  # (K, O)
    gram = steadied((inputs * weights[:, None]).mT @ inputs, ridge)
    left = torch.linalg.eigh(full.mT @ gram @ full).eigenvectors[:, -rank:]
    return Update(left, (full @ left).mT)


class Read(NamedTuple):
    """What the image tower's end holds for some pictures."""

    inputs: Tensor  # (N, K) float64, of the last layer
    streams: Tensor  # (N, O) float64, behind it

    def directions(self, update: Update) -> Tensor:
        """Unit vectors (N, O) of the streams after a change of the layer."""
        return normalize(self.streams + self.inputs @ update.right.mT @ update.left.mT, dim=1)


class ClosedFormPictures:
    """Reads the training pictures once, solves some ridge regressions, and writes the last one into the adapter.

    An unsafe picture keeps its difference from the mean of all of them; this mean moves to that of the foils. A regression
    falls short of its targets, and the foils move with them a little, so the targets are moved by what is missing, and the
    regression is solved again, ``ROUNDS`` times in all.

    Args:
        method: A relational method whose adapter reaches the last layer of the image tower.
        recipe: Options.

    Attributes:
        costs: After :meth:`edit`, ``encode_seconds`` of the pictures, and ``edit_seconds`` of all else.
    """

    costs: dict[str, float]

    def __init__(self, method: Any, recipe: PictureRecipe) -> None:
        self.method, self.recipe = method, recipe

    def edit(self) -> None:
        """Edit the adapter."""
        started = time.perf_counter()
        layer, rows = LastImageLayer(self.method.network), foil_rows(self.method.data, self.recipe.foils)
        read = {split: self._read(layer, split) for split in SPLITS if len(self.method.data.split(split))}
        encoded = time.perf_counter()
        lora.write_update(self.method.network.model, layer.name, *self._solve(read, rows))
        self.costs = {"encode_seconds": encoded - started, "edit_seconds": time.perf_counter() - encoded}

    def _read(self, layer: LastImageLayer, split: str) -> Read:
        """What the tower's end holds for all pictures of a split, on the CPU."""
        found = self.method.read_pictures(split, lambda images: torch.cat(layer.read(images), 1))
        return Read(*found.cpu().double().split(layer.sizes, 1))

    def _solve(self, read: dict[str, Read], rows: Tensor) -> Update:
        unsafe, foils = read["unsafe"], Read(*(values[rows] for values in read["edges"]))
        inputs, weights = torch.cat([found.inputs for found in read.values()]), self._weights(read)
        lengths, own = unsafe.streams.norm(dim=1, keepdim=True), normalize(unsafe.streams, dim=1)
        changes, ridge = inputs.new_zeros(len(inputs), own.shape[1]), self.recipe.ridge
        shift, update = torch.zeros_like(own[0]), Update(own.new_zeros(own.shape[1], 1), own.new_zeros(1, inputs.shape[1]))
        for _ in range(ROUNDS):
            shift = shift + foils.directions(update).mean(0) - unsafe.directions(update).mean(0)
            changes[: len(own)] = lengths * normalize(own + shift, dim=1) - unsafe.streams
            ridge = left_out_best(inputs, changes, weights) if ridge == "auto" else ridge
            update = reduced_rank(inputs, changes, weights, ridge, self.method.lora_rank)
        return update

    def _weights(self, read: dict[str, Read]) -> Tensor:
        """Weights (N,) of all pictures, in the order of the splits."""
        counts = {split: len(found.inputs) for split, found in read.items()}
        first = counts.pop("unsafe")
        kept = torch.cat([torch.full((n,), self.recipe.near if split == "edges" else 1.0) for split, n in counts.items()])
        unsafe = torch.full((first,), 1 / first)
        return torch.cat([unsafe, self.recipe.keep * kept / kept.sum()]).double()
