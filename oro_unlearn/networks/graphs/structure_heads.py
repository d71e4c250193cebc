"""Heads of GPL that predict the structure of a graph from embeddings, and the targets of these heads."""

import math

import torch
from torch import Tensor, nn


class StructureHeads(nn.Module):
    """Predict the degree of a node, and how many neighbours of every degree it (or a graph: nodes) has.

    Huang et al., "Graph structure prompt learning", Applied Intelligence 2025, section 3.

    Args:
        hidden: Width H of the embeddings.
        degrees: Width D of a distribution: the largest degree.
    """

    def __init__(self, hidden: int, degrees: int) -> None:
        super().__init__()
        self.degree = nn.Linear(hidden, 1)
        self.distribution = nn.Linear(hidden, max(1, degrees))

    def degrees(self, embeddings: Tensor) -> Tensor:
        """Predicted logarithmic degrees (N,) of nodes with embeddings (N, H)."""
        return self.degree(embeddings.sigmoid()).squeeze(1)  # type: ignore[no-any-return]

    def distributions(self, embeddings: Tensor) -> Tensor:
        """Predicted distributions (N, D) of nodes or graphs with embeddings (N, H)."""
        return self.distribution(embeddings)  # type: ignore[no-any-return]


def degrees_of(edges: Tensor, nodes: int) -> Tensor:
    """Number of edges (N,) int64 that leave each node.

    Args:
        edges: (2, E) int64; an undirected edge stands in it twice.
        nodes: Number of nodes N.
    """
    return torch.bincount(edges[0], minlength=nodes)


def logarithmic(degrees: Tensor, largest: int) -> Tensor:
    """Degrees as targets: log(degree + 1) / log(largest degree), (N,) float; the divisor is at least log 2."""
    return (degrees.float() + 1).log() / math.log(max(2, largest))


def neighbour_degrees(edges: Tensor, nodes: int, largest: int) -> Tensor:
    """How many neighbours of every degree 1 to D each node has, scaled to [0, 1] in each column: (N, D) float.

    Args:
        edges: (2, E) int64.
        nodes: Number of nodes N.
        largest: Largest degree D.
    """
    degrees, width = degrees_of(edges, nodes), max(1, largest)
    column = (degrees[edges[1]] - 1).clamp(0, width - 1)
    counts = torch.bincount(edges[0] * width + column, minlength=nodes * width).view(nodes, width).float()
    low, high = counts.amin(0), counts.amax(0)
    return (counts - low) / (high - low).clamp(min=1)


def degree_distributions(edges: Tensor, graph: Tensor, graphs: int, largest: int) -> Tensor:
    """Share of the nodes of every graph that have degree 1 to D, (G, D) float; nodes without edges count for no degree.

    Args:
        edges: (2, E) int64.
        graph: (N,) int64, the graph of each node.
        graphs: Number of graphs G.
        largest: Largest degree D; larger degrees count as D.
    """
    degrees, width = degrees_of(edges, len(graph)), max(1, largest)
    linked = degrees > 0
    column = (degrees - 1).clamp(0, width - 1)
    counts = torch.bincount((graph * width + column)[linked], minlength=graphs * width).view(graphs, width).float()
    return counts / torch.bincount(graph, minlength=graphs).clamp(min=1)[:, None]
