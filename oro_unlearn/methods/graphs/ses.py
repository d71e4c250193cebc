"""SES: a graph network trained together with masks that explain it, and then with pairs made from these masks."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, triplet_margin_loss
from torch.optim import Optimizer

from oro_unlearn.methods.graphs.graph_training import Graphs, GraphShape, GraphTraining
from oro_unlearn.methods.graphs.neighbourhoods import pairs_apart, pairs_within, strongest, unlike
from oro_unlearn.networks.graphs import MaskGenerator
from oro_unlearn.networks.graphs.structure_heads import degrees_of
from oro_unlearn.user_error import UserError, options_of


class _Triplets(NamedTuple):
    """What the second phase reads of the masks, which no longer change."""

    mask: Tensor  # of the nonzero features
    edge_mask: Tensor  # (E,)
    anchors: Tensor  # (T,) int64
    positives: Tensor  # (T,) int64
    negatives: Tensor  # (T,) int64
    weights: Tensor  # (T,) float; the triplets of each anchor have the same sum, and all have the sum 1


class SES(GraphTraining):
    """Self-explained and self-supervised graph networks (Huang et al., ICDE 2024), for classes of nodes.

    In the first phase a mask generator is trained with the network: masked features and edges must give the same classes, and
    pairs of nodes within some hops must have masks near 1, others near 0. In the second phase the network reads the masked
    graph, and a triplet loss draws each training node to the neighbours that the masks name, and away from others. Predictions
    are made on the graph as it is.

    Args:
        joint_epochs: Epochs of the first phase; all later ones are of the second.
        alpha: Weight of the masks' losses in the first phase, in [0, 1].
        beta: Weight of the triplet loss in the second phase, in [0, 1].
        hops: Largest distance of a neighbour.
        positive_share: Share of the neighbours that are positives, in (0, 1].
        margin: Margin of the triplet loss.
        mask_hidden: Width of the mask generator.
        mask_rate: Learning rate of the mask generator, as a part of the optimizer's.
        official: What the released code does: the triplet loss has no gradient, and the test split chooses the epoch. Only to
            compare.
        kwargs: Arguments of :class:`GraphTraining`.

    Raises:
        UserError: If an option is out of range.
    """

    def __init__(
        self,
        joint_epochs: int = 300,
        alpha: float = 0.7,
        beta: float = 0.7,
        hops: int = 2,
        positive_share: float = 0.8,
        margin: float = 1.0,
        mask_hidden: int = 128,
        mask_rate: float = 1 / 3,
        official: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not (0 <= alpha <= 1 and 0 <= beta <= 1 and 0 < positive_share <= 1):
            raise UserError(
                f"--model.alpha, beta and positive_share are shares in [0, 1], not {alpha}, {beta} and {positive_share}"
            )
        if min(joint_epochs, hops, mask_hidden) < 1 or mask_rate <= 0:
            raise UserError("--model.joint_epochs, hops and mask_hidden are at least 1, and mask_rate is above 0")
        self.joint_epochs, self.alpha, self.beta, self.hops = joint_epochs, alpha, beta, hops
        self.positive_share, self.margin, self.mask_hidden, self.mask_rate = positive_share, margin, mask_hidden, mask_rate
        self.official = official
        self.choice = "test" if official else self.choice
        self._pairs: tuple[Tensor, Tensor] | None = None  # near and apart
        self._triplets: _Triplets | None = None

    def check_data(self, data: Any) -> None:
        """Reject data without classes of nodes.

        Raises:
            UserError: If the samples are no nodes.
        """
        super().check_data(data)
        if data.task != "node":
            raise UserError(f"SES explains classes of nodes, and --data.task is {data.task}: choose node, or --model GPL")

    def build(self, shape: GraphShape) -> None:
        """Build the network and its mask generator."""
        super().build(shape)
        self.generator = MaskGenerator(self.encoder, shape.features, self.mask_hidden, self.dropout)

    def configure_optimizers(self) -> Any:
        """One optimizer; the mask generator has its own learning rate."""
        with options_of("--model.optimizer"):
            groups = [{"params": list(part.parameters())} for part in (self.network, self.generator)]
            optimizer: Optimizer = self.optimizer(groups)  # type: ignore[arg-type]
        optimizer.param_groups[1]["lr"] *= self.mask_rate
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer)}

    def losses(self, train: Graphs) -> dict[str, Tensor]:
        """Phase 1: ``task``, ``masked`` and ``subgraph``. Phase 2: ``task`` and ``triplet``. Each with its weight."""
        return self.losses_at(train, self.current_epoch)

    def losses_at(self, train: Graphs, epoch: int) -> dict[str, Tensor]:
        """The losses in an epoch, counted from 0."""
        return self.joint_losses(train) if epoch < self.joint_epochs else self.enhanced_losses(train)

    def joint_losses(self, train: Graphs) -> dict[str, Tensor]:
        """The first phase: the network and its masks."""
        near, apart = self.pairs(train)
        hidden = self.generator(train.features, train.edges)
        mask = self.generator.feature_mask(hidden, train.features)
        edge_mask, of_near, of_apart = self.generator.pair_mask(hidden, train.edges, near, apart)
        masked = self.chosen(self.network(train.features, train.edges, mask=mask, edge_mask=edge_mask), train)
        errors = ((1 - of_near) ** 2).sum() + (of_apart**2).sum()
        return {
            "task": (1 - self.alpha) * cross_entropy(self(train).float(), train.labels),
            "masked": self.alpha * cross_entropy(masked.float(), train.labels),
            "subgraph": self.alpha * errors / max(1, len(of_near) + len(of_apart)),
        }

    def enhanced_losses(self, train: Graphs) -> dict[str, Tensor]:
        """The second phase: the network on the masked graph, and triplets of its logits."""
        given = self._triplets = self._triplets or self.triplets(train)
        logits = self.network(train.features, train.edges, mask=given.mask, edge_mask=given.edge_mask)
        near, far = logits[given.positives], logits[given.negatives]
        each = triplet_margin_loss(logits[given.anchors], near, far, margin=self.margin, reduction="none")
        triplet = (each * given.weights).sum()
        task = cross_entropy(self.chosen(logits, train).float(), train.labels)
        if self.official:  # the released loss is the cross-entropy alone
            return {"task": task, "triplet": self.beta * (triplet - triplet).detach()}
        return {"task": (1 - self.beta) * task, "triplet": self.beta * triplet}

    def pairs(self, train: Graphs) -> tuple[Tensor, Tensor]:
        """Pairs of nodes within :attr:`hops` steps, and as many random pairs that are not; the same in the whole run."""
        if self._pairs is None:
            nodes = len(train.graph)
            near = pairs_within(train.edges, nodes, self.hops)
            self._pairs = near, pairs_apart(near, nodes, near.shape[1], self.stream("pairs apart"))
        return self._pairs

    @torch.no_grad()
    def masks(self, graphs: Graphs, *pairs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The mask of the nonzero features, and masks of pairs of nodes, without dropout."""
        was = self.training
        self.generator.eval()
        hidden = self.generator(graphs.features, graphs.edges)
        found = self.generator.feature_mask(hidden, graphs.features), self.generator.pair_mask(hidden, *pairs)
        self.generator.train(was)
        return found

    def triplets(self, train: Graphs) -> _Triplets:
        """The masks at the end of the first phase, and the triplets that they give."""
        near, _ = self.pairs(train)
        mask, (edge_mask, of_near) = self.masks(train, train.edges, near)
        degrees = degrees_of(train.edges, len(train.graph))
        anchors, positives = strongest(near, of_near, degrees, train.index, self.positive_share)
        labels = torch.full_like(train.graph, -1).index_copy(0, train.index, train.labels)
        negatives = unlike(anchors, near, labels, self.stream("negatives"))
        counts = torch.bincount(anchors, minlength=len(train.graph))
        weights = 1 / counts[anchors].float() / max(1, len(train.index))
        return _Triplets(mask, edge_mask, anchors, positives, negatives, weights)

    def own_explainer(self) -> Any:
        """The masks as an explanation algorithm of torch_geometric."""
        from oro_unlearn.networks.graphs.explaining import MaskExplainer

        return MaskExplainer(self.generator)
