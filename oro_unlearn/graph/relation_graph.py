"""Objects in an is-a hierarchy, relations between them, and edges with a status."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from oro_unlearn.graph.wording import brief, closest, split_triple, wording_key
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from networkx import DiGraph

Concept = tuple[str, ...]  # (subject, relation, object), or (node,) alone
Status = Literal["unsafe", "safe", "neutral"]


class Triple(NamedTuple):
    """A relation between two objects; equal to the plain tuple."""

    subject: str
    relation: str
    object: str

    def __str__(self) -> str:
        return " ".join(self)


@dataclass(frozen=True)
class Node:
    """A kind of object.

    Args:
        name: Name in captions and edges.
        is_a: Its parents.
        synonyms: Other wordings, by bank ("train", "eval").
        mass: Whether it takes no article, like milk.
        line: Line of the definition in the file, from 1.
        abstract: Whether it stands for the objects below it only and is never shown itself.
    """

    name: str
    is_a: tuple[str, ...]
    synonyms: dict[str, tuple[str, ...]]
    mass: bool
    line: int
    abstract: bool = False


@dataclass(frozen=True)
class Relation:
    """A kind of relation.

    Args:
        name: Name in captions and edges.
        phrases: Other wordings, by bank ("train", "eval").
        subjects: Objects that may be its subject, with all objects below them; empty for any.
        objects: The same for its object.
        symmetric: Whether (a, r, b) and (b, r, a) mean the same.
        line: Line of the definition in the file, from 1.
    """

    name: str
    phrases: dict[str, tuple[str, ...]]
    subjects: tuple[str, ...]
    objects: tuple[str, ...]
    symmetric: bool
    line: int


@dataclass(frozen=True)
class Edge:
    """A triple with its status.

    Args:
        triple: Subject, relation, object.
        status: Whether it is to be forgotten (unsafe), kept next to that (safe), or unrelated to it (neutral).
        override: Whether this safe or neutral edge holds although an unsafe edge above covers it.
        reason: Reason for the status; required for an override.
        line: Line in the file, from 1.
    """

    triple: Triple
    status: Status
    override: bool
    reason: str
    line: int


class RelationGraph:
    """The concepts that a model knows, and the edges to forget. :func:`load_graph` builds and checks a graph.

    Args:
        path: The file, for errors.
        objects: Objects by name, in file order; ``is_a`` has no cycles.
        relations: Relations by name, in file order.
        edges: Edges in file order.
        contexts: Clauses that end a caption ("in a meadow"), by bank.
        templates: Sentences with one {caption}, by bank; empty for the built-in ones.

    Example:
        >>> from oro_unlearn.graph import load_graph
        >>> graph = load_graph("scenes")
        >>> len(graph.triples()), len(graph.nodes())
        (1024, 28)
        >>> ("toddler", "eating", "hamburger") in graph.closure(graph.parse("a kid eating a burger"))
        True
    """

    def __init__(
        self,
        path: str,
        objects: dict[str, Node],
        relations: dict[str, Relation],
        edges: list[Edge],
        contexts: dict[str, tuple[str, ...]],
        templates: dict[str, tuple[str, ...]],
    ) -> None:
        self.path, self.objects, self.relations, self.edges = path, objects, relations, edges
        self.contexts, self.templates = contexts, templates
        self._hierarchy = hierarchy(objects)
        self._ancestors: dict[str, frozenset[str]] = {}
        self._object_rank = {name: rank for rank, name in enumerate(objects)}
        self._relation_rank = {name: rank for rank, name in enumerate(relations)}

    def descendants(self, name: str) -> set[str]:
        """``name`` and all objects below it. Raises UserError for an unknown name."""
        from networkx import ancestors

        self._known(name)
        return ancestors(self._hierarchy, name) | {name}  # arrows lead from child to parent

    def ancestors(self, name: str) -> set[str]:
        """``name`` and all objects above it. Raises UserError for an unknown name."""
        return set(self._above(name))

    def nodes(self) -> list[str]:
        """Concrete objects (not ``abstract``), in file order."""
        return [node.name for node in self.objects.values() if not node.abstract]

    def valid(self, triple: Concept) -> bool:
        """Whether all three names are known, the relation allows both objects, and these differ."""
        subject, relation, thing = triple
        if subject not in self.objects or relation not in self.relations or thing not in self.objects:
            return False
        kinds = self.relations[relation]
        return subject != thing and self._allowed(subject, kinds.subjects) and self._allowed(thing, kinds.objects)

    def triples(self) -> list[Triple]:
        """All valid triples of concrete objects, sorted by relation, subject and object in file order."""
        return list(self._triples)

    def covers(self, general: Triple, special: Triple) -> bool:
        """Whether ``special`` follows from ``general``: the same relation, with objects below or equal to those of ``general``.

        If the relation is symmetric, subject and object may be exchanged.
        """
        if general.relation != special.relation:
            return False
        subject, thing = self._above(special.subject), self._above(special.object)
        if general.subject in subject and general.object in thing:
            return True
        return self.relations[general.relation].symmetric and general.subject in thing and general.object in subject

    def closure(self, triple: Concept) -> set[Triple]:
        """All triples that follow from a valid triple: (s', r, o') with s' and o' below or equal to its objects, and s' != o'.

        If the relation is symmetric, the valid triples (o', r, s'), which mean the same, are included.
        """
        subject, relation, thing = triple
        pairs = [(s, o) for s in self.descendants(subject) for o in self.descendants(thing) if s != o]
        below = {Triple(s, relation, o) for s, o in pairs}
        if self.relations[relation].symmetric:
            below |= {mirrored for s, o in pairs if self.valid(mirrored := Triple(o, relation, s))}
        return below

    def concrete(self, triple: Concept) -> bool:
        """Whether neither object of the triple (or the node) is abstract."""
        return not self.objects[triple[0]].abstract and not self.objects[triple[-1]].abstract

    def ordered(self, triples: Iterable[Triple]) -> list[Triple]:
        """The triples, sorted by relation, subject and object in file order."""
        ranks, kinds = self._object_rank, self._relation_rank
        return sorted(triples, key=lambda triple: (kinds[triple.relation], ranks[triple.subject], ranks[triple.object]))

    @brief()
    def parse(self, text: str) -> Triple:
        """The triple that a text such as "child next to dog" names.

        Synonyms, phrases, articles and capital letters are understood. Kinds are not checked (see :meth:`valid`).

        Raises:
            UserError: For an unknown or ambiguous text; one line that names the closest known names.
        """
        return Triple(*split_triple(text, *self.by_wording))

    @cached_property
    def by_wording(self) -> tuple[dict[str, str], dict[str, str]]:
        """Names of objects and of relations by wording key. A wording that objects share means the most general of them."""
        objects = {wording_key(name): name for name in self.objects}
        for node in sorted(self.objects.values(), key=lambda node: len(self._above(node.name))):
            for word in (word for words in node.synonyms.values() for word in words):
                objects.setdefault(wording_key(word), node.name)
        relations = {wording_key(name): name for name in self.relations}
        for relation in self.relations.values():
            for phrase in (phrase for phrases in relation.phrases.values() for phrase in phrases):
                relations.setdefault(wording_key(phrase), relation.name)
        return objects, relations

    @cached_property
    def _triples(self) -> list[Triple]:
        nodes = self.nodes()
        found = []
        for relation in self.relations.values():
            subjects = [name for name in nodes if self._allowed(name, relation.subjects)]
            things = [name for name in nodes if self._allowed(name, relation.objects)]
            found += [Triple(subject, relation.name, thing) for subject in subjects for thing in things if subject != thing]
        return found

    def _allowed(self, name: str, kinds: Collection[str]) -> bool:
        return not kinds or not self._above(name).isdisjoint(kinds)

    def _above(self, name: str) -> frozenset[str]:
        from networkx import descendants

        if name not in self._ancestors:
            self._known(name)
            self._ancestors[name] = frozenset(descendants(self._hierarchy, name) | {name})
        return self._ancestors[name]

    def _known(self, name: str) -> None:
        if name not in self.objects:
            raise UserError(f"unknown object {name!r} in {self.path}: {closest(name, self.objects)}")


def hierarchy(objects: Mapping[str, Node]) -> "DiGraph":
    """Objects in file order, each with an arrow to every parent.

    Args:
        objects: Nodes by name, with all their parents.
    """
    from networkx import DiGraph

    graph = DiGraph()
    graph.add_nodes_from(objects)
    graph.add_edges_from((node.name, parent) for node in objects.values() for parent in sorted(node.is_a))
    return graph
