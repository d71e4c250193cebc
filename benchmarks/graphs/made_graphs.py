"""Two sets of graphs with classes, drawn by torch_geometric's generators: nothing has to be fetched."""

from typing import Any

import torch
from torch.nn.functional import one_hot
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.datasets import ExplainerDataset
from torch_geometric.datasets.graph_generator import BAGraph, ERGraph, GridGraph
from torch_geometric.utils import coalesce, to_undirected

EACH = 100  # graphs of a class


class Motifs(InMemoryDataset):
    """A random tree-like graph (Barabasi and Albert, 20 nodes) with a house or a cycle of six nodes attached to it."""

    def __init__(self) -> None:
        super().__init__()
        found = []
        for label, motif in enumerate(("house", "cycle")):
            options: dict[str, Any] = {"motif_generator_kwargs": {"num_nodes": 6}} if motif == "cycle" else {}
            made = ExplainerDataset(BAGraph(20, 1), motif, num_motifs=1, num_graphs=EACH, **options)
            found += [_described(graph, label, 3) for graph in made]
        self.data, self.slices = self.collate(found)


class Families(InMemoryDataset):
    """Graphs of three families with about as many edges: preferential attachment, uniform edges, and grids with noise."""

    def __init__(self) -> None:
        super().__init__()
        makers = [BAGraph(25, 2), ERGraph(25, 0.15), _grid]
        found = []
        for label, maker in enumerate(makers):
            for _ in range(EACH):
                graph = maker()
                found.append(_described(graph, label, 2))
        self.data, self.slices = self.collate(found)


def _described(graph: Any, label: int, largest: int) -> Data:
    """A graph whose nodes have their degree as feature, one-hot, up to a largest degree: it has no other features.

    The largest degree is chosen so that the classes can be told, but not by everyone at once.
    """
    degrees = torch.bincount(graph.edge_index[0], minlength=graph.num_nodes).clamp(max=largest)
    return Data(x=one_hot(degrees, largest + 1).float(), edge_index=graph.edge_index, y=label)


def _grid() -> Any:
    """A grid of 25 nodes to which four random edges are added."""
    graph = GridGraph(5, 5)()
    more = torch.randint(25, (2, 4))
    graph.edge_index = coalesce(torch.cat([graph.edge_index, to_undirected(more)], 1))
    return graph
