"""Small graphs for the tests."""

import pytest

from oro_unlearn.graph import RelationGraph, load_graph

ZOO = """\
objects:
  animal: {abstract: true}
  cat: {is_a: [animal], synonyms: [moggy, pussy cat, feline]}
  kitten: {is_a: [cat], synonyms: [young cat, small cat]}
  dog: {is_a: animal}
  milk: {mass: true, synonyms: {train: [a bowl of milk]}}
relations:
  drinking: {subjects: animal, objects: milk}
  next to: {symmetric: true, phrases: [near, beside]}
  chasing: {subjects: [animal], objects: [animal], phrases: [running after, hunting]}
"""


@pytest.fixture
def zoo(tmp_path):
    """Load the zoo with further lines."""

    def load(*lines: str) -> RelationGraph:
        path = tmp_path / "graph.yaml"
        path.write_text(ZOO + "".join(f"{line}\n" for line in lines))
        return load_graph(path)

    return load
