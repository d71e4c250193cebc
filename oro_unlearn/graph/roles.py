"""Derive the role of every concept of the graph in a request to forget."""

from collections.abc import Sequence
from dataclasses import dataclass

from oro_unlearn.graph.relation_graph import Concept, RelationGraph, Triple
from oro_unlearn.graph.wording import brief
from oro_unlearn.user_error import UserError

SLOTS = ("subject", "relation", "object")


@dataclass(frozen=True)
class Roles:
    """Roles of concepts in an unlearning request. The roles unsafe, neighbour, swapped, node and neutral are disjoint.

    Args:
        unsafe: Triples to forget: the requests, then all triples that follow from them, including abstract ones.
        requested: The requests alone.
        neighbours: Concrete triples that differ from some unsafe triple in exactly one slot, by that slot: "subject",
            "relation" or "object" (the first of these, if several apply).
        swapped: Unsafe concrete triples with subject and object exchanged, if the result is valid and has another meaning.
        nodes: The objects of the concrete unsafe triples, each as (node,).
        listed: The neighbours that are safe edges of the graph.
        neutral: Neutral edges of the graph; concrete triples that share at most one slot with every unsafe triple; objects
            of no unsafe triple.
        far: The concepts of ``neutral`` that share no slot with any concrete unsafe triple.
    """

    unsafe: tuple[Triple, ...]
    requested: tuple[Triple, ...]
    neighbours: dict[str, tuple[Triple, ...]]
    swapped: tuple[Triple, ...]
    nodes: tuple[Concept, ...]
    listed: tuple[Triple, ...]
    neutral: tuple[Concept, ...]
    far: tuple[Concept, ...]


def shared_slots(a: Concept, b: Concept) -> int:
    """How many slots two concepts share, 0 to 3. Names are compared exactly: a toddler is not a child here.

    For two triples, equal slots are counted. A node and a triple share 1 slot if the node is the triple's subject or object.
    Two equal nodes share 1 slot.

    >>> from oro_unlearn.graph.roles import shared_slots
    >>> shared_slots(("child", "eating", "cake"), ("child", "holding", "cake"))
    2
    >>> shared_slots(("cake",), ("dog", "under", "cake"))
    1
    """
    if len(a) == len(b):
        return sum(x == y for x, y in zip(a, b, strict=True))
    node, triple = (a, b) if len(a) == 1 else (b, a)
    return int(node[0] in (triple[0], triple[2]))


@brief()
def derive_roles(
    graph: RelationGraph, requests: Sequence[Triple] = (), propagate: bool = True, forgotten: Sequence[Triple] = ()
) -> Roles:
    """Find the roles of all concepts for a request.

    Some triples get no role: they are neither forgotten now nor preserved. These are unsafe edges of the graph that are not
    requested, triples forgotten earlier, and all triples that follow from them.

    Args:
        graph: The graph.
        requests: Triples to forget; all unsafe edges of the graph when empty.
        propagate: Whether triples that follow from a request by the hierarchy are forgotten too. Otherwise they are ordinary
            neighbours. The mirror image of a triple with a symmetric relation is always forgotten with it.
        forgotten: Triples that earlier requests have forgotten.

    Raises:
        UserError: If there is nothing to forget, or a request is unknown, not allowed by its relation, or contradicts a
            safe or neutral edge without ``override``.
    """
    requested = _requested(graph, requests, propagate)
    unsafe = _follow(graph, requested, propagate)
    concrete = [triple for triple in unsafe if graph.concrete(triple)]
    if not concrete:
        raise UserError(f"{graph.path}: nothing is left to forget of '{requested[0]}': overrides or abstract objects take all")
    marked = (*(edge.triple for edge in graph.edges if edge.status == "unsafe"), *forgotten)
    closed = set(unsafe) | set(_follow(graph, marked, propagate))
    stated = [triple for triple in _stated(graph, "neutral") if triple not in closed]
    closed |= set(stated)
    neighbours = _neighbours(graph, unsafe, closed)
    closed.update(*neighbours.values())
    swapped = _swapped(graph, concrete, closed)
    rest = [triple for triple in graph.triples() if triple not in closed and triple not in swapped]
    nodes = dict.fromkeys((name,) for triple in concrete for name in (triple.subject, triple.object))
    used = {name for triple in unsafe for name in (triple.subject, triple.object)}
    neutral: list[Concept] = [*stated, *rest, *((name,) for name in graph.nodes() if name not in used)]
    safe = set(_stated(graph, "safe"))
    return Roles(
        unsafe=tuple(unsafe),
        requested=requested,
        neighbours=neighbours,
        swapped=tuple(swapped),
        nodes=tuple(nodes),
        listed=tuple(triple for slot in SLOTS for triple in neighbours[slot] if triple in safe),
        neutral=tuple(neutral),
        far=_far(neutral, concrete),
    )


