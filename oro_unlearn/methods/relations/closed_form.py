"""A relational edit of the text tower in closed form: which captions it reads, and the systems that it solves."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from oro_unlearn.methods.relations.threshold_units import (
    Layers,
    install,
    least_squares,
    separating_direction,
    updates,
)
from oro_unlearn.networks import lora
from oro_unlearn.networks.last_text_block import LastTextBlock
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import RelationalData

KEPT = -1  # number of the request of a caption that is to be kept
ENERGY = 0.95  # fraction of the unsafe pictures' squared length along which forgotten captions move
CUTS = (-0.2, 0.4)  # where the two units of a request begin to fire, in margins: together they rise and stay level


class Recipe(NamedTuple):
    """What a closed-form edit can be told.

    Attributes:
        samples: Captions of the training bank for each tuple to forget.
        near: Weight of captions that share two slots with a tuple to forget, and of those forgotten earlier; others have 1.
        keep: Weight of all captions to keep together; those of a request have 1 together.
        ridge: Ridge of the detectors' directions.
        slope: Steepness of the detectors.
    """

    samples: int = 400
    near: float = 5.0
    keep: float = 3.0
    ridge: float = 1e-3
    slope: float = 4.0

    def check(self) -> None:
        """Raise a UserError if a value is out of range."""
        if self.samples < 0 or min(self.near, self.keep, self.ridge, self.slope) <= 0:
            raise UserError("--model.near, keep, ridge and slope are above 0, and --model.samples is 0 or more")


class Captions(NamedTuple):
    """All captions that an edit reads, without duplicates."""

    texts: list[str]
    request: Tensor  # (N,) int64, number of the request that a caption states, or KEPT
    tuples: Tensor  # (N,) int64, number of the tuple in ``stated``; 0 where the caption is kept
    weights: Tensor  # (N,) float64
    stated: list[tuple[str, ...]]  # the tuples to forget, of all requests


class Moment(NamedTuple):
    """Mean of k k^T over the hidden units k (H,) of captions, and their number."""

    mean: Tensor  # (H, H) float64
    captions: int

    @classmethod
    def of(cls, hidden: Tensor) -> "Moment":
        """The moment of hidden units (N, H)."""
        hidden = hidden.float()  # the product of wide layers takes half of the time, and the mean needs no more digits
        return cls((hidden.mT @ hidden / len(hidden)).double(), len(hidden))

    def plus(self, other: "Moment | None") -> "Moment":
        """The moment of both sets of captions together."""
        if other is None:
            return self
        captions = self.captions + other.captions
        return Moment((self.mean * self.captions + other.mean * other.captions) / captions, captions)

    def without(self, units: Tensor) -> "Moment":
        """The moment after some units have become detectors of other captions: here they are 0."""
        mean = self.mean.clone()
        mean[units], mean[:, units] = 0, 0
        return Moment(mean, self.captions)


def captions_of(data: "RelationalData", recipe: Recipe) -> Captions:
    """The captions of the requests, in the training bank's words, and all captions of the vocabulary."""
    found: dict[str, tuple[int, int, float]] = {}
    stated: list[tuple[str, ...]] = []
    for number, by_tuple in enumerate(data.forget_captions(recipe.samples)):
        for triple, texts in by_tuple.items():
            stated.append(triple)
            for text in texts:
                found.setdefault(text, (number, len(stated) - 1, 1.0))
    kept = {text: recipe.near if shared >= 2 else 1.0 for shared, texts in data.vocabulary.items() for text in texts}
    kept |= dict.fromkeys(data.earlier_captions(recipe.samples), recipe.near)
    for text, weight in kept.items():
        found.setdefault(text, (KEPT, 0, weight))
    request, tuples, weights = (torch.tensor(column) for column in zip(*found.values(), strict=True))
    weights = weights.double()
    for number in request.unique():
        own = request == number
        weights[own] *= (recipe.keep if number == KEPT else 1.0) / weights[own].sum()
    return Captions(list(found), request, tuples, weights, stated)


