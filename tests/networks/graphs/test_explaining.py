"""Explanations by torch_geometric's algorithms and by SES's masks, of nodes and of edges."""

import pytest
import torch
from torch_geometric.explain.metric import fidelity

from oro_unlearn.metrics import ExplanationFidelity
from oro_unlearn.networks.graphs import GraphEncoder, GraphNetwork, MaskGenerator
from oro_unlearn.networks.graphs.explaining import MaskExplainer, algorithm_of, altered, explain, explainer_of, surrounding
from oro_unlearn.user_error import UserError

LINE = [(number, number + 1) for number in range(9)]
EDGES = torch.tensor([*LINE, *((b, a) for a, b in LINE)]).T  # a line of ten nodes


@pytest.fixture
def features():
    torch.manual_seed(0)
    return torch.rand(10, 6) * (torch.rand(10, 6) > 0.3)


def network(task="node"):
    torch.manual_seed(0)
    return GraphNetwork(GraphEncoder("GCN", 6, 4), task, 3).eval()


def test_a_surrounding_gives_the_prediction_of_the_whole_graph(features):
    model, sparse = network(), features.to_sparse_csr()
    near = surrounding(sparse, EDGES, 4)
    assert near.nodes.tolist() == [1, 2, 3, 4, 5, 6, 7]
    torch.testing.assert_close(model(near.features, near.edges)[near.scored], model(features, EDGES)[4])
    assert (near.nodes[near.edges] == EDGES[:, near.places]).all()


def test_a_surrounding_of_an_edge_gives_its_score(features):
    model = network("edge")
    near = surrounding(features, EDGES, 3, 4)
    whole = model(features, EDGES, pairs=torch.tensor([[3], [4]]))
    torch.testing.assert_close(model(near.features, near.edges, **near.pairs), whole)


@pytest.mark.parametrize("name", ["GNNExplainer", "PGExplainer", "gradient", "random"])
def test_every_algorithm_explains_a_node(name, features):
    model = network()
    near = surrounding(features, EDGES, 4)
    algorithm = algorithm_of(name, model, features, EDGES, torch.tensor([3, 4]))
    found = explain(model, near, algorithm)
    assert found.features.shape == near.features.shape
    assert found.edges.shape == (near.edges.shape[1],)
    assert 0 <= found.edges.min() <= found.edges.max() <= 1
    assert altered(model, near, found).whole == int(model(features, EDGES)[4].argmax())


@pytest.mark.parametrize("name", ["GNNExplainer", "gradient", "random"])
def test_a_node_without_edges_is_explained_by_its_features(name, features):
    model, alone = network(), torch.cat([features, features[:1]])  # node 10 has no edge
    near = surrounding(alone, EDGES, 10)
    found = explain(model, near, algorithm_of(name, model, alone, EDGES, torch.tensor([3, 4])))
    assert found.edges.numel() == 0
    assert found.features.shape == (1, 6)
    assert found.features.isfinite().all()


@pytest.mark.parametrize("name", ["GNNExplainer", "gradient", "random"])
def test_every_algorithm_but_one_explains_an_edge(name, features):
    model = network("edge")
    near = surrounding(features, EDGES, 3, 4)
    found = explain(model, near, algorithm_of(name, model, features, EDGES, torch.tensor([])))
    whole = model(features, EDGES, pairs=torch.tensor([[3], [4]]))
    assert altered(model, near, found).whole == int(whole > 0)


def test_the_masks_of_a_generator_are_an_explanation(features):
    generator = MaskGenerator("GCN", 6, 8).eval()
    near = surrounding(features, EDGES, 4)
    found = explain(network(), near, MaskExplainer(generator))
    hidden = generator(near.features, near.edges)
    torch.testing.assert_close(found.edges, generator.pair_mask(hidden, near.edges)[0].detach())
    expected = generator.feature_mask(hidden, near.features) * (near.features != 0)
    torch.testing.assert_close(found.features, expected.detach())


def test_pairs_are_scored_by_one_layer_of_both_embeddings():
    generator = MaskGenerator("GCN", 6, 8).eval()
    hidden = torch.rand(10, 8)
    both = torch.cat([hidden[EDGES[0]], hidden[EDGES[1]]], 1)
    torch.testing.assert_close(generator.pair_mask(hidden, EDGES)[0], generator.of_pairs(both).squeeze(1).sigmoid())


def test_without_the_named_features_and_edges(features):
    """What is taken away is exactly what the masks name."""
    model, near = network(), surrounding(features, EDGES, 4)
    found = explain(model, near, algorithm_of("gradient", model, features, EDGES, torch.tensor([])))
    everything = altered(model, near, found, features=100, edges=100)
    bare = near.features.clone()
    bare[near.scored] = 0
    assert everything.without_features == int(model(bare, near.edges)[near.scored].argmax())
    nothing = torch.zeros(near.edges.shape[1])
    assert everything.without_edges == int(model(near.features, near.edges, edge_mask=nothing)[near.scored].argmax())
    assert everything.only_edges == everything.whole


def test_fidelity_is_that_of_torch_geometric(features):
    """Masks of 0 and 1, so that both take away the same."""
    model, metric, expected = network(), ExplanationFidelity(), []
    for node in range(10):
        near = surrounding(features, EDGES, node)
        explainer = explainer_of(model, algorithm_of("gradient", model, features, EDGES, torch.tensor([])))
        found = explainer(near.features, near.edges, index=near.scored)
        found.edge_mask, found.node_mask = (found.edge_mask > 0.5).float(), None
        expected.append(fidelity(explainer, found))
        masks = (None, 1 - found.edge_mask, found.edge_mask)
        seen = [model(near.features, near.edges, edge_mask=mask)[near.scored].argmax().view(1) for mask in masks]
        metric.update(*seen)
    plus, minus = (sum(values) / 10 for values in zip(*expected, strict=True))
    assert metric.compute() == {"plus": pytest.approx(plus), "minus": pytest.approx(minus)}


def test_pg_explainer_is_refused_for_edges(features):
    with pytest.raises(UserError, match="PGExplainer does not explain edges: choose GNNExplainer or gradient"):
        algorithm_of("PGExplainer", network("edge"), features, EDGES, torch.tensor([3]))