def _requested(graph: RelationGraph, requests: Sequence[Triple], propagate: bool) -> tuple[Triple, ...]:
    """The requests, checked against the relations' kinds and against the graph's other edges."""
    unsafe = [edge.triple for edge in graph.edges if edge.status == "unsafe"]
    requested = tuple(dict.fromkeys(Triple(*request) for request in requests or unsafe))
    if not requested:
        raise UserError(f"{graph.path}: nothing to forget: give an edge the status unsafe, or name a request")
    for request in requested:
        if not graph.valid(request):
            raise UserError(f"{graph.path}: '{request}' cannot be forgotten: the graph does not allow it")
        for edge in (edge for edge in graph.edges if edge.status != "unsafe" and graph.covers(request, edge.triple)):
            same = graph.covers(edge.triple, request)
            if same or (propagate and not edge.override):
                follows = "is the request itself" if same else f"follows from the request '{request}'"
                raise UserError(
                    f"{graph.path}:{edge.line}: '{edge.triple}' is {edge.status} but {follows}: "
                    + ("drop one of them" if same else "give it override: true and a reason, or drop one of them")
                )
    return requested


def _follow(graph: RelationGraph, requested: tuple[Triple, ...], propagate: bool) -> list[Triple]:
    """The requests, then the triples that follow from them.

    An override removes the triples that follow from itself, but only for requests above it. A request below an override is
    kept.
    """
    overrides = [edge.triple for edge in graph.edges if edge.override]
    found: set[Triple] = set()
    for request in requested:
        closure = graph.closure(request)
        if not propagate:
            closure = {triple for triple in closure if graph.covers(triple, request)}
        inner = [graph.closure(triple) for triple in overrides if graph.covers(request, triple)]
        found |= closure.difference(*inner)
    return [*requested, *graph.ordered(found - set(requested))]


def _stated(graph: RelationGraph, status: str) -> list[Triple]:
    """Edges of a status; an abstract one stands for the concrete triples below it."""
    found: list[Triple] = []
    for edge in (edge for edge in graph.edges if edge.status == status):
        below = [edge.triple] if graph.concrete(edge.triple) else graph.ordered(graph.closure(edge.triple))
        found += [triple for triple in below if graph.concrete(triple)]
    return list(dict.fromkeys(found))


def _neighbours(graph: RelationGraph, unsafe: list[Triple], closed: set[Triple]) -> dict[str, tuple[Triple, ...]]:
    """Concrete triples outside ``closed`` that become unsafe by changing one slot, by that slot."""
    patterns = [{_without(triple, slot) for triple in unsafe} for slot in range(3)]
    found: dict[str, list[Triple]] = {slot: [] for slot in SLOTS}
    for triple in graph.triples():
        changed = [slot for slot in range(3) if _without(triple, slot) in patterns[slot]]
        if changed and triple not in closed:
            found[SLOTS[changed[0]]].append(triple)
    return {slot: tuple(triples) for slot, triples in found.items()}


def _without(triple: Triple, slot: int) -> tuple[str, ...]:
    return triple[:slot] + triple[slot + 1 :]


def _swapped(graph: RelationGraph, concrete: list[Triple], closed: set[Triple]) -> dict[Triple, None]:
    """The mirror images of the unsafe triples, in order, for relations that are not symmetric."""
    mirrored = [Triple(*triple[::-1]) for triple in concrete if not graph.relations[triple.relation].symmetric]
    return dict.fromkeys(triple for triple in mirrored if graph.valid(triple) and triple not in closed)


def _far(neutral: list[Concept], concrete: list[Triple]) -> tuple[Concept, ...]:
    """The concepts with ``shared_slots`` 0 to every concrete unsafe triple."""
    taken = [set(names) for names in zip(*concrete, strict=True)]
    objects = taken[0] | taken[2]
    return tuple(
        concept
        for concept in neutral
        if (
            concept[0] not in objects
            if len(concept) == 1
            else not any(name in names for name, names in zip(concept, taken, strict=True))
        )
    )


def implausible(graph: RelationGraph, roles: Roles) -> list[Triple]:
    """Tuples that differ from a concrete unsafe one in one slot and that the graph does not allow.

    Args:
        graph: The graph.
        roles: Roles in the request.
    """
    names, found = graph.nodes(), dict[Triple, None]()
    for s, r, o in filter(graph.concrete, roles.unsafe):
        near = [Triple(name, r, o) for name in names] + [Triple(s, r, name) for name in names]
        near += [Triple(s, name, o) for name in graph.relations]
        found |= dict.fromkeys(triple for triple in near if triple.subject != triple.object and not graph.valid(triple))
    return list(found)
