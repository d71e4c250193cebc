"""The graph network: its concepts, training, determinism and temperature."""

import random

import pytest
import torch

from oro_unlearn.graph import load_graph
from oro_unlearn.networks import tuple_network
from oro_unlearn.networks.tuple_network import TupleNetwork
from oro_unlearn.risk import concepts, list_tuples, training
from oro_unlearn.risk.concepts import ConceptMaker
from oro_unlearn.risk.listing import OPEN
from oro_unlearn.risk.nearness import common_sizes
from oro_unlearn.risk.training import Training, graph_edges, temperature, train_network
from oro_unlearn.user_error import UserError
from tests.risk.conftest import MARKS

SHORT = Training(steps=30, concepts=2)
NONE = torch.empty(0, 3, dtype=torch.int64)


@pytest.fixture
def listing(marked):
    return list_tuples(marked(*MARKS))


def test_a_concept_is_marked_in_part_and_closed(listing):
    maker = ConceptMaker(listing, random.Random(0))
    for concept in (maker.draw() for _ in range(50)):
        assert concept
        assert 0 < len(concept.marked) < len(concept.members) <= max(2, 0.3 * len(listing.triples))
        assert set(concept.marked) == maker.following(concept.marked) & set(concept.members)
        assert not set(concept.safe) & set(concept.members)


def test_edges_go_both_ways(listing):
    edges = graph_edges(listing.graph).T.tolist()
    names = [*listing.graph.objects, *listing.graph.relations]
    pairs = {(names[a], names[b]) for a, b in edges}
    assert {("child", "minor"), ("minor", "child"), ("drinking", "person"), ("drink", "drinking")} <= pairs
    assert not any("stone" in pair or "next to" in pair for pair in pairs), "isolated nodes"


def test_a_network_before_training_is_the_evidence_of_the_hierarchy(listing, features):
    network = TupleNetwork(features, graph_edges(listing.graph), common_sizes(listing.graph).log())
    for key in network.keys:
        torch.nn.init.zeros_(key.weight)
    one = listing.index[listing.unsafe[:1]]
    scores = network.scored(listing.index, one, NONE)
    assert int(scores.argmax()) == int(listing.unsafe[0])


def test_training_is_the_same_for_the_same_seed_and_reads_no_marks(listing, features):
    sizes = common_sizes(listing.graph)
    state = torch.random.get_rng_state()
    one = train_network(listing, features, sizes, SHORT)
    assert torch.equal(state, torch.random.get_rng_state()), "the caller's random numbers go on as before"
    listing.marks.fill_(OPEN)
    same = train_network(listing, features, sizes, SHORT)
    other = train_network(listing, features, sizes, Training(steps=30, concepts=2, seed=1))
    for name, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])
    assert not torch.equal(one.read.weight, other.read.weight)


def test_training_lowers_the_loss_of_a_concept(listing, features):
    """A marked child and a marked baby that drink wine: beer for both is likelier than a stone that is held."""
    network = train_network(listing, features, common_sizes(listing.graph), Training(steps=120))
    place = {str(triple): number for number, triple in enumerate(listing.triples)}
    unsafe = listing.index[[place["child drinking wine"], place["baby drinking beer"]]]
    wanted = listing.index[[place["baby drinking wine"], place["adult holding stone"]]]
    likely, unlikely = network.scored(wanted, unsafe, NONE)
    assert likely > unlikely + 1


def test_a_safe_tuple_changes_the_scores(listing, features):
    network = train_network(listing, features, common_sizes(listing.graph), SHORT)
    unsafe = listing.index[listing.unsafe]
    without, beside = network.scored(listing.index, unsafe, NONE), network.scored(listing.index, unsafe, listing.index[:2])
    assert not torch.allclose(without, beside)


def test_the_temperature_needs_two_independent_tuples(listing, features, marked):
    network = train_network(listing, features, common_sizes(listing.graph), SHORT)
    heat = temperature(network, listing)
    assert heat is not None
    assert 0.1 <= heat <= 10
    assert temperature(network, list_tuples(marked(MARKS[0]))) is None


def test_logits_that_are_too_large_are_divided_by_more(listing, features, monkeypatch):
    """Without a prior by exactly as much more."""
    monkeypatch.setattr(training, "PRIOR", 1e9)
    network = train_network(listing, features, common_sizes(listing.graph), SHORT)
    before = temperature(network, listing)
    with torch.no_grad():
        for part in (network.line, network.bend[2]):
            part.weight.mul_(2)
            part.bias.mul_(2)
    after = temperature(network, listing)
    assert before
    assert after == pytest.approx(min(10, 2 * before), rel=0.07)
    monkeypatch.setattr(training, "PRIOR", 1e-3)
    assert temperature(network, listing) == pytest.approx(1)


def test_a_graph_without_concepts_is_one_line(listing, features, monkeypatch):
    monkeypatch.setattr(concepts, "TRIES", 0)
    with pytest.raises(ValueError, match=r"graph.yaml: 48 tuples are too few to train on: choose --by hierarchy"):
        train_network(listing, features, common_sizes(listing.graph), SHORT)


def test_two_tuples_are_too_few_to_train_on(tmp_path):
    path = tmp_path / "graph.yaml"
    path.write_text("objects: {cat: , dog: }\nrelations: {chasing: }\nedges:\n  - {edge: cat chasing dog, status: unsafe}\n")
    listing = list_tuples(load_graph(path))
    with pytest.raises(UserError, match="2 tuples are too few to train on"):
        train_network(listing, torch.randn(3, 8), common_sizes(listing.graph), SHORT)


def test_few_open_tuples_are_asked_for_a_temperature_and_stand_for_all(listing, features, monkeypatch):
    network = train_network(listing, features, common_sizes(listing.graph), SHORT)
    asked = []
    scored = network.scored
    monkeypatch.setattr(network, "scored", lambda tuples, *marks: asked.append(len(tuples)) or scored(tuples, *marks))
    whole = temperature(network, listing)
    monkeypatch.setattr(training, "MOST_ASKED", 40)
    assert temperature(network, listing) == pytest.approx(whole, rel=0.3)
    assert asked == [1 + len(listing.open)] * 2 + [41] * 2


def test_many_marked_tuples_are_compared_in_small_parts(listing, features, monkeypatch):
    network = train_network(listing, features, common_sizes(listing.graph), SHORT)
    whole = network.scored(listing.index, listing.index[:20], NONE)
    sizes, forward = [], network.forward
    monkeypatch.setattr(network, "forward", lambda tuples, *rest: sizes.append(len(tuples)) or forward(tuples, *rest))
    monkeypatch.setattr(tuple_network, "PAIRS", 100)
    assert torch.allclose(network.scored(listing.index, listing.index[:20], NONE), whole, atol=1e-6)
    assert max(sizes) == 5
