"""Training, validation and test split of nodes, edges or graphs, always the same for a seed."""

from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from oro_unlearn.data.graphs.prepared_graphs import GraphTuple, whole
from oro_unlearn.user_error import UserError

SHARES = (0.6, 0.2)  # training and validation; the rest is the test split
EDGE_SHARES = (0.05, 0.1)  # validation and test


def random_splits(count: int, seed: int) -> dict[str, Tensor]:
    """60, 20 and 20 % of samples, as numbers (M,) int64 by split.

    Args:
        count: Number of samples.
        seed: Seed of the split.

    Example:
        >>> {name: len(rows) for name, rows in random_splits(10, 0).items()}
        {'train': 6, 'val': 2, 'test': 2}
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    first, second = round(SHARES[0] * count), round(sum(SHARES) * count)
    return {"train": order[:first], "val": order[first:second], "test": order[second:]}


def published_splits(graph: Any, name: str) -> dict[str, Tensor]:
    """The split that a data set is published with, from its masks.

    Args:
        graph: A graph of torch_geometric.
        name: Name of the data set, for the error.

    Raises:
        UserError: If the data set has none.
    """
    masks = {split: graph.get(f"{split}_mask") for split in ("train", "val", "test")}
    if any(mask is None or mask.ndim != 1 for mask in masks.values()):
        raise UserError(f"{name} has no public split: choose --data.split random")
    return {split: mask.nonzero().flatten() for split, mask in masks.items()}


def edge_splits(graph: Any, seed: int) -> dict[str, GraphTuple]:
    """Batches of edges to score: 85, 5 and 10 % of the undirected edges, the last two with as many pairs without an edge.

    Messages are passed along the edges of the training split alone.

    Args:
        graph: A graph of torch_geometric; its edges are read as undirected, and edges of a node to itself are left out.
        seed: Seed of the split, and of the pairs without an edge.

    Raises:
        UserError: If there are too few edges, or so many that hardly a pair has none.
    """
    from torch_geometric.data import Data
    from torch_geometric.transforms import RandomLinkSplit
    from torch_geometric.utils import remove_self_loops, to_undirected

    plain = Data(edge_index=remove_self_loops(to_undirected(graph.edge_index))[0], num_nodes=int(graph.num_nodes))
    if plain.edge_index.shape[1] < 40:
        raise UserError(f"{plain.edge_index.shape[1] // 2} edges are too few to split: at least 20 are needed")
    val, test = EDGE_SHARES
    with isolate_rng():
        _seed_all(seed)
        parts = RandomLinkSplit(val, test, is_undirected=True, add_negative_train_samples=False)(plain)
    _, _, graph_of, *_ = whole([graph], torch.arange(1))
    found = {}
    for name, part in zip(("train", "val", "test"), parts, strict=True):
        labels = part.edge_label.long()
        if name != "train" and not 0 < int(labels.sum()) < len(labels):
            raise UserError("almost every pair of nodes has an edge: no pairs without one are left for validation and test")
        index = torch.arange(len(labels))
        found[name] = (graph.x, parts[0].edge_index, graph_of, part.edge_label_index, labels, index)
    return found


def _seed_all(seed: int) -> None:
    """Seed the generators that torch_geometric draws from."""
    import random

    import numpy as np

    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (torch_geometric draws from it)
