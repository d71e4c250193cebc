"""Say in words why a tuple was suggested."""

from collections.abc import Sequence

import torch
from torch import Tensor

from oro_unlearn.graph import RelationGraph, Triple
from oro_unlearn.risk.listing import Listing
from oro_unlearn.risk.nearness import relation_distance

SLOTS = ("subject", "relation", "object")


def nearest_unsafe(listing: Listing, triple: Triple, sizes: Tensor) -> Triple:
    """The unsafe tuple with the most equal slots; of several, the closest one in the hierarchy.

    An unsafe tuple of a symmetric relation may be returned with subject and object exchanged.

    Args:
        listing: The tuples.
        triple: A tuple of the listing.
        sizes: From :func:`oro_unlearn.risk.nearness.common_sizes`.
    """
    places = {name: place for place, name in enumerate(listing.graph.objects)}
    relations = list(listing.graph.relations)
    marked = listing.unsafe_index
    given = torch.tensor([places[triple.subject], relations.index(triple.relation), places[triple.object]])
    logs = sizes.log()
    far = logs[marked[:, 0], given[0]] + logs[marked[:, 2], given[2]]
    far = far + relation_distance(listing.graph) * (marked[:, 1] != given[1])
    unequal = (marked != given).sum(1)
    subject, relation, thing = marked[int((unequal + far / (1 + far.max())).argmin())].tolist()
    names = list(places)
    return Triple(names[subject], relations[relation], names[thing])


def difference(graph: RelationGraph, triple: Triple, marked: Triple) -> str:
    """What distinguishes a tuple from an unsafe one, slot by slot.

    Example:
        >>> from oro_unlearn.graph import Triple, load_graph
        >>> difference(load_graph("scenes"), Triple("child", "drinking", "beer"), Triple("child", "drinking", "wine"))
        'beer, as wine, is alcohol'
    """
    parts = []
    for slot, name, other in zip(SLOTS, triple, marked, strict=True):
        if name == other:
            continue
        common = closest_common(graph, name, other) if slot != "relation" else ""
        if common in (name, other):
            parts.append(f"{name} is {'above' if common == name else 'a kind of'} {other}")
        else:
            parts.append(f"{name}, as {other}, is {common}" if common else f"{name} instead of {other}")
    return "; ".join(parts)


def closest_common(graph: RelationGraph, one: str, other: str) -> str:
    """The common ancestor that stands for the fewest objects; empty without one, or if it stands for all objects."""
    common = graph.ancestors(one) & graph.ancestors(other)
    sizes = {name: len(graph.descendants(name)) for name in graph.objects if name in common}
    found = min(sizes, key=lambda name: sizes[name], default="")
    return found if found and sizes[found] < len(graph.objects) else ""


def slot_drops(listing: Listing, scores: Tensor, places: Sequence[int]) -> list[tuple[float, float, float]]:
    """How much the scores of tuples depend on each slot: the score minus its mean over all other values of the slot.

    Args:
        listing: The T tuples.
        scores: (T,) risks or other scores.
        places: Tuples to explain, by place.

    Returns:
        For each of them, the drop for subject, relation and object. 0 if the graph allows no other value.
    """
    found = []
    for place in places:
        same = listing.index == listing.index[place]
        drops = []
        for slot in range(3):
            others = [each for each in range(3) if each != slot]
            changed = same[:, others].all(1) & ~same[:, slot]
            drops.append(float(scores[place] - scores[changed].mean()) if bool(changed.any()) else 0.0)
        found.append((drops[0], drops[1], drops[2]))
    return found
