"""Hierarchy, closure, validity, and reading triples from text."""

import subprocess
import sys

import pytest

from oro_unlearn.graph import Triple, load_graph

SCENES = load_graph("scenes")


def test_scenes_is_the_world_of_the_renderer():
    assert len(SCENES.triples()) == 1024
    assert len(SCENES.nodes()) == 28
    leaves = {name for name in SCENES.objects if SCENES.descendants(name) == {name}}
    assert leaves == set(SCENES.nodes()) - {"child"}
    assert load_graph().path == SCENES.path


def test_triples_are_exactly_the_valid_pairs_of_nodes():
    nodes = SCENES.nodes()
    expected = {(s, r, o) for s in nodes for r in SCENES.relations for o in nodes if SCENES.valid((s, r, o))}
    assert set(SCENES.triples()) == expected
    assert len(SCENES.triples()) == len(expected)


def test_hierarchy():
    assert SCENES.descendants("minor") == {"minor", "child", "toddler"}
    assert SCENES.ancestors("wine") == {"wine", "alcohol", "drink", "item", "entity"}
    with pytest.raises(ValueError, match=r"unknown object 'hamburgr' .* did you mean 'hamburger'"):
        SCENES.descendants("hamburgr")


@pytest.mark.parametrize(
    ("general", "inside", "outside"),
    [
        (
            "minor drinking alcohol",
            ["toddler drinking beer", "child drinking alcohol"],
            ["adult drinking beer", "child drinking milk"],
        ),
        ("child drinking wine", ["toddler drinking wine"], ["toddler drinking beer", "minor drinking wine"]),
        ("child next to animal", ["dog next to toddler"], ["dog next to adult"]),  # symmetric, so either way round
        ("child pointing at animal", ["toddler pointing at dog"], ["dog pointing at toddler"]),
    ],
)
def test_closure(general, inside, outside):
    triple = SCENES.parse(general)
    closure = SCENES.closure(triple)
    assert {SCENES.parse(text) for text in inside} <= closure
    assert closure.isdisjoint(SCENES.parse(text) for text in outside)
    names = list(SCENES.objects)
    every = [Triple(s, triple.relation, o) for s in names for o in names]
    assert closure == {other for other in every if SCENES.valid(other) and SCENES.covers(triple, other)}


def test_closure_leaves_out_equal_objects():
    closure = SCENES.closure(("person", "next to", "minor"))
    assert ("child", "next to", "toddler") in closure
    assert not [triple for triple in closure if triple.subject == triple.object]


@pytest.mark.parametrize(
    ("triple", "valid"),
    [
        (("child", "eating", "cake"), True),
        (("child", "eating", "wine"), False),
        (("cake", "eating", "child"), False),
        (("minor", "eating", "food"), True),
        (("entity", "eating", "food"), False),
        (("dog", "next to", "dog"), False),
        (("dog", "next to", "unicorn"), False),
    ],
)
def test_valid(triple, valid):
    assert SCENES.valid(triple) is valid


def test_two_parents(zoo):
    graph = zoo("edges:", "  - {edge: cat drinking milk, status: unsafe}")
    assert graph.ancestors("kitten") == {"kitten", "cat", "animal"}
    assert "animal" not in graph.nodes()


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        ("child drinking wine", ("child", "drinking", "wine")),
        ("child next to dog", ("child", "next to", "dog")),
        ("  A young child   munching on an open book ", ("child", "eating", "book")),  # kinds are not parse's business
        ("the grown-up reaching an arm towards a bun with meat", ("adult", "pointing at", "hamburger")),
        ("dog on top of a mug of beer", ("dog", "standing on", "beer")),
        ("toddler drinking cow's milk", ("toddler", "drinking", "milk")),
    ],
)
def test_parse(text, triple):
    parsed = SCENES.parse(text)
    assert parsed == triple
    assert isinstance(parsed, Triple)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("child eatin hamburger", "unknown relation 'eatin' .*did you mean 'eating'"),
        ("child next to hamburgr", "unknown object 'hamburgr' .*did you mean 'hamburger'"),
        ("chld eating hamburger", "unknown object 'chld' .*did you mean 'child'"),
        ("child xyzzy hamburger", "unknown relation 'xyzzy' .*known: eating, drinking"),
        ("child eating", "is not a relation: write subject, relation and object"),
        ("", "is not a relation"),
        ("word " * 1000, "is not a relation"),
    ],
)
def test_parse_says_what_is_unknown(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        SCENES.parse(text)
    assert "\n" not in str(caught.value)


def test_parse_refuses_to_guess(tmp_path):
    path = tmp_path / "graph.yaml"
    path.write_text("objects: {cat: , hot dog: , dog: }\nrelations: {near: , near hot: }\n")
    graph = load_graph(path)
    with pytest.raises(ValueError, match=r"can be read as cat \| near \| hot dog or as cat \| near hot \| dog"):
        graph.parse("cat near hot dog")


def test_a_triple_equals_the_plain_tuple():
    triple = Triple("child", "next to", "dog")
    assert {triple} == {("child", "next to", "dog")}
    assert str(triple) == "child next to dog"


def test_importing_the_graph_loads_nothing_heavy():
    code = "import oro_unlearn.graph, sys; assert not {'torch', 'numpy', 'matplotlib', 'networkx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
