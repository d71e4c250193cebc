"""Train the graph network of a relation graph on concepts made up from the graph, and calibrate it on the marked tuples."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from oro_unlearn.graph import RelationGraph
from oro_unlearn.networks.tuple_network import TupleNetwork
from oro_unlearn.risk.concepts import ConceptMaker, MadeConcept, places
from oro_unlearn.risk.listing import Listing
from oro_unlearn.user_error import UserError

OTHERS = 1024  # tuples outside of a concept in a step
HELD_OUT = 50  # fewer than twice as many marked tuples are left out in turn for the temperature
MOST_ASKED = 4096  # open tuples, drawn at random, among which each of them must be found
PRIOR = 0.3  # standard deviation of the logarithm of the temperature, before any tuple is left out
TEMPERATURES = torch.logspace(-1, 1, 81)


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Args:
        steps: Optimizer steps.
        concepts: MadeConcepts in a step.
        lr: Learning rate of AdamW.
        seed: Seed of the weights and the concepts.
    """

    steps: int = 300
    concepts: int = 4
    lr: float = 3e-3
    seed: int = 0


def graph_edges(graph: RelationGraph) -> Tensor:
    """Edges in both directions: from objects to their parents, and from relations to the objects that they allow.

    Returns:
        (2, E) int64. Objects are numbered first, in file order, then relations.
    """
    objects = {name: place for place, name in enumerate(graph.objects)}
    pairs = [(objects[name], objects[parent]) for name, node in graph.objects.items() for parent in node.is_a]
    for place, relation in enumerate(graph.relations.values(), len(objects)):
        pairs += [(place, objects[kind]) for kind in dict.fromkeys((*relation.subjects, *relation.objects))]
    forth = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
    return torch.cat([forth, forth.flip(0)], 1)


def train_network(listing: Listing, features: Tensor, sizes: Tensor, how: Training) -> TupleNetwork:
    """Train a network to complete concepts of which a few tuples are marked. No mark of the user is read.

    Args:
        listing: The tuples of the graph.
        features: (N + R, D), features of objects and relations.
        sizes: (N, N), from :func:`oro_unlearn.risk.nearness.common_sizes`.
        how: Number of steps, learning rate and seed.

    Raises:
        UserError: If torch_geometric is missing, or the graph is too small for any concept.
    """
    generator = random.Random(how.seed)
    maker = ConceptMaker(listing, generator)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(how.seed)
        network = TupleNetwork(features, graph_edges(listing.graph), sizes.log())
        optimizer = torch.optim.AdamW(network.parameters(), how.lr, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, how.steps)
        for _ in range(how.steps):
            similar = network.similarities()
            drawn = [_drawn(maker) for _ in range(how.concepts)]
            loss = torch.stack([_loss(network, similar, listing.index, concept, generator) for concept in drawn]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval().requires_grad_(False)


def _drawn(maker: ConceptMaker) -> MadeConcept:
    concept = maker.draw()
    if concept is None:
        raise UserError(
            f"{maker.listing.graph.path}: {len(maker.place)} tuples are too few to train on: choose --by hierarchy or --by text"
        )
    return concept


def _loss(
    network: TupleNetwork, similar: list[Tensor], index: Tensor, concept: MadeConcept, generator: random.Random
) -> Tensor:
    """Binary cross-entropy over all unmarked tuples, estimated from the concept and some of the others."""
    known = {*concept.marked, *concept.safe}
    wanted = [place for place in concept.members if place not in known]
    inside = len(wanted)
    wanted = generator.sample(wanted, OTHERS) if inside > OTHERS else wanted
    members = {*concept.members, *known}
    rest = len(index) - len(members)
    others = [place for place in _sampled(len(index), generator) if place not in members]
    logits = network(index[places([*wanted, *others])], index[places(concept.marked)], index[places(concept.safe)], similar)
    targets = torch.zeros(len(logits))
    targets[: len(wanted)] = 1
    weights = torch.full((len(logits),), rest / max(1, len(others)))
    weights[: len(wanted)] = inside / len(wanted)
    losses = binary_cross_entropy_with_logits(logits, targets, weights, reduction="sum")
    return losses / inside


def _sampled(total: int, generator: random.Random) -> list[int]:
    return list(range(total)) if total <= OTHERS else generator.sample(range(total), OTHERS)


def temperature(network: TupleNetwork, listing: Listing) -> float | None:
    """The temperature at which unsafe tuples that are left out in turn are the most likely ones to be drawn.

    Open tuples are no negatives: some of them are unsafe, and the user has not marked them yet. So it is asked which tuple was
    left out, with probabilities in proportion to the risks of it and of all open tuples. This is the likelihood of Elkan and
    Noto (2008), section 2, with the share of marked tuples profiled out. A prior keeps the temperature near 1 where few tuples
    can be left out.

    Returns:
        The divisor of the logits, 0.1 to 10; None if fewer than two tuples can be left out independently.
    """
    held = [each for each in _left_out(listing) if len(each)]
    if len(held) < 2:
        return None
    total, asked = -((TEMPERATURES.log() / PRIOR) ** 2) / 2, listing.open
    if len(asked) > MOST_ASKED:
        asked = asked[torch.randperm(len(asked), generator=torch.Generator().manual_seed(0))[:MOST_ASKED]]
    share = math.log(len(listing.open) / len(asked))  # how many open tuples each of those asked stands for
    for left in held:
        kept = listing.both_ways(listing.unsafe[~torch.isin(listing.unsafe, left)])
        scored = network.scored(listing.index[torch.cat([left, asked])], kept, listing.safe_index)
        logs = logsigmoid(scored / TEMPERATURES[:, None])
        own = logs[:, : len(left)]
        others = logs[:, len(left) :].logsumexp(1, keepdim=True) + share
        total += (own - torch.logaddexp(own.logsumexp(1, keepdim=True), others)).sum(1)
    return float(TEMPERATURES[total.argmax()])


def _left_out(listing: Listing) -> Iterator[Tensor]:
    """Marked tuples that are left out together: a tuple and those that it follows from; none if no other would be left."""
    unsafe = listing.unsafe
    step = max(1, len(unsafe) // HELD_OUT)
    for place in unsafe[::step]:
        triple = listing.triples[int(place)]
        above = [listing.graph.covers(listing.triples[int(other)], triple) for other in unsafe]
        left = unsafe[torch.tensor(above)]
        yield left if len(left) < len(unsafe) else left[:0]
