"""Checks between the parts of a graph: no cycles, no shared wordings, no contradictions."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from oro_unlearn.graph.relation_graph import Edge, Node, Relation, RelationGraph, Triple, hierarchy
from oro_unlearn.graph.wording import closest, wording_key
from oro_unlearn.user_error import UserError

MAX_TRIPLES = 500_000  # of all relations, and of all edges with the triples that follow from them, abstract ones included
MAX_ANCESTORS = 100  # of one object


def check_hierarchy(path: str, objects: Mapping[str, Node]) -> None:
    """Check that parents exist and that ``is_a`` has no cycle.

    Args:
        path: The file, for errors.
        objects: Nodes by name.

    Raises:
        UserError: If a parent is unknown, or if there is a cycle. The message names it.
    """
    from networkx import NetworkXNoCycle, find_cycle

    for node in objects.values():
        for parent in node.is_a:
            if parent not in objects:
                problem = f"is_a of {node.name!r} names unknown object {parent!r}: {closest(parent, objects)}"
                raise UserError(f"{path}:{node.line}: {problem}")
    with suppress(NetworkXNoCycle):
        cycle = [child for child, _ in find_cycle(hierarchy(objects))]
        raise UserError(f"{path}:{objects[cycle[0]].line}: is_a goes in a circle: {' is_a '.join([*cycle, cycle[0]])}")


def check_relations(graph: RelationGraph) -> None:
    """Check that relations allow only known objects and not too many triples, and that no object has too many ancestors.

    Raises:
        UserError: If a check fails.
    """
    total = 0
    for relation in graph.relations.values():
        allowed = []
        for kinds in (relation.subjects, relation.objects):
            unknown = [kind for kind in kinds if kind not in graph.objects]
            if unknown:
                problem = (
                    f"relation {relation.name!r} allows unknown object {unknown[0]!r}: {closest(unknown[0], graph.objects)}"
                )
                raise UserError(f"{graph.path}:{relation.line}: {problem}")
            allowed.append(len(set().union(*map(graph.descendants, kinds))) if kinds else len(graph.objects))
        total += allowed[0] * allowed[1]
    if total > MAX_TRIPLES:
        raise UserError(f"{graph.path}: the relations allow {total} triples, at most {MAX_TRIPLES}: narrow their kinds")
    for node in graph.objects.values():
        if len(graph.ancestors(node.name)) > MAX_ANCESTORS:
            raise UserError(f"{graph.path}:{node.line}: {node.name!r} has more than {MAX_ANCESTORS} objects above it")


def check_wordings(graph: RelationGraph) -> None:
    """Check that each wording has one meaning and is in one bank.

    Only an object and its ancestor may share a synonym, and only in the same bank. Relations share no wording.

    Raises:
        UserError: If a check fails.
    """
    _check_words(graph, "object", [(node, node.synonyms) for node in graph.objects.values()])
    _check_words(graph, "relation", [(relation, relation.phrases) for relation in graph.relations.values()])


def _check_words(
    graph: RelationGraph, kind: str, entries: Sequence[tuple[Node | Relation, dict[str, tuple[str, ...]]]]
) -> None:
    seen: dict[str, list[tuple[str, str]]] = {}  # names and banks by wording key
    for entry, _ in entries:
        key = wording_key(entry.name)
        if not key or key in seen:
            problem = f"reads as {kind} {seen[key][0][0]!r}: give each its own name" if key else "has no letters"
            raise UserError(f"{graph.path}:{entry.line}: {kind} {entry.name!r} {problem}")
        seen[key] = [(entry.name, "name")]
    for entry, banks in entries:
        for bank, word in ((bank, word) for bank, words in banks.items() for word in words):
            uses = seen.setdefault(wording_key(word), [])
            problems = [clash for name, where in uses if (clash := _clash(graph, kind, (entry.name, bank), (name, where)))]
            if problems:
                raise UserError(f"{graph.path}:{entry.line}: {word!r} of {kind} {entry.name!r} {problems[0]}")
            uses.append((entry.name, bank))


def _clash(graph: RelationGraph, kind: str, entry: tuple[str, str], other: tuple[str, str]) -> str:
    """Why two uses (name and bank) of one wording conflict; "" if they do not."""
    (name, bank), (other_name, other_bank) = entry, other
    if other_bank == "name":
        return f"is the name of {kind} {other_name!r}: leave it out"
    if bank != other_bank:
        return f"is in {bank} here and in {other_bank} of {kind} {other_name!r}: keep the banks apart"
    if kind == "object" and _related(graph, name, other_name):
        return ""
    return f"is also a wording of {kind} {other_name!r}: give it to one of them"


def _related(graph: RelationGraph, one: str, other: str) -> bool:
    return one in graph.ancestors(other) or other in graph.ancestors(one)


def check_edges(graph: RelationGraph) -> None:
    """Check that the relations allow all edges and that no two edges contradict each other.

    Raises:
        UserError: If a check fails. The message names the line of the edge, and of the edge that it contradicts.
    """
    seen: dict[Triple, Edge] = {}
    for edge in graph.edges:
        place = f"{graph.path}:{edge.line}: '{edge.triple}'"
        if not graph.valid(edge.triple):
            raise UserError(f"{place} is not allowed: {_reason(graph, edge.triple)}")
        first = seen.setdefault(edge.triple, edge)
        if first is not edge:
            problem = "twice" if first.status == edge.status else f"{edge.status} and {first.status}"
            raise UserError(f"{place} is given {problem}, first on line {first.line}: drop one")
    total = sum(
        len(graph.descendants(edge.triple.subject)) * len(graph.descendants(edge.triple.object)) for edge in graph.edges
    )
    if total > MAX_TRIPLES:
        raise UserError(f"{graph.path}: the edges stand for {total} triples, at most {MAX_TRIPLES}: drop those that follow")
    unsafe = [edge for edge in graph.edges if edge.status == "unsafe"]
    for edge in (edge for edge in graph.edges if edge.status != "unsafe"):
        above = next((other for other in unsafe if graph.covers(other.triple, edge.triple)), None)
        if above:
            _check_override(graph.path, edge, above, graph.covers(edge.triple, above.triple))


def _check_override(path: str, edge: Edge, above: Edge, same: bool) -> None:
    """Check a safe or neutral edge below an unsafe edge: it needs an override, and must not mean the ``same``."""
    place = f"{path}:{edge.line}: '{edge.triple}' is {edge.status}"
    if same:
        raise UserError(f"{place} but means the same as the unsafe '{above.triple}' on line {above.line}: drop one")
    if not edge.override:
        problem = f"but follows from the unsafe '{above.triple}' on line {above.line}"
        raise UserError(f"{place} {problem}: drop it, or give it override: true and a reason")


def _reason(graph: RelationGraph, triple: Triple) -> str:
    """Why a triple of known names is not valid."""
    relation = graph.relations[triple.relation]
    if triple.subject == triple.object:
        return "subject and object must differ"
    for kind, name, kinds in (("subject", triple.subject, relation.subjects), ("object", triple.object, relation.objects)):
        if kinds and graph.ancestors(name).isdisjoint(kinds):
            return f"the {kind} of {relation.name!r} must be one of {', '.join(kinds)}, or below it"
    raise AssertionError("the triple is valid")
