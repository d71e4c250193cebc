"""Rankings without training: how near is a tuple to the unsafe ones in the hierarchy, and in the text space of CLIP?"""

import math

import torch
from torch import Tensor

from oro_unlearn.graph import RelationGraph
from oro_unlearn.risk.listing import Listing

BATCH = 8192  # tuples that are compared at once


def common_sizes(graph: RelationGraph) -> Tensor:
    """How many concrete objects the closest common ancestor of two objects stands for.

    Args:
        graph: The graph, with N objects.

    Returns:
        (N, N) float32, at least 1. Objects without a common ancestor have the number of all concrete objects.
    """
    names = list(graph.objects)
    place = {name: number for number, name in enumerate(names)}
    below = {name: sorted(place[each] for each in graph.descendants(name)) for name in names}
    concrete = torch.tensor([not graph.objects[name].abstract for name in names])
    counts = {name: max(1, int(concrete[below[name]].sum())) for name in names}
    sizes = torch.full((len(names), len(names)), float(max(1, int(concrete.sum()))))
    for name in sorted(names, key=lambda name: -counts[name]):  # smaller ancestors later, so that they stay
        members = torch.tensor(below[name])
        sizes[members[:, None], members[None, :]] = float(counts[name])
    return sizes


def hierarchy_nearness(listing: Listing, sizes: Tensor) -> Tensor:
    """Nearness of every tuple to the closest unsafe one by the hierarchy alone.

    The distance of two tuples is the logarithm of how many tuples the smallest tuple above both stands for. Tuples of two
    relations are as far from each other as all relations together make them.

    Args:
        listing: The T tuples.
        sizes: From :func:`common_sizes`.

    Returns:
        (T,) float32, at most 0; 0 for the unsafe tuples. Of equal distances to the nearest, the mean distance decides.
    """
    logs, marked = sizes.log(), listing.unsafe_index
    return torch.cat([_nearest(part, marked, logs, relation_distance(listing.graph)) for part in listing.index.split(BATCH)])


def _nearest(part: Tensor, marked: Tensor, logs: Tensor, other: float) -> Tensor:
    nearest, total = torch.full((len(part),), math.inf), torch.zeros(len(part))
    for subject, relation, thing in marked.tolist():
        far = logs[part[:, 0], subject] + logs[part[:, 2], thing] + other * (part[:, 1] != relation)
        nearest, total = torch.minimum(nearest, far), total + far
    return -(nearest + 1e-3 * total / len(marked))


def slot_nearness(listing: Listing, sizes: Tensor) -> Tensor:
    """Nearness of every tuple to the unsafe ones by the hierarchy, slot by slot.

    The subject is compared with all unsafe subjects, the relation with all unsafe relations, and the object with all unsafe
    objects. So "adult holding wine" is near, if "adult drinking milk", "dog holding cake" and "cat eating wine" are unsafe.

    Args:
        listing: The T tuples.
        sizes: From :func:`common_sizes`.

    Returns:
        (T,) float32, log-sum-exp of the negative distances, summed over the slots.
    """
    logs, marked = sizes.log(), listing.unsafe_index
    relations = torch.arange(len(listing.graph.relations))
    other = relation_distance(listing.graph) * (relations[:, None] != marked[None, :, 1])
    tables = (logs[:, marked[:, 0]], other, logs[:, marked[:, 2]])
    parts = [(-table).logsumexp(1)[listing.index[:, slot]] for slot, table in enumerate(tables)]
    return parts[0] + parts[1] + parts[2]


def relation_distance(graph: RelationGraph) -> float:
    """Distance of two different relations: the logarithm of their number."""
    return math.log(max(2, len(graph.relations)))


def text_nearness(listing: Listing, captions: Tensor) -> Tensor:
    """Nearness of every tuple to the closest unsafe one in CLIP's text space.

    Args:
        listing: The T tuples.
        captions: (T, D) unit vectors of the tuples' plain captions.

    Returns:
        (T,) float32, the largest cosine with an unsafe tuple, in [-1, 1].
    """
    marked = captions[listing.unsafe]
    return torch.cat([(part @ marked.T).max(1).values for part in captions.split(BATCH)])
