"""Greedy search for the units of a CLIP model whose mean-ablation removes a relation and keeps the rest."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.methods.relations.pruning_evidence import PruningEvidence, Standing
from oro_unlearn.networks.activation_patching import Site, replaced, sites_of
from oro_unlearn.networks.mean_ablation import ablate, activation_means, constant

SINGULAR = {"heads": "head", "neurons": "neuron", "channels": "channel"}


class Unit(NamedTuple):
    """A head, a neuron or a channel."""

    site: Site
    number: int

    @property
    def columns(self) -> Tensor:
        """Its activations (n,) int64, positions in the width of its site."""
        return torch.arange(self.number * self.site.group, (self.number + 1) * self.site.group)

    @property
    def name(self) -> str:
        """Its name for people."""
        layer = f" {self.site.layer.rpartition('.')[2].replace('act', 'conv')}" if self.site.kind == "channels" else ""
        return f"{self.site.tower} tower, {self.site.block}{layer}, {SINGULAR[self.site.kind]} {self.number + 1}"


class Step(NamedTuple):
    """One step of the search."""

    units: list[Unit]  # ablated in this step
    share: float  # ablated activations / all activations of the tower that has the larger share
    excess: float
    loss: float
    standing: Standing


class UnitSearch:
    """Ablates units one after the other. After each, the network's weights hold all ablations so far.

    A step lists the units with the largest first-order effect on the excess of unsafe pairs: (activation - mean) x gradient,
    averaged over points on the way from the activations to their means and summed over inputs. Each unit of this shortlist is
    then ablated by hooks, alone. The units with the highest scores are ablated in the weights::

        score = (excess before - excess after) / activations of the unit / (max(0, loss after - loss before) + tolerance)

    Excess and losses are those of :class:`PruningEvidence`. The mean is taken over neutral captions or pictures of the
    training data. A unit must not raise its tower's share above ``max_share``.

    Args:
        network: The CLIP model in eval mode. It is changed.
        evidence: Training pictures and captions.
        towers: ``text``, ``image`` or both.
        max_share: Largest share of a tower's activations that is ablated.
        shortlist: Number of units of a step that are evaluated exactly.
        per_step: Number of units that a step ablates; with 1 the search is the most exact and the slowest.
        points: Points on the way to the means.
        tolerance: Loss that counts as little.
        sizes: Captions and pictures that are encoded at once.

    Raises:
        UserError: If a tower has no units.
    """

    def __init__(
        self,
        network: Any,
        evidence: PruningEvidence,
        towers: Sequence[str],
        max_share: float,
        shortlist: int,
        per_step: int,
        points: int,
        tolerance: float,
        sizes: dict[str, int],
    ) -> None:
        self.network, self.evidence, self.sizes = network, evidence, sizes
        self.pictures_read = self.pictures_backward = 0
        self.max_share, self.shortlist, self.per_step = max_share, shortlist, per_step
        self.points, self.tolerance = points, tolerance
        captions = [evidence.gallery[place : place + sizes["text"]] for place in range(0, len(evidence.gallery), sizes["text"])]
        self.inputs = {  # batches; wordings are longer than plain captions
            "text": [network.tokenize(texts) for texts in (evidence.wordings, *captions)],
            "image": list(evidence.images.to(network.mean.device).split(sizes["image"])),
        }
        self.sites = {tower: sites_of(network.model, tower) for tower in towers}
        self.totals = {tower: sum(site.width for site in sites) for tower, sites in self.sites.items()}
        self.features = {tower: self.encode(tower) for tower in self.inputs}
        self.before = dict(self.features)
        self.means: dict[Site, Tensor] = {}
        for tower, sites in self.sites.items():
            self.means |= activation_means(network.model, sites, partial(self._run, tower, self._neutral(tower)))
        self.ablated: list[Unit] = []

    def standing(self) -> Standing:
        """Where the model stands on the training pictures."""
        return self.evidence.standing(self.features["image"], self.features["text"])

    def steps(self) -> Iterator[Step]:
        """Ablate units until no unsafe picture has its caption, in any wording, among the first five; or no unit is left."""
        while self.standing().worst > 0:
            before = len(self.ablated)
            for unit in self._best():
                if self._fits(unit.site):
                    ablate(self.network.model, unit.site, unit.columns, self.means[unit.site])
                    self.ablated.append(unit)
            if len(self.ablated) == before:
                return
            self.features |= {tower: self.encode(tower) for tower in self.sites}
            share = max(self.share(tower) for tower in self.sites)
            yield Step(self.ablated[before:], share, float(self._excess()), float(self._loss()), self.standing())

    def share(self, tower: str) -> float:
        """Ablated activations of a tower / all its activations."""
        return sum(unit.site.group for unit in self.ablated if unit.site.tower == tower) / self.totals[tower]

    def is_full(self) -> bool:
        """Whether no unit fits any more."""
        return not any(self._fits(site) for sites in self.sites.values() for site in sites)

    def _fits(self, site: Site) -> bool:
        """Whether one more unit of a site keeps its tower below ``max_share``."""
        return self.share(site.tower) + site.group / self.totals[site.tower] <= self.max_share + 1e-9

    def _best(self) -> list[Unit]:
        """The units of the shortlist with the highest scores, best first; none of them raises the excess."""
        excess, loss, scores = float(self._excess()), float(self._loss()), {}
        for unit in self._shortlist():
            tower = unit.site.tower
            with replaced(self.network.model, {unit.site: constant(unit.columns, self.means[unit.site])}):
                changed = {**self.features, tower: self.encode(tower)}
            drop = (excess - float(self._excess(changed))) / unit.site.group
            scores[unit] = drop / (max(0.0, float(self._loss(changed)) - loss) + self.tolerance)
        helping = [unit for unit, score in scores.items() if score > 0]
        return sorted(helping, key=lambda unit: -scores[unit])[: self.per_step]

    def _shortlist(self) -> list[Unit]:
        """The units with the largest first-order effect for each of their activations."""
        done, found = set(self.ablated), []
        for site in (site for sites in self.sites.values() for site in sites if self._fits(site)):
            effects = self.attribution(site).tolist()
            found += [(effect / site.group, Unit(site, number)) for number, effect in enumerate(effects)]
        helping = [(effect, unit) for effect, unit in found if effect > 0 and unit not in done]
        return [unit for _, unit in sorted(helping, key=lambda one: -one[0])[: self.shortlist]]

    def attribution(self, site: Site) -> Tensor:
        """First-order estimate (units,) of how much of the excess the mean-ablation of each unit of a site removes."""
        tower, mean = site.tower, self.means[site]
        total = torch.zeros(site.width, device=mean.device)
        for point in range(self.points):
            way = _Way(mean, (point + 0.5) / self.points)
            with replaced(self.network.model, {site: way}):
                total += self._effect(tower, way)
        return (total / self.points).unflatten(0, (-1, site.group)).sum(1)

    def _effect(self, tower: str, way: "_Way") -> Tensor:
        """The estimate (W,) at one point between activations and means."""
        slopes = self._slopes(tower, self.encode(tower)).split([len(batch) for batch in self.inputs[tower]])
        total = torch.zeros_like(way.mean)
        for batch, slope in zip(self.inputs[tower], slopes, strict=True):
            if not slope.any():
                continue
            with torch.enable_grad():
                score = (self._run(tower, batch) * slope).sum()
            total += way.effect(score)
            self.pictures_backward += len(batch) if tower == "image" else 0
        return total

    def _slopes(self, tower: str, features: Tensor) -> Tensor:
        """Gradient (N, D) of the excess by a tower's features."""
        leaf = features.detach().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(self._excess({**self.features, tower: leaf}), leaf)[0]

    def _excess(self, features: dict[str, Tensor] | None = None) -> Tensor:
        own = features or self.features
        return self.evidence.excess(own["image"], own["text"])

    def _loss(self, features: dict[str, Tensor] | None = None) -> Tensor:
        own = features or self.features
        text = self.evidence.text_loss(own["text"], self.before["text"])
        return text + self.evidence.image_loss(own["image"], self.before["image"])

    @torch.no_grad()
    def encode(self, tower: str) -> Tensor:
        """Features (N, D) of all captions or pictures of the evidence."""
        return torch.cat([self._run(tower, batch) for batch in self.inputs[tower]])

    def _neutral(self, tower: str) -> Tensor:
        """The inputs over which means are taken, at most one batch."""
        rows = self.evidence.neutral(tower)[: self.sizes[tower]]
        if tower == "text":
            return self.network.tokenize([self.evidence.texts[row] for row in rows])
        return self.evidence.images[rows].to(self.network.mean.device)

    def _run(self, tower: str, inputs: Tensor) -> Tensor:
        self.pictures_read += len(inputs) if tower == "image" else 0
        features: Tensor = self.network.encode_text(inputs) if tower == "text" else self.network.encode_image(inputs)
        return features


class _Way:
    """A change that moves activations a share of the way to their means, and keeps them for the gradient."""

    def __init__(self, mean: Tensor, share: float) -> None:
        self.mean, self.share = mean, share

    def __call__(self, activations: Tensor) -> Tensor:
        activations = activations.detach()
        self.whole = activations - self.mean
        self.moved = (activations - self.share * self.whole).requires_grad_(torch.is_grad_enabled())
        return self.moved

    def effect(self, score: Tensor) -> Tensor:
        """(activation - mean) x gradient, summed over inputs and positions, (W,)."""
        (slope,) = torch.autograd.grad(score, self.moved, allow_unused=True)
        return torch.zeros_like(self.mean) if slope is None else (self.whole * slope).sum((0, 1))
