"""Explanations of some nodes of a run, and what they are worth."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from oro_unlearn.metrics import ExplanationFidelity, ExplanationSparsity

if TYPE_CHECKING:
    from oro_unlearn.methods.graphs.graph_training import Graphs, GraphTraining

MOST_EDGES, MOST_FEATURES = 12, 8  # of one explanation that a report keeps


def explain_nodes(method: "GraphTraining", graphs: "Graphs", count: int) -> dict[str, Any]:
    """Explain the classes of the first nodes of a split that have edges.

    Args:
        method: A method with a trained network, and perhaps with masks of its own.
        graphs: The graph, with the nodes of the split in ``index``.
        count: Number of nodes.

    Returns:
        ``by``: name of the algorithm. ``fidelity_plus_features``, ``fidelity_plus``, ``fidelity_minus``, ``sparsity`` and
        ``seconds`` of one explanation. ``nodes``: the strongest edges and features of each node.
    """
    from oro_unlearn.networks.graphs.explaining import algorithm_of, altered, explain, surrounding

    method.cpu()  # the network and its masks: one explanation is too small for another device
    network, linked = method.network.eval(), _linked(graphs, count)
    features, edges = graphs.features.cpu(), graphs.edges.cpu()
    algorithm = method.own_explainer() or algorithm_of(method.explainer, network, features, edges, linked)
    of_edges, of_features, sparsity = ExplanationFidelity(), ExplanationFidelity(), ExplanationSparsity()
    found, seconds = [], 0.0
    labels = dict(zip(graphs.index.tolist(), graphs.labels.tolist(), strict=True))
    for node in linked.tolist():
        near = surrounding(features, edges, node)
        explained = explain(network, near, algorithm)
        seen = altered(network, near, explained)
        whole, without_features, without_edges, only_edges = torch.tensor(seen).view(4, 1)
        of_edges.update(whole, without_edges, only_edges)
        of_features.update(whole, without_features, whole)
        sparsity.update(explained.edges)
        seconds += explained.seconds
        known = {"node": node, "class": seen.whole, "label": labels[node]}
        found.append({**known, **_strongest(near, explained)})
    figures = {
        "fidelity_plus_features": float(of_features.compute()["plus"]),
        "fidelity_plus": float(of_edges.compute()["plus"]),
        "fidelity_minus": float(of_edges.compute()["minus"]),
        "sparsity": float(sparsity.compute()),
    }
    by = "SES masks" if method.own_explainer() is not None else method.explainer
    return {"by": by, "explained": len(found), **figures, "seconds": seconds / max(1, len(found)), "nodes": found}


def _linked(graphs: "Graphs", count: int) -> Tensor:
    """The first samples that have edges."""
    ends = torch.zeros(len(graphs.graph), dtype=torch.bool, device=graphs.edges.device)
    ends[graphs.edges[1]] = True
    return graphs.index[ends[graphs.index]][:count].cpu()


def _strongest(near: Any, explained: Any) -> dict[str, Any]:
    """The strongest edges, as numbers of their nodes with a value, and the strongest features of the node itself."""
    edges = explained.edges.topk(min(MOST_EDGES, len(explained.edges)))
    own = explained.features[near.scored] * (near.features[near.scored] != 0)
    features = own.topk(min(MOST_FEATURES, len(own)))
    ends = near.nodes[near.edges[:, edges.indices]].T.tolist()
    return {
        "edges": [[*pair, round(value, 4)] for pair, value in zip(ends, edges.values.tolist(), strict=True)],
        "features": [
            [number, round(value, 4)]
            for number, value in zip(features.indices.tolist(), features.values.tolist(), strict=True)
            if value > 0
        ],
    }
