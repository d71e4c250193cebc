"""Graphs of torch_geometric, made ready for a network: features, and several graphs as one."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from oro_unlearn.networks.graphs import nonzeros
from oro_unlearn.user_error import UserError

GraphTuple = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]  # the fields of oro_unlearn.methods.graphs.Graphs
SPARSE = 0.1  # largest share of nonzero features that are kept in CSR layout


def with_features(graph: Any, normalise: bool) -> Any:
    """A copy of a graph with float features in the layout that is cheapest; a graph without features gets ones.

    Args:
        graph: A :class:`torch_geometric.data.Data`.
        normalise: Whether the features of a node are divided by their sum, if it is above 1.
    """
    graph = graph.clone()
    features = graph.x if graph.x is not None and graph.x.numel() else torch.ones(int(graph.num_nodes), 1)
    features = features.to_dense().float()
    if normalise:
        features = features / features.sum(1, keepdim=True).clamp(min=1)
    graph.x = sparse_if_cheaper(features)
    return graph


def check_graph(graph: Any, name: str) -> None:
    """Check what a data set gave.

    Args:
        graph: From :func:`with_features`.
        name: Name of the data set, for the error.

    Raises:
        UserError: If a feature is NaN or infinite, or an edge leads to no node.
    """
    nodes, edges = int(graph.num_nodes), graph.edge_index
    if not nonzeros(graph.x).isfinite().all():
        raise UserError(f"{name}: a feature of a node is NaN or infinite: repair the data set")
    if edges.numel() and not 0 <= int(edges.min()) <= int(edges.max()) < nodes:
        raise UserError(f"{name}: edges lead to nodes {int(edges.min())} to {int(edges.max())}, and there are {nodes} nodes")


def class_numbers(labels: Tensor, name: str) -> Tensor:
    """Labels as int64.

    Args:
        labels: Classes of nodes or graphs, of any shape.
        name: Name of the data set, for the error.

    Raises:
        UserError: If they are not whole numbers.
    """
    if not (labels == labels.round()).all():  # also false for NaN
        raise UserError(f"{name}: classes must be whole numbers: choose another set, or --data.task edge")
    return labels.long()


def sparse_if_cheaper(features: Tensor) -> Tensor:
    """Features (N, F) in CSR layout if at most a tenth of them is not zero; otherwise as they are."""
    if int((features != 0).sum()) > SPARSE * features.numel():
        return features
    with warnings.catch_warnings():  # that CSR tensors are in beta state
        warnings.simplefilter("ignore")
        return features.to_sparse_csr()


def whole(graphs: Sequence[Any], index: Tensor) -> GraphTuple:
    """Several graphs as one that falls apart, with the class of each as labels.

    Args:
        graphs: Graphs of torch_geometric.
        index: (G,) int64, their positions in the data set.
    """
    counts = torch.tensor([int(graph.num_nodes) for graph in graphs])
    starts = counts.cumsum(0) - counts
    features = graphs[0].x if len(graphs) == 1 else torch.cat([graph.x.to_dense() for graph in graphs])
    edges = torch.cat([graph.edge_index + start for graph, start in zip(graphs, starts, strict=True)], 1)
    graph_of = torch.arange(len(graphs)).repeat_interleave(counts)
    labels = torch.stack([torch.as_tensor(-1 if graph.y is None else graph.y.flatten()[0]) for graph in graphs])
    return features, edges, graph_of, torch.empty(2, 0, dtype=torch.int64), labels.long(), index
