"""Relations between concepts: the graph, the roles its edges play in unlearning, their captions, and a drawing."""

from oro_unlearn.graph.caption_reading import CaptionReader
from oro_unlearn.graph.captions import Captions
from oro_unlearn.graph.drawing import draw_graph
from oro_unlearn.graph.graph_file import load_graph
from oro_unlearn.graph.relation_graph import Concept, Edge, Node, Relation, RelationGraph, Triple
from oro_unlearn.graph.roles import Roles, derive_roles

__all__ = [
    "CaptionReader",
    "Captions",
    "Concept",
    "Edge",
    "Node",
    "Relation",
    "RelationGraph",
    "Roles",
    "Triple",
    "derive_roles",
    "draw_graph",
    "load_graph",
]
