"""Training a graph network on nodes, edges or whole graphs, and its measurement."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim import Adam

from oro_unlearn.methods.graphs.graph_figures import best_of, figures_of
from oro_unlearn.methods.loss_history import LossHistory
from oro_unlearn.methods.unlearning_module import Role
from oro_unlearn.networks import save_weights
from oro_unlearn.networks.graphs import Encoder, GraphEncoder, GraphNetwork, Task
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import GraphData

SPLITS = ("train", "val", "test")


class Graphs(NamedTuple):
    """One graph, or several graphs as one that falls apart, and the samples of a split in it."""

    features: Tensor  # (N, F) float, dense or CSR
    edges: Tensor  # (2, E) int64: source, target; along these messages are passed
    graph: Tensor  # (N,) int64: the graph of each node
    pairs: Tensor  # (2, M) int64: pairs of nodes to score; (2, 0) if the samples are no edges
    labels: Tensor  # (M,) int64; of edges: 1 if the edge exists
    index: Tensor  # type: ignore[assignment]  # (M,) int64: the nodes, or positions of edges or graphs in their split


class GraphShape(NamedTuple):
    """What a network must know of its data."""

    task: Task
    features: int  # F
    classes: int  # K
    largest_degree: int


class GraphTraining(LossHistory):
    """Trains a graph network by cross-entropy. The epoch with the best figure on the validation split is kept.

    The figure is accuracy; for edges the area under the ROC curve. Edges that do not exist are drawn anew in each step, as many
    as there are edges in the training split.

    Args:
        encoder: Kind of the two convolutions: ``GCN``, ``GAT`` or ``GraphSAGE`` of torch_geometric.
        hidden: Width of the first layer and of the embeddings; of each head of ``GAT``.
        heads: Attention heads of the first layer of ``GAT``.
        dropout: Probability that an output of the first layer is dropped in training.
        head: Whether embeddings of nodes have ``hidden`` entries and a linear head, or are the logits.
        skip: Whether a linear function of the features is added to the embeddings.
        choice: Split whose figure chooses the epoch. ``test`` is what some released code does: its figures are too good, and it
            is here only to show by how much. ``last``: keep the last epoch.
        every: Epochs between two looks at that split.
        explained: Number of test nodes whose predictions are explained in the report; only for nodes.
        explainer: Who explains them: ``GNNExplainer``, ``PGExplainer``, ``gradient`` or ``random``; a method with masks of its
            own (SES) uses these, whatever is named here.
        optimizer: Makes the optimizer from the trained parameters.
        kwargs: Arguments of :class:`UnlearningModule`.

    Raises:
        UserError: If an option is out of range.
    """

    role: Role = "original"
    train_splits = ("train",)
    report_module = "oro_unlearn.report.graph_report"
    batch_type: Any = Graphs
    whole_batches = True

    def __init__(
        self,
        encoder: Encoder = "GCN",
        hidden: int = 16,
        heads: int = 8,
        dropout: float = 0.5,
        head: bool = False,
        skip: bool = False,
        choice: Literal["validation", "test", "last"] = "validation",
        every: int = 1,
        explained: int = 3,
        explainer: Literal["GNNExplainer", "PGExplainer", "gradient", "random"] = "GNNExplainer",
        optimizer: OptimizerCallable = lambda params: Adam(params, lr=0.01, weight_decay=5e-4),
        **kwargs: Any,
    ) -> None:
        super().__init__(optimizer=optimizer, **kwargs)
        if min(hidden, heads, every) < 1:
            raise UserError(f"--model.hidden, heads and every are at least 1, not {hidden}, {heads} and {every}")
        if not 0 <= dropout < 1:
            raise UserError(f"--model.dropout is a probability in [0, 1), not {dropout}")
        if explained < 0:
            raise UserError(f"--model.explained is a number of nodes, 0 for none, not {explained}")
        self.encoder, self.hidden, self.heads, self.dropout = encoder, hidden, heads, dropout
        self.head, self.skip = head, skip
        self.choice, self.every, self.explained, self.explainer = choice, every, explained, explainer
        self.network: Any = None
        self.best: dict[str, Tensor] = {}  # state of the chosen epoch so far
        self.best_figure, self.best_epoch = -1.0, -1
        self.measurements: dict[str, Any] = {}

    @property
    def data(self) -> "GraphData":
        """The trainer's data module."""
        return cast("GraphData", super().data)

    def check_data(self, data: Any) -> None:
        """Reject data that are no graphs.

        Raises:
            UserError: If the data module has no graphs.
        """
        if "largest_degree" not in dir(data):  # it is read later
            kinds = f"{type(self).__name__} is for graphs, and {type(data).__name__} has none"
            raise UserError(f"{kinds}: choose --data PlanetoidGraph, --data TUGraphs or --data AnyGraph")

    def setup(self, stage: str) -> None:
        """Build the network once; its sizes are those of the data."""
        if self.network is None:
            data = self.data
            self.build(GraphShape(data.task, data.num_features, data.num_classes, data.largest_degree))

    def build(self, shape: GraphShape) -> None:
        """Build everything that is trained.

        Args:
            shape: Sizes of the data.
        """
        out = self.hidden if self.head or shape.task != "node" else shape.classes
        sizes = (self.encoder, shape.features, self.hidden, out, self.heads, self.dropout, self.skip)
        self.task = shape.task
        self.network = GraphNetwork(GraphEncoder(*sizes), shape.task, shape.classes, self.head)

    def forward(self, graphs: Graphs) -> Tensor:
        """Scores of the samples of a batch: logits (M, K) of nodes or graphs, or logits (M,) of edges."""
        return self.chosen(self.network(graphs.features, graphs.edges, graphs.graph, graphs.pairs, len(graphs.labels)), graphs)

    def chosen(self, scores: Tensor, graphs: Graphs) -> Tensor:
        """Scores of the samples of a batch, from those of all its nodes; counted."""
        self.counted(scores, len(graphs.graph))
        return scores[graphs.index] if self.task == "node" else scores

    def losses(self, train: Graphs) -> dict[str, Tensor]:
        """Cross-entropy."""
        train = self.with_negatives(train)
        return {"task": self.task_loss(self(train), train.labels)}

    def task_loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of scores (M, K) or, for edges, (M,)."""
        if self.task == "edge":
            return binary_cross_entropy_with_logits(scores.float(), labels.float())
        return cross_entropy(scores.float(), labels)

    def with_negatives(self, train: Graphs) -> Graphs:
        """The batch with as many drawn pairs of nodes without an edge as it has edges; other samples are left as they are."""
        if self.task != "edge":
            return train
        from torch_geometric.utils import negative_sampling

        count = train.pairs.shape[1]
        drawn = negative_sampling(train.edges, num_nodes=len(train.graph), num_neg_samples=count)
        labels = torch.cat([train.labels, train.labels.new_zeros(drawn.shape[1])])
        return train._replace(pairs=torch.cat([train.pairs, drawn], 1), labels=labels)

    def on_train_epoch_end(self) -> None:
        """Look at the split that chooses the epoch, and keep the state if it is the best so far."""
        super().on_train_epoch_end()
        if self.choice != "last" and (self.current_epoch + 1) % self.every == 0:
            split = "val" if self.choice == "validation" else "test"
            self.keep_best(self.figure(self.data.batches(split)), self.current_epoch)

    def keep_best(self, figure: float, epoch: int) -> None:
        """Keep the state of an epoch if its figure is higher than that of every epoch before."""
        if figure > self.best_figure:
            self.best_figure, self.best_epoch = figure, epoch
            self.best = {name: value.detach().clone() for name, value in self.state_dict().items()}

    def use_best(self) -> None:
        """Go back to the chosen epoch, if there is one."""
        if self.best:
            self.load_state_dict(self.best)

    @torch.no_grad()
    def outputs(self, batches: Iterable[tuple[Any, ...]]) -> tuple[Tensor, Tensor]:
        """Scores (M, K) or (M,) and labels (M,) of batches, on the CPU, without dropout."""
        was = self.training
        self.eval()
        started, self._started = self._started, None  # looking on is not counted
        moved = (Graphs(*(part.to(self.device) for part in parts)) for parts in batches)
        found = [(self(graphs).float().cpu(), graphs.labels.cpu()) for graphs in moved]
        self._started = started
        self.train(was)
        return torch.cat([scores for scores, _ in found]), torch.cat([labels for _, labels in found])

    def figure(self, batches: Iterable[tuple[Any, ...]]) -> float:
        """The figure that chooses the epoch, in [0, 1]."""
        return best_of(*self.outputs(batches))

    def on_fit_end(self) -> None:
        """Use the chosen epoch from here on: it is written and measured."""
        super().on_fit_end()
        self.use_best()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the chosen epoch so far."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["best"] = {"state": self.best, "figure": self.best_figure, "epoch": self.best_epoch}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the chosen epoch so far."""
        super().on_load_checkpoint(checkpoint)
        best = checkpoint.get("best", {})
        self.best = best.get("state", {})
        self.best_figure, self.best_epoch = best.get("figure", -1.0), best.get("epoch", -1)

    def on_test_start(self) -> None:
        """Measure the chosen epoch, in float32 whatever the training precision was."""
        self.float()
        self.use_best()
        self._found: dict[str, list[tuple[Tensor, Tensor]]] = {split: [] for split in SPLITS}

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect the scores of a batch."""
        loaders: Any = self.trainer.test_dataloaders
        self._found[list(loaders)[dataloader_idx]].append(self.outputs([tuple(batch)]))

    def on_test_epoch_end(self) -> None:
        """Collect ``measurements``: figures of every split, losses, and explanations of test nodes."""
        figures: dict[str, float] = {}
        for split, found in self._found.items():
            if found:
                scores, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
                figures |= {f"{split}/{name}": value for name, value in figures_of(scores, labels).items()}
        losses = {
            name: [(number, float(step[name])) for number, step in enumerate(self.history, 1) if name in step]
            for name in self.terms()
        }
        chosen = {"epoch": self.best_epoch, "split": self.choice} if self.best else {}
        self.measurements = {"metrics": {self.role: figures}, "losses": losses, "chosen": chosen}
        if self.explained and self.task == "node":
            self.measurements["explanations"] = self.explanations()
        del self._found

    def explanations(self) -> dict[str, Any]:
        """Explanations of the first test nodes with edges, and what they are worth."""
        from oro_unlearn.methods.graphs.node_explanations import explain_nodes

        graphs = Graphs(*next(iter(self.data.batches("test"))))
        with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=[]):  # masks may be trained
            torch.manual_seed(self.stream("explanations"))
            return explain_nodes(self, graphs, self.explained)

    def own_explainer(self) -> Any:
        """The method's own explanation algorithm; None if it has none."""
        return None

    def write(self, root: Path, notes: dict[str, Any] | None = None) -> None:
        """Write ``model.safetensors``: a plain state dict of the network, with ``notes`` as metadata."""
        save_weights(self.network.state_dict(), root / "model.safetensors", notes)
