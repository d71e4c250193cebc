"""Suggestions as YAML, for a person to check and paste into the graph."""

import json

from oro_unlearn.graph import RelationGraph, Triple
from oro_unlearn.risk.suggesting import Suggestions


def yaml_block(suggestions: Suggestions) -> str:
    """The suggested tuples as unsafe edges.

    A tuple above an edge that is marked safe is a comment: it needs an override first.

    Args:
        suggestions: From :func:`oro_unlearn.risk.suggesting.suggest`.
    """
    graph = suggestions.listing.graph
    lines = [f"# under edges: of {graph.path}; delete the lines that you do not agree with"]
    for found in suggestions.found:
        names = zip(("subject", "relation", "object"), found.triple, strict=True)
        text = ", ".join(f"{slot}: {json.dumps(name, ensure_ascii=False)}" for slot, name in names)
        kept = _kept_below(graph, found.triple)
        lines.append(f"{'# ' if kept else ''}  - {{{text}, status: unsafe}}")
        if kept:
            lines.append(f"#   '{kept}' follows from it and is not unsafe: give that override: true and a reason first")
    return "\n".join(lines)


def _kept_below(graph: RelationGraph, triple: Triple) -> Triple | None:
    """A safe or neutral edge without an override that would follow from a tuple; None if there is none."""
    edges = (edge for edge in graph.edges if edge.status != "unsafe" and not edge.override)
    return next((edge.triple for edge in edges if graph.covers(triple, edge.triple)), None)
