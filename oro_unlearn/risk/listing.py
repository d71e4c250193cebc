"""Which tuples of a relation graph are marked, and which are open: nobody has said anything about them."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from oro_unlearn.graph import RelationGraph, Triple, derive_roles
from oro_unlearn.user_error import UserError

UNSAFE, SAFE, OPEN = 1, -1, 0  # values of Listing.marks


@dataclass(frozen=True)
class Listing:
    """The concrete tuples of a graph, each with its mark.

    Args:
        graph: The graph.
        triples: T valid tuples of concrete objects. Of two tuples with the same meaning, (a, r, b) and (b, r, a) of a
            symmetric relation, only the first is here.
        index: (T, 3) int64. Places of subject and object in ``graph.objects``, and of the relation in ``graph.relations``.
        marks: (T,) int8: ``UNSAFE``, ``SAFE`` or ``OPEN``.
    """

    graph: RelationGraph
    triples: list[Triple]
    index: Tensor
    marks: Tensor

    @property
    def unsafe(self) -> Tensor:
        """Places of the unsafe tuples, (M,) int64."""
        return torch.nonzero(self.marks == UNSAFE)[:, 0]

    @property
    def safe(self) -> Tensor:
        """Places of the tuples marked safe or neutral, int64."""
        return torch.nonzero(self.marks == SAFE)[:, 0]

    @property
    def open(self) -> Tensor:
        """Places of the tuples without a mark, int64."""
        return torch.nonzero(self.marks == OPEN)[:, 0]

    @property
    def unsafe_index(self) -> Tensor:
        """Places (M', 3) of the names of the unsafe tuples, each tuple of a symmetric relation in both directions."""
        return self.both_ways(self.unsafe)

    @property
    def safe_index(self) -> Tensor:
        """The same of the tuples marked safe or neutral, (K', 3) int64."""
        return self.both_ways(self.safe)

    def both_ways(self, places: Tensor) -> Tensor:
        """Rows of ``index`` at some places (P,), then those of symmetric relations again, with subject and object exchanged."""
        rows = self.index[places]
        symmetric = torch.tensor([relation.symmetric for relation in self.graph.relations.values()])
        return torch.cat([rows, rows[symmetric[rows[:, 1]]][:, [2, 1, 0]]])

    def marked(self, unsafe: Iterable[int]) -> "Listing":
        """The same tuples, with only these unsafe ones, by place. Other unsafe tuples become open."""
        marks = self.marks.masked_fill(self.marks == UNSAFE, OPEN)
        marks[list(unsafe)] = UNSAFE
        return Listing(self.graph, self.triples, self.index, marks)


def list_tuples(graph: RelationGraph) -> Listing:
    """List the concrete tuples of a graph with their marks.

    A tuple is unsafe if it is an unsafe edge or follows from one by the hierarchy. It is safe if it is a safe or neutral edge
    or below one. All other tuples are open.

    Args:
        graph: The graph.

    Raises:
        UserError: If the graph has no unsafe edge, or no open tuple.
    """
    if not any(edge.status == "unsafe" for edge in graph.edges):
        raise UserError(
            f"{graph.path}: no edge is unsafe, so there is nothing to compare with: mark one, "
            "such as - {edge: child drinking wine, status: unsafe}"
        )
    unsafe = set(derive_roles(graph).unsafe)
    stated = [edge.triple for edge in graph.edges if edge.status != "unsafe"]
    safe = set[Triple]().union(*(graph.closure(triple) for triple in stated)) - unsafe
    triples = _of_one_meaning(graph)
    objects = {name: place for place, name in enumerate(graph.objects)}
    relations = {name: place for place, name in enumerate(graph.relations)}
    index = torch.tensor([(objects[s], relations[r], objects[o]) for s, r, o in triples], dtype=torch.int64)
    marks = [UNSAFE if triple in unsafe else SAFE if triple in safe else OPEN for triple in triples]
    if OPEN not in marks:
        raise UserError(f"{graph.path}: every tuple is marked already: nothing is left to suggest")
    return Listing(graph, triples, index, torch.tensor(marks, dtype=torch.int8))


def _of_one_meaning(graph: RelationGraph) -> list[Triple]:
    """The concrete tuples, without the second of two with the same meaning."""
    symmetric = {relation.name for relation in graph.relations.values() if relation.symmetric}
    kept: dict[Triple, None] = {}
    for triple in graph.triples():
        if triple.relation not in symmetric or Triple(*triple[::-1]) not in kept:
            kept[triple] = None
    return list(kept)
