"""A small graph with marks, and features that need no CLIP model."""

import pytest
import torch
from torch.nn.functional import normalize

from oro_unlearn.graph import RelationGraph, load_graph

GRAPH = """\
objects:
  person: {abstract: true}
  minor: {is_a: person, abstract: true}
  child: {is_a: minor}
  baby: {is_a: minor}
  adult: {is_a: person}
  drink: {abstract: true}
  alcohol: {is_a: drink, abstract: true}
  wine: {is_a: alcohol}
  beer: {is_a: alcohol}
  milk: {is_a: drink}
  stone: {}
relations:
  drinking: {subjects: person, objects: drink}
  holding: {subjects: person}
  next to: {symmetric: true}
"""
MARKS = ("{edge: child drinking wine, status: unsafe}", "{edge: baby holding beer, status: unsafe}")


@pytest.fixture
def marked(tmp_path):
    """Load the graph with the given edges."""

    def load(*edges: str) -> RelationGraph:
        path = tmp_path / "graph.yaml"
        lines = ["edges:", *(f"  - {edge}" for edge in edges)] if edges else []
        path.write_text(GRAPH + "\n".join(lines) + "\n")
        return load_graph(path)

    return load


@pytest.fixture
def features():
    """Random features of the graph's eleven objects and three relations."""
    return normalize(torch.randn(14, 8, generator=torch.Generator().manual_seed(0)), dim=1)
