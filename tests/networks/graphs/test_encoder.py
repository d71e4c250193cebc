"""Encoders are the convolutions of torch_geometric, for features of either layout, with masks on their messages."""

import pytest
import torch
from torch_geometric.nn import GATConv, GCNConv, SAGEConv

from oro_unlearn.networks.graphs import ENCODERS, FirstConvolution, GraphEncoder, GraphNetwork

EDGES = torch.tensor([[0, 1, 1, 2, 2, 3, 0, 3], [1, 0, 2, 1, 3, 2, 3, 0]])  # a circle of four; the fifth node is alone


@pytest.fixture
def features():
    torch.manual_seed(0)
    return torch.rand(5, 6) * (torch.rand(5, 6) > 0.5)


@pytest.mark.parametrize("kind", ENCODERS)
def test_the_first_layer_is_the_convolution(kind, features):
    own = FirstConvolution(kind, 6, 4, heads=2)
    other = {"GCN": GCNConv, "GAT": lambda *sizes: GATConv(*sizes, heads=2), "GraphSAGE": SAGEConv}[kind](6, 4)
    names = ("lin_l", "lin_r") if kind == "GraphSAGE" else ("lin",)
    state = {f"{name}.weight": weight for name, weight in zip(names, own.weights, strict=True)}
    state |= {name: value for name, value in own.layer.state_dict().items() if name in other.state_dict()}
    other.load_state_dict(state)
    torch.testing.assert_close(own(features, EDGES), other(features, EDGES))


@pytest.mark.parametrize("kind", ENCODERS)
def test_both_layouts_and_a_mask_of_ones_give_the_same(kind, features):
    network = GraphEncoder(kind, 6, 4, skip=True).eval()
    plain = network(features, EDGES)
    torch.testing.assert_close(network(features.to_sparse_csr(), EDGES), plain)
    torch.testing.assert_close(network(features, EDGES, edge_mask=torch.ones(8)), plain)
    torch.testing.assert_close(network(features, EDGES), plain)  # the mask is gone


@pytest.mark.parametrize("kind", ["GCN", "GraphSAGE"])  # in GAT, attention reads masked neighbours too
def test_without_messages_a_node_sees_itself_alone(kind, features):
    network = GraphEncoder(kind, 6, 4).eval()
    changed = features.clone()
    changed[0] += 1
    none = torch.zeros(8)
    first, second = network(features, EDGES, edge_mask=none), network(changed, EDGES, edge_mask=none)
    torch.testing.assert_close(first[1:], second[1:])
    assert not torch.allclose(network(features, EDGES)[1], network(changed, EDGES)[1])


def test_gradients_reach_both_masks(features):
    network = GraphNetwork(GraphEncoder("GCN", 6, 4), "node", 4)
    mask, edge_mask = torch.ones(5, 6, requires_grad=True), torch.ones(8, requires_grad=True)
    network(features, EDGES, mask=mask, edge_mask=edge_mask).sum().backward()
    assert mask.grad.abs().sum() > 0
    assert edge_mask.grad.abs().sum() > 0


def test_what_each_task_makes_of_embeddings(features):
    embeddings = torch.arange(10.0).view(5, 2)
    pairs = torch.tensor([[0, 1], [1, 4]])
    edges = GraphNetwork(GraphEncoder("GCN", 6, 2), "edge", 2)
    assert edges.logits(embeddings, pairs=pairs).tolist() == [0 * 2 + 1 * 3, 2 * 8 + 3 * 9]
    graphs = GraphNetwork(GraphEncoder("GCN", 6, 2), "graph", 3)
    found = graphs.logits(embeddings, torch.tensor([0, 0, 1, 1, 1]), graphs=2)
    torch.testing.assert_close(found, graphs.head(torch.tensor([[1.0, 2.0], [6.0, 7.0]])))
