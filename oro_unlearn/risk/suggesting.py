"""Rank the open tuples of a relation graph by risk, from the few that are marked."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from oro_unlearn.graph import RelationGraph, Triple
from oro_unlearn.networks import OpenCLIP
from oro_unlearn.risk.embeddings import caption_features, node_features
from oro_unlearn.risk.listing import Listing, list_tuples
from oro_unlearn.risk.nearness import common_sizes, hierarchy_nearness, slot_nearness, text_nearness
from oro_unlearn.risk.reasons import SLOTS, difference, nearest_unsafe, slot_drops
from oro_unlearn.risk.training import Training, temperature, train_network

Ranking = Literal["network", "slots", "hierarchy", "text"]
RANKINGS: tuple[Ranking, ...] = get_args(Ranking)
MOST_CAPTIONS = 20_000  # tuples whose captions are embedded only for comparison


@dataclass(frozen=True)
class Suggestion:
    """An open tuple that may be unsafe.

    Args:
        triple: The tuple.
        score: The risk in [0, 1] for the ranking ``network``; otherwise a nearness without a scale.
        nearest: The unsafe tuple that it resembles most.
        reason: What distinguishes the two, and the slot on which the score depends most.
        drops: How much the score falls, on average, if subject, relation or object is replaced.
        ranks: Rank in each other ranking that was computed, from 1.
    """

    triple: Triple
    score: float
    nearest: Triple
    reason: str
    drops: tuple[float, float, float]
    ranks: dict[str, int]


@dataclass(frozen=True)
class Suggestions:
    """The open tuples with the highest risk.

    Args:
        listing: All tuples with their marks.
        by: The ranking.
        found: The suggestions, the highest score first.
        temperature: Divisor of the network's logits, from marked tuples that were left out; None if the risk is not calibrated.
    """

    listing: Listing
    by: Ranking
    found: list[Suggestion]
    temperature: float | None


def suggest(graph: RelationGraph, network: OpenCLIP, top: int = 20, by: Ranking = "network", seed: int = 0) -> Suggestions:
    """Rank the open tuples of a graph.

    Args:
        graph: The graph. It needs an unsafe edge.
        network: A CLIP model, for the embeddings of names and captions.
        top: Number of suggestions.
        by: ``network``, a graph network that is trained on concepts made up from the graph; ``slots`` or ``hierarchy``,
            nearness in the hierarchy, slot by slot or of whole tuples; ``text``, nearness in CLIP's text space.
        seed: Seed of the network's training.

    Raises:
        UserError: If the graph has no unsafe edge or no open tuple, or is too small to train on, or torch_geometric is missing.
    """
    listing = list_tuples(graph)
    sizes = common_sizes(graph)
    scores: dict[str, Tensor] = {"hierarchy": hierarchy_nearness(listing, sizes)}
    if by == "text" or len(listing.triples) <= MOST_CAPTIONS:
        scores["text"] = text_nearness(listing, caption_features(network, graph, listing.triples))
    heat: float | None = None
    if by == "slots":
        scores["slots"] = slot_nearness(listing, sizes)
    elif by == "network":
        trained = train_network(listing, node_features(network, graph), sizes, Training(seed=seed))
        heat = temperature(trained, listing)
        logits = trained.scored(listing.index, listing.unsafe_index, listing.safe_index)
        scores["network"] = (logits / (heat or 1)).sigmoid()
    return Suggestions(listing, by, _top(listing, scores, by, sizes, top), heat)


def _top(listing: Listing, scores: dict[str, Tensor], by: Ranking, sizes: Tensor, top: int) -> list[Suggestion]:
    """The suggestions with their reasons."""
    open_places = listing.open
    order = open_places[scores[by][open_places].argsort(descending=True, stable=True)][:top].tolist()
    ranks = {name: _ranks(values, open_places) for name, values in scores.items() if name != by}
    found = []
    for place, drops in zip(order, slot_drops(listing, scores[by], order), strict=True):
        triple = listing.triples[place]
        nearest = nearest_unsafe(listing, triple, sizes)
        carried = SLOTS[max(range(3), key=lambda slot: drops[slot])]
        words = f"{difference(listing.graph, triple, nearest)}; most by its {carried}"
        placed = {name: int(values[place]) for name, values in ranks.items()}
        found.append(Suggestion(triple, float(scores[by][place]), nearest, words, drops, placed))
    return found


def _ranks(scores: Tensor, places: Tensor) -> Tensor:
    """Rank of each place among the given ones, from 1; 0 for all others."""
    ranks = torch.zeros(len(scores), dtype=torch.int64)
    ranks[places[scores[places].argsort(descending=True, stable=True)]] = torch.arange(1, len(places) + 1)
    return ranks