def principal_directions(features: Tensor, energy: float = ENERGY) -> Tensor:
    """The fewest orthonormal directions (R, D) that hold a fraction of the squared length of features (N, D)."""
    lengths, directions = torch.linalg.eigh(features.mT @ features)
    shares = lengths.flip(0).cumsum(0) / lengths.sum()
    count = min(int((shares < energy).sum()) + 1, len(shares) // 2)
    return directions.mT.flip(0)[:count]


class ClosedForm:
    """Reads captions and pictures, solves, and writes the result into the adapter.

    Args:
        method: A relational method whose adapter reaches the last text block.
        recipe: Options.
        earlier: Moment of the captions of earlier edits, if any.

    Attributes:
        moment: After :meth:`edit`, the moment of all captions so far, under the edited model.
        costs: After :meth:`edit`, ``encode_seconds`` of captions and pictures, and ``edit_seconds`` of all else.
    """

    moment: Moment
    costs: dict[str, float]

    def __init__(self, method: Any, recipe: Recipe, earlier: Moment | None = None) -> None:
        self.method, self.recipe, self.earlier = method, recipe, earlier

    def edit(self, tau: float) -> None:
        """Edit the adapter.

        Args:
            tau: Cosine that the forgotten captions shall have with the pictures of their tuple.
        """
        started = time.perf_counter()
        block, data = LastTextBlock(self.method.network), self.method.data
        captions = captions_of(data, self.recipe)
        inputs, streams = block.read(captions.texts, self.method.text_batch_size)
        pictures = self._pictures(captions.stated)
        encoded = time.perf_counter()
        self._solve(block, captions, inputs, self._changes(block, captions, streams, pictures, tau))
        self.costs = {"encode_seconds": encoded - started, "edit_seconds": time.perf_counter() - encoded}

    def _pictures(self, stated: Sequence[tuple[str, ...]]) -> list[Tensor]:
        """Features (N, D) of each tuple's pictures under the reference; of all unsafe pictures if it has none."""
        features = self.method.reference_pictures("unsafe")
        shown = self.method.data.split("unsafe").slots.to(features.device)
        found = [(shown == slots.to(shown)).all(1) for slots in self.method.data.slots(stated)]
        return [features[rows] if rows.any() else features for rows in found]

    def _changes(
        self, block: LastTextBlock, captions: Captions, streams: Tensor, pictures: Sequence[Tensor], tau: float
    ) -> Tensor:
        """Changes (N, W) of the streams: 0 for captions to keep; for others the part along their pictures moves alone."""
        changes = torch.zeros_like(streams)
        for number, shown in enumerate(pictures):
            own = ((captions.request != KEPT) & (captions.tuples == number)).to(streams.device)
            before = block.embed(streams[own])
            mean, directions = shown.mean(0), principal_directions(shown)
            rest = normalize(before - before @ directions.mT @ directions, dim=1)
            cosine = min(1.0, max(-1.0, tau / float(mean.norm())))
            targets = rest * (1 - cosine**2) ** 0.5 + cosine * normalize(mean, dim=0)
            changes[own] = block.changes(streams[own], targets)
        return changes

    def _solve(self, block: LastTextBlock, captions: Captions, inputs: Tensor, changes: Tensor) -> None:
        inner, bias, output = (weight.cpu().double() for weight in block.weights())
        layers = Layers(inner, bias, output, block.activation)
        inputs, changes = inputs.cpu().double(), changes.cpu().double()
        now = Moment.of(layers.hidden(inputs))
        moment = now.plus(self.earlier).mean
        directions = []
        for number in range(int(captions.request.max()) + 1):
            used = (captions.request == number) | (captions.request == KEPT)
            mine = captions.request[used] == number
            directions.append(separating_direction(inputs[used], mine, captions.weights[used], self.recipe.ridge))
        one = least_squares(inputs, torch.ones(len(inputs), 1).double(), captions.weights, 1e-9)[:, 0]
        units, rows = install(layers, directions, one, moment, self.recipe.slope, CUTS)
        detected = layers.act(inputs @ rows.mT + bias[units])
        columns = least_squares(detected, changes, captions.weights, 1e-4).mT
        for name, update in zip(block.layers, updates(layers, units, rows, columns, moment), strict=True):
            lora.write_update(self.method.network.model, name, *update)
        edited = layers._replace(inner=inner.index_copy(0, units, rows))
        self.moment = Moment.of(edited.hidden(inputs)).plus(self.earlier.without(units) if self.earlier else None)
