"""A graph network for one of three tasks: classes of nodes, edges that exist, classes of graphs."""

from typing import Literal

import torch
from torch import Tensor, nn

from oro_unlearn.networks.graphs.encoder import GraphEncoder

Task = Literal["node", "edge", "graph"]


class GraphNetwork(nn.Module):
    """An encoder and what a task makes of its embeddings.

    ``node``: with a head, logits are a linear function of the embedding; without, they are the embedding itself. ``edge``: the
    inner product of the embeddings of two nodes. ``graph``: a linear function of the mean embedding of a graph's nodes.

    Args:
        encoder: Makes embeddings (N, H).
        task: ``node``, ``edge`` or ``graph``.
        classes: Number of classes K; ignored for edges.
        head: Whether nodes have a head. Graphs always have one.
    """

    def __init__(self, encoder: GraphEncoder, task: Task, classes: int, head: bool = False) -> None:
        super().__init__()
        self.encoder, self.task, self.architecture = encoder, task, encoder.kind  # the last names it in reports
        self.head = nn.Linear(encoder.width, classes) if task == "graph" or (task == "node" and head) else None

    def forward(
        self,
        features: Tensor,
        edges: Tensor,
        graph: Tensor | None = None,
        pairs: Tensor | None = None,
        graphs: int = 1,
        mask: Tensor | None = None,
        edge_mask: Tensor | None = None,
    ) -> Tensor:
        """Logits: (N, K) of nodes, (P,) of pairs of nodes, or (G, K) of graphs.

        Args:
            features: (N, F), dense or CSR.
            edges: (2, E) int64.
            graph: (N,) int64, the graph of each node, in ascending order; None: all nodes are one graph.
            pairs: (2, P) int64 pairs of nodes, for edges.
            graphs: Number of graphs G.
            mask: Factors of the nonzero features.
            edge_mask: (E,) factors of the messages.
        """
        return self.logits(self.encoder(features, edges, mask, edge_mask), graph, pairs, graphs)

    def logits(self, embeddings: Tensor, graph: Tensor | None = None, pairs: Tensor | None = None, graphs: int = 1) -> Tensor:
        """Logits of embeddings (N, H), as :meth:`forward` gives them."""
        if self.task == "edge":
            assert pairs is not None, "edges need pairs (2, P) of nodes to score"
            return (embeddings[pairs[0]] * embeddings[pairs[1]]).sum(1)
        if self.task == "graph":
            embeddings = pooled(embeddings, graph, graphs)
        return embeddings if self.head is None else self.head(embeddings)


def pooled(embeddings: Tensor, graph: Tensor | None = None, graphs: int = 1) -> Tensor:
    """Mean embedding (G, H) of the nodes of every graph.

    Args:
        embeddings: (N, H).
        graph: (N,) int64, the graph of each node; None: all nodes are one graph.
        graphs: Number of graphs G.
    """
    if graph is None:
        return embeddings.mean(0, keepdim=True)
    sums = embeddings.new_zeros(graphs, embeddings.shape[1]).index_add(0, graph, embeddings)
    return sums / torch.bincount(graph, minlength=graphs).clamp(min=1)[:, None]
