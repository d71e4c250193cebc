"""Base class of the data modules for graph networks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from oro_unlearn.data.batches import EpochBatches, from_batches
from oro_unlearn.data.graphs.graph_splits import edge_splits, published_splits, random_splits
from oro_unlearn.data.graphs.prepared_graphs import GraphTuple, check_graph, class_numbers, whole, with_features
from oro_unlearn.data.images.image_data import as_is
from oro_unlearn.files import sha256_of
from oro_unlearn.user_error import UserError

Task = Literal["node", "edge", "graph"]
SPLITS = ("train", "val", "test")


class Samples(Dataset[GraphTuple]):
    """Samples of one split: nodes or edges of one graph, which is one batch, or graphs.

    Args:
        batch: The one graph with the samples of this split; None for graphs.
        graphs: Graphs of torch_geometric in this split; empty for nodes and edges.
        positions: Numbers of the samples.
    """

    def __init__(self, batch: GraphTuple | None, graphs: Sequence[Any], positions: Tensor) -> None:
        self.batch, self.graphs, self.positions = batch, graphs, positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitems__(self, rows: Sequence[int]) -> GraphTuple:
        """The batch of some samples; the one graph is always given with all of them."""
        if self.batch is not None:
            return self.batch
        return whole([self.graphs[row] for row in rows], self.positions[list(rows)])

    def __getitem__(self, row: int) -> GraphTuple:
        return self.__getitems__([row])


class GraphDataModule(LightningDataModule, ABC):
    """Nodes or edges of one graph, or many graphs, in training, validation and test split.

    A batch is ``(features, edges, graph, pairs, labels, index)``. Features (N, F) are in CSR layout if at most a tenth of them
    is not zero. Messages are passed along ``edges`` (2, E); if edges are predicted, these are the ones of the training split.
    ``graph`` (N,) is the graph of each node, and ``pairs`` (2, M) are the edges to score. ``labels`` (M,) are those of the
    samples, and ``index`` (M,) are their nodes, or their positions. One graph is one batch, whatever ``batch_size`` is.

    A new data set defines :meth:`read`.

    Args:
        task: What is predicted: classes of nodes, edges (whether they exist), or classes of graphs.
        split: ``public``: the masks of the data set, only for nodes. ``random``: 60, 20 and 20 % of nodes or graphs drawn by
            the seed; of edges, 85, 5 and 10 %, with as many pairs of nodes without an edge in the last two.
        seed: Seed of the split; not the seed of training.
        normalise: Divide the features of a node by their sum, if it is above 1: for counts and bags of words.
        batch_size: Graphs in a training batch.

    Raises:
        UserError: If an option is wrong, or the data are of another kind.
    """

    name: str

    def __init__(
        self,
        task: Task = "node",
        split: Literal["public", "random"] = "random",
        seed: int = 0,
        normalise: bool = True,
        batch_size: int = 32,
    ) -> None:
        super().__init__()
        if batch_size < 1 or seed < 0:
            raise UserError(f"--data.batch_size is at least 1 and --data.seed 0 or more, not {batch_size} and {seed}")
        if split == "public" and task != "node":
            raise UserError(f"--data.split public is for nodes, and --data.task is {task}: choose --data.split random")
        self.task, self.split_kind, self.seed, self.normalise, self.batch_size = task, split, seed, normalise, batch_size

    @abstractmethod
    def read(self) -> list[Any]:
        """The graphs, as :class:`torch_geometric.data.Data` with ``x``, ``edge_index`` and ``y``, and masks if published."""

    @cached_property
    def graphs(self) -> list[Any]:
        """The graphs, read once and checked.

        Raises:
            UserError: If torch_geometric is missing, or the graphs do not fit the task.
        """
        try:
            import torch_geometric  # noqa: F401
        except ImportError:
            raise UserError("graph networks need torch_geometric: pip install 'oro_unlearn[graph]'") from None
        found = [with_features(graph, self.normalise) for graph in self.read()]
        if self.task != "graph" and len(found) != 1:
            raise UserError(f"{self.name} has {len(found)} graphs: --data.task {self.task} needs one, choose graph")
        if self.task == "graph" and len(found) < 5:
            raise UserError(f"{self.name} has {len(found)} graphs, too few to split: choose --data.task node or edge")
        wanted = len(found) if self.task == "graph" else int(found[0].num_nodes)
        if self.task != "edge" and sum(0 if graph.y is None else graph.y.numel() for graph in found) != wanted:
            raise UserError(f"{self.name} has no class for each {self.task}: choose another --data.task")
        for graph in found:
            check_graph(graph, self.name)
            if self.task != "edge":
                graph.y = class_numbers(graph.y, self.name)
        return found

    @cached_property
    def splits(self) -> dict[str, Samples]:
        """Samples by split: ``train``, ``val`` and ``test``.

        Raises:
            UserError: If a split is empty, or a sample has a negative number for its class.
        """
        found = self._split_up()
        for name, samples in found.items():
            if not len(samples):
                raise UserError(f"{self.name}: no {self.task} is left for the split {name}: choose a larger set")
            labels = [samples.batch[4]] if samples.batch is not None else [graph.y for graph in samples.graphs]
            lowest = min(int(part.min()) for part in labels)
            if lowest < 0:
                raise UserError(f"{self.name}: the class of a {self.task} is {lowest}: classes are numbered from 0")
        return found

    def _split_up(self) -> dict[str, Samples]:
        if self.task == "edge":
            found = edge_splits(self.graphs[0], self.seed)
            return {name: Samples(batch, (), batch[-1]) for name, batch in found.items()}
        if self.task == "graph":
            parts = random_splits(len(self.graphs), self.seed)
            return {name: Samples(None, [self.graphs[row] for row in rows], rows) for name, rows in parts.items()}
        graph = self.graphs[0]
        parts = published_splits(graph, self.name) if self.split_kind == "public" else random_splits(graph.num_nodes, self.seed)
        plain = whole([graph], torch.arange(1))
        return {name: Samples((*plain[:4], graph.y.flatten()[rows], rows), (), rows) for name, rows in parts.items()}

    def split(self, name: str) -> Samples:
        """The samples of one split: ``train``, ``val`` or ``test``.

        Raises:
            UserError: If a method asks for another split.
        """
        if name not in self.splits:
            raise UserError(f"graphs have no split {name!r}: choose --model GraphTraining, --model GPL or --model SES")
        return self.splits[name]

    def batches(self, name: str, size: int = 256) -> Iterator[GraphTuple]:
        """The batches of a split, in order.

        Args:
            name: ``train``, ``val`` or ``test``.
            size: Graphs in a batch.
        """
        samples = self.split(name)
        rows = [0] if samples.batch is not None else list(range(len(samples)))
        for start in range(0, len(rows), size):
            yield samples.__getitems__(rows[start : start + size])

    @property
    def num_features(self) -> int:
        """Number of features of a node F."""
        return int(self.graphs[0].x.shape[1])

    @cached_property
    def num_classes(self) -> int:
        """Number of classes K; 2 for edges: there is one, or not."""
        return 2 if self.task == "edge" else 1 + max(int(graph.y.max()) for graph in self.graphs)

    @cached_property
    def largest_degree(self) -> int:
        """Largest number of edges of a node, among those along which messages are passed."""
        edges = [next(self.batches("train"))[1]] if self.task == "edge" else [graph.edge_index for graph in self.graphs]
        return max((int(torch.bincount(found[0]).max()) for found in edges if found.numel()), default=0)

    @property
    def forget_names(self) -> list[str]:
        """Nothing is forgotten."""
        return []

    @property
    def forgotten_names(self) -> list[str]:
        """Nothing was forgotten."""
        return []

    def content(self) -> dict[str, str]:
        """SHA-256 of the graphs as they were read: features, edges and classes."""
        parts = (part for graph in self.graphs for part in (graph.x.to_dense(), graph.edge_index, graph.y) if part is not None)
        return {"graphs": sha256_of(part.contiguous().numpy() for part in parts)}

    def inventory(self) -> dict[str, Any]:
        """Number of graphs, nodes, edges, features, classes, and samples by split."""
        nodes = sum(int(graph.num_nodes) for graph in self.graphs)
        edges = sum(int(graph.edge_index.shape[1]) for graph in self.graphs)
        return {
            "name": self.name,
            "task": self.task,
            "graphs": len(self.graphs),
            "nodes": nodes,
            "edges": edges,
            "features": self.num_features,
            "classes": self.num_classes,
            "largest_degree": self.largest_degree,
            "split": "public" if self.split_kind == "public" else f"random, seed {self.seed}",
            "samples": {name: len(self.split(name)) for name in SPLITS},
        }

    def lines(self) -> list[str]:
        """The summary of the data as lines of text."""
        found = self.inventory()
        counts = ", ".join(f"{count} {name}" for name, count in found["samples"].items())
        sizes = f"{found['nodes']} nodes, {found['edges']} edges, {found['features']} features, {found['classes']} classes"
        graphs = "1 graph" if found["graphs"] == 1 else f"{found['graphs']} graphs"
        return [f"{self.name}: {graphs}, {sizes}", f"  {self.task}s: {counts} ({found['split']})"]

    def notes(self) -> dict[str, Any]:
        """Metadata for the file of a model."""
        return {"forgotten": []}

    def draw(self, folder: Path) -> None:
        """There is no picture of a request."""

    def setup(self, stage: str) -> None:
        """Read the graphs before the network is built."""
        len(self.split("train"))

    def train_dataloader(self) -> CombinedLoader:
        """One loader for each split that the method trains on; one graph is one batch, graphs come in random order."""
        assert self.trainer is not None
        method: Any = self.trainer.lightning_module
        loaders = {}
        for number, name in enumerate(method.train_splits):
            samples = self.split(name)
            size = len(samples) if samples.batch is not None else min(self.batch_size, len(samples))
            batches = EpochBatches(len(samples), size, number, self.trainer, whole=True)
            loaders[name] = DataLoader(samples, collate_fn=as_is, **from_batches(batches))
        return CombinedLoader(loaders, method.loader_mode)

    def test_dataloader(self) -> dict[str, DataLoader[Any]]:
        """All samples of every split, in order; every process gets all of them."""
        loaders: dict[str, DataLoader[Any]] = {}
        for name in SPLITS:
            samples = self.split(name)
            size = max(1, len(samples)) if samples.batch is not None else 256
            loaders[name] = DataLoader(samples, batch_size=size, collate_fn=as_is)
        return loaders
