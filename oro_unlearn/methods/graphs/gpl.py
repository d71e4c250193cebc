"""GPL: a graph network that also predicts the structure around every node."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from oro_unlearn.methods.graphs.graph_training import Graphs, GraphShape, GraphTraining
from oro_unlearn.networks.graphs import StructureHeads
from oro_unlearn.networks.graphs.graph_network import pooled
from oro_unlearn.networks.graphs.structure_heads import degree_distributions, degrees_of, logarithmic, neighbour_degrees
from oro_unlearn.user_error import UserError


class Weights(NamedTuple):
    """Weights of the losses in one stage."""

    task: float
    degree: float
    distribution: float
    falling: bool = False  # whether the last two are divided by epoch / 100


FIRST = {"GCN": Weights(0.1, 3, 3), "GAT": Weights(0.1, 2, 2, falling=True), "GraphSAGE": Weights(0.1, 2, 2)}
SECOND = {"GCN": Weights(1, 1, 1), "GAT": Weights(1.07, 1.2, 1), "GraphSAGE": Weights(1.45, 0.65, 1.1)}
OF_GRAPHS = Weights(1.5, 0.7, 1)


class GPL(GraphTraining):
    """Graph structure prompt learning (Huang et al., Applied Intelligence 2025).

    Beside its task, the network predicts the degree of every node and how many neighbours of every degree it has. For nodes and
    edges the loss is a task + b log2(1 + degree) + c ln(1 + distribution), with errors as mean squares; the first stage weighs
    structure more, at a low learning rate. For graphs it is k1 task + k2 degree + k3 distribution of the graph, in one stage.

    Args:
        first_epochs: Epochs of the first stage.
        first_rate: Learning rate of the first stage, as a part of the optimizer's.
        weights: Weights (task, degree, distribution) in the second stage, or of graphs; empty: the paper's for the encoder.
        official: What the released code does: for nodes, the logits are the embeddings, and the head is not used; for graphs,
            the third term has no gradient. Only to compare.
        head: As in :class:`GraphTraining`; the paper's networks have one.
        skip: As in :class:`GraphTraining`; the paper's networks have one.
        kwargs: Arguments of :class:`GraphTraining`.

    Raises:
        UserError: If an option is out of range.
    """

    def __init__(
        self,
        first_epochs: int = 200,
        first_rate: float = 1 / 30,
        weights: list[float] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        official: bool = False,
        head: bool = True,
        skip: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(head=head, skip=skip, **kwargs)
        if first_epochs < 0 or not 0 < first_rate <= 1:
            raise UserError(f"--model.first_epochs is 0 or more and first_rate in (0, 1], not {first_epochs} and {first_rate}")
        if weights and (len(weights) != 3 or min(weights) < 0):
            raise UserError(f"--model.weights are three numbers, 0 or more, not {weights}")
        self.first_epochs, self.first_rate, self.official = first_epochs, first_rate, official
        self.weights = Weights(weights[0], weights[1], weights[2]) if weights else None
        self._targets: tuple[Tensor, Tensor] | None = None  # of a graph that is the same in every step

    def build(self, shape: GraphShape) -> None:
        """Build the network and the heads of its structure.

        Raises:
            UserError: If the released form needs wider embeddings.
        """
        super().build(shape)
        self.largest_degree = shape.largest_degree
        if self.official and shape.task == "node" and self.hidden < shape.classes:
            raise UserError(f"--model.official true needs --model.hidden of {shape.classes} classes or more, not {self.hidden}")
        self.heads_of_structure = StructureHeads(self.network.encoder.width, shape.largest_degree)

    def stage(self, epoch: int) -> Weights:
        """Weights of the losses in an epoch, counted from 0."""
        if self.task == "graph":
            return self.weights or OF_GRAPHS
        if epoch < self.first_epochs:
            own = FIRST[self.encoder]
            factor = 100 / (epoch + 1) if own.falling else 1.0
            return own._replace(degree=own.degree * factor, distribution=own.distribution * factor)
        return self.weights or SECOND[self.encoder]

    def scheduler(self, optimizer: Optimizer) -> Any:
        """The low rate of the first stage, then the optimizer's rate."""
        first = 0 if self.task == "graph" else self.first_epochs
        return LambdaLR(optimizer, lambda epoch: self.first_rate if epoch < first else 1.0)

    def forward(self, graphs: Graphs) -> Tensor:
        """Scores of the samples of a batch; of the released form, the embeddings of nodes."""
        return self._scores(self.network.encoder(graphs.features, graphs.edges), graphs)

    def _scores(self, embeddings: Tensor, graphs: Graphs) -> Tensor:
        if self.official and self.task == "node":
            return self.chosen(embeddings, graphs)
        return self.chosen(self.network.logits(embeddings, graphs.graph, graphs.pairs, len(graphs.labels)), graphs)

    def losses(self, train: Graphs) -> dict[str, Tensor]:
        """``task``, ``degree`` and ``distribution``, each with its weight."""
        return self.losses_at(train, self.current_epoch)

    def losses_at(self, train: Graphs, epoch: int) -> dict[str, Tensor]:
        """The losses in an epoch, counted from 0."""
        train = self.with_negatives(train)
        if self.task == "graph":
            return self._losses_of_graphs(train)
        weights = self.stage(epoch)
        embeddings = self.network.encoder(train.features, train.edges)
        degrees, distributions = self._targets_of(train)
        known = train.index if self.task == "node" else slice(None)
        of_degree = mse_loss(self.heads_of_structure.degrees(embeddings)[known], degrees[known])
        of_distribution = mse_loss(self.heads_of_structure.distributions(embeddings), distributions)
        return {
            "task": weights.task * self.task_loss(self._scores(embeddings, train), train.labels),
            "degree": weights.degree * torch.log1p(of_degree) / math.log(2),
            "distribution": weights.distribution * torch.log1p(of_distribution),
        }

    def _targets_of(self, train: Graphs) -> tuple[Tensor, Tensor]:
        """Degrees (N,) and neighbours' degrees (N, D); computed once, because a full-batch graph stays the same."""
        if self._targets is None:
            nodes = len(train.graph)
            degrees = logarithmic(degrees_of(train.edges, nodes), self.largest_degree)
            self._targets = degrees, neighbour_degrees(train.edges, nodes, self.largest_degree)
        return self._targets

    def _losses_of_graphs(self, train: Graphs) -> dict[str, Tensor]:
        weights, heads = self.stage(0), self.heads_of_structure
        embeddings = self.network.encoder(train.features, train.edges)
        degrees = logarithmic(degrees_of(train.edges, len(train.graph)), self.largest_degree)
        shares = degree_distributions(train.edges, train.graph, len(train.labels), self.largest_degree)
        of_distribution = mse_loss(heads.distributions(pooled(embeddings, train.graph, len(train.labels))), shares)
        if self.official:
            of_distribution = of_distribution.detach()
        return {
            "task": weights.task * cross_entropy(self._scores(embeddings, train).float(), train.labels),
            "degree": weights.degree * mse_loss(heads.degrees(embeddings), degrees),
            "distribution": weights.distribution * of_distribution,
        }
