"""Explanations of the class of a node or the score of an edge: which features and edges it rests on, by torch_geometric."""

import time
import warnings
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.explain import Explainer, Explanation, GNNExplainer, ModelConfig, PGExplainer
from torch_geometric.explain.algorithm import ExplainerAlgorithm
from torch_geometric.explain.config import MaskType
from torch_geometric.utils import k_hop_subgraph

from oro_unlearn.networks.graphs.graph_network import GraphNetwork
from oro_unlearn.networks.graphs.mask_generator import MaskGenerator
from oro_unlearn.user_error import UserError

Algorithm = Literal["GNNExplainer", "PGExplainer", "gradient", "random"]
HOPS = 2  # layers of the encoder
MODELS = {
    "node": ModelConfig(mode="multiclass_classification", task_level="node", return_type="raw"),
    "edge": ModelConfig(mode="binary_classification", task_level="edge", return_type="raw"),
}


class Surrounding(NamedTuple):
    """The part of a graph on which the class of a node, or the score of an edge, depends."""

    centre: Tensor  # (1,) or (2,) int64: the node, or the two nodes of the edge, in this part
    nodes: Tensor  # (n,) int64, their numbers in the whole graph
    features: Tensor  # (n, F) float, dense
    edges: Tensor  # (2, e) int64, in this part
    places: Tensor  # (e,) int64, of these edges among all edges

    @property
    def scored(self) -> int:
        """Which of the network's scores is explained."""
        return int(self.centre[0]) if len(self.centre) == 1 else 0

    @property
    def pairs(self) -> dict[str, Tensor]:
        """The pair of nodes to score, as an argument of the network; nothing for a node."""
        return {"pairs": self.centre.view(2, 1)} if len(self.centre) == 2 else {}


def surrounding(features: Tensor, edges: Tensor, *centre: int) -> Surrounding:
    """All within three steps of a node or of both nodes of an edge: what two layers read, and the edges that they count.

    Args:
        features: (N, F), dense or CSR.
        edges: (2, E) int64.
        centre: Number of the node, or of the two nodes of an edge.
    """
    count = features.shape[0]
    nodes, part, inside, chosen = k_hop_subgraph(list(centre), HOPS + 1, edges, relabel_nodes=True, num_nodes=count)
    rows = features.index_select(0, nodes) if features.layout == torch.strided else _rows(features, nodes)
    return Surrounding(inside, nodes, rows, part, chosen.nonzero().flatten())


def _rows(features: Tensor, nodes: Tensor) -> Tensor:
    """Dense rows of features in CSR layout."""
    starts, columns, values = features.crow_indices(), features.col_indices(), features.values()
    found = values.new_zeros(len(nodes), features.shape[1])
    for row, node in enumerate(nodes.tolist()):
        part = slice(int(starts[node]), int(starts[node + 1]))
        found[row, columns[part]] = values[part]
    return found


class MaskExplainer(ExplainerAlgorithm):
    """The masks of SES as an explanation algorithm: one forward pass of the generator, for all nodes at once.

    Args:
        generator: A trained mask generator.
    """

    def __init__(self, generator: MaskGenerator) -> None:
        super().__init__()
        self.generator = generator

    @torch.no_grad()
    def forward(self, model: nn.Module, x: Tensor, edge_index: Tensor, **_: Any) -> Explanation:
        """The masks of a graph; ``target`` and ``index`` change nothing."""
        was = self.generator.training
        self.generator.eval()
        hidden = self.generator(x, edge_index)
        mask = self.generator.feature_mask(hidden, x)
        (edge_mask,) = self.generator.pair_mask(hidden, edge_index)
        self.generator.train(was)
        return Explanation(node_mask=mask * (x != 0), edge_mask=edge_mask)

    def supports(self) -> bool:
        """Masks of each feature of each node, and of edges."""
        return self.explainer_config.node_mask_type in (None, MaskType.attributes)


class GradientExplainer(ExplainerAlgorithm):
    """Size of the gradient of the predicted class's logit: with respect to features times features, and to edge masks of 1."""

    def forward(self, model: nn.Module, x: Tensor, edge_index: Tensor, **given: Any) -> Explanation:
        """Masks of a graph, scaled to [0, 1]; ``target`` and ``index`` choose the logit."""
        index, target, pairs = given["index"], given["target"], given.get("pairs")
        features = x.detach().clone().requires_grad_()
        weights = torch.ones(edge_index.shape[1], device=x.device, requires_grad=True)
        with torch.enable_grad():
            logits = model(features, edge_index, pairs=pairs, edge_mask=weights)
            if logits.ndim == 2:
                logits = logits.gather(1, target.view(-1, 1)).squeeze(1)
            (logits if index is None else logits[index]).sum().backward()
        assert features.grad is not None
        of_edges = torch.zeros_like(weights) if weights.grad is None else weights.grad  # a node without edges has none
        return Explanation(node_mask=_scaled(features.grad * x), edge_mask=_scaled(of_edges))

    def supports(self) -> bool:
        """Masks of each feature of each node, and of edges."""
        return self.explainer_config.node_mask_type in (None, MaskType.attributes)


class RandomExplainer(ExplainerAlgorithm):
    """Random masks: what an explanation must beat."""

    def forward(self, model: nn.Module, x: Tensor, edge_index: Tensor, **_: Any) -> Explanation:
        """Uniform masks of the nonzero features and of the edges."""
        mask = torch.rand_like(x) * (x != 0)
        return Explanation(node_mask=mask, edge_mask=torch.rand(edge_index.shape[1], device=x.device))

    def supports(self) -> bool:
        """All masks."""
        return True


def _scaled(values: Tensor) -> Tensor:
    """Sizes divided by the largest; empty for a graph without edges."""
    sizes = values.detach().abs()
    return sizes / sizes.amax().clamp(min=1e-12) if len(sizes) else sizes


def explainer_of(network: GraphNetwork, algorithm: ExplainerAlgorithm) -> Explainer:
    """An explainer of torch_geometric for the classes of nodes, or for edges.

    Args:
        network: The network whose predictions are explained.
        algorithm: Makes the masks.
    """
    only_edges = isinstance(algorithm, PGExplainer)
    kind = "phenomenon" if only_edges else "model"
    masks = {"edge_mask_type": "object", **({} if only_edges else {"node_mask_type": "attributes"})}
    return Explainer(network, algorithm, explanation_type=kind, model_config=MODELS[network.task], **masks)


def algorithm_of(name: Algorithm, network: GraphNetwork, features: Tensor, edges: Tensor, nodes: Tensor) -> ExplainerAlgorithm:
    """An explanation algorithm, ready for use. ``PGExplainer`` is trained on some nodes first.

    Args:
        name: Name of the algorithm.
        network: The network whose predictions are explained.
        features: (N, F), dense or CSR.
        edges: (2, E) int64.
        nodes: (M,) int64, the nodes on which ``PGExplainer`` is trained.

    Raises:
        UserError: If ``PGExplainer`` is to explain edges: that of torch_geometric does not.
    """
    if name == "PGExplainer" and network.task == "edge":
        raise UserError("PGExplainer does not explain edges: choose GNNExplainer or gradient")
    if name == "GNNExplainer":
        return GNNExplainer(epochs=100)
    if name == "PGExplainer":
        return _trained(PGExplainer(epochs=10), network, features, edges, nodes)
    return GradientExplainer() if name == "gradient" else RandomExplainer()


def _trained(algorithm: PGExplainer, network: GraphNetwork, features: Tensor, edges: Tensor, nodes: Tensor) -> PGExplainer:
    """PGExplainer, trained for some epochs on the surroundings of some nodes."""
    explainer_of(network, algorithm)  # tells the algorithm what it explains
    network.eval()
    for epoch in range(algorithm.epochs):
        for node in nodes.tolist():
            near = surrounding(features, edges, node)
            with torch.no_grad():
                target = network(near.features, near.edges).argmax(1)
            with warnings.catch_warnings():  # it makes a float of a loss that has a gradient
                warnings.filterwarnings("ignore", "Converting a tensor with requires_grad=True")
                algorithm.train(epoch, network, near.features, near.edges, target=target, index=near.centre)
    return algorithm


class Explained(NamedTuple):
    """Why a network gives a node its class, or an edge its score."""

    features: Tensor  # (n, F) in [0, 1], of the nodes of the surrounding; ones if the algorithm explains edges alone
    edges: Tensor  # (e,) in [0, 1], of the edges of the surrounding
    seconds: float


def explain(network: GraphNetwork, near: Surrounding, algorithm: ExplainerAlgorithm) -> Explained:
    """Explain one prediction.

    Args:
        network: The network whose prediction is explained.
        near: The part of the graph on which it depends.
        algorithm: Makes the masks, see :func:`algorithm_of`.
    """
    explainer, network = explainer_of(network, algorithm), network.eval()
    target = None
    if explainer.explanation_type.value == "phenomenon":
        target = explainer.get_target(explainer.get_prediction(near.features, near.edges, **near.pairs))
    started = time.perf_counter()
    found = explainer(near.features, near.edges, target=target, index=near.scored, **near.pairs)
    seconds = time.perf_counter() - started
    mask = found.get("node_mask")
    return Explained(torch.ones_like(near.features) if mask is None else mask, found.edge_mask, seconds)


class Altered(NamedTuple):
    """Predictions on a graph and on parts of it, as classes."""

    whole: int
    without_features: int  # the strongest features of the node itself are 0
    without_edges: int  # no messages along the strongest edges
    only_edges: int  # messages along the strongest edges alone


@torch.no_grad()
def altered(network: GraphNetwork, near: Surrounding, found: Explained, features: int = 5, edges: int = 5) -> Altered:
    """What the network predicts if the strongest features or edges are taken away, or nothing else is left.

    Args:
        network: The network whose prediction was explained.
        near: The part of the graph on which it depends.
        found: The explanation.
        features: Number of features of the node (or of both nodes of an edge) that are taken away.
        edges: Number of edges that are taken away, or left.
    """
    network.eval()
    cut = near.features.clone()
    for node in near.centre.tolist():
        own = found.features[node] * (near.features[node] != 0)
        cut[node, own.topk(min(features, len(own))).indices] = 0
    kept = torch.ones_like(found.edges)
    kept[found.edges.topk(min(edges, len(kept))).indices] = 0

    def predicted(values: Tensor, mask: Tensor | None = None) -> int:
        scores = network(values, near.edges, edge_mask=mask, **near.pairs)
        return int(scores[near.scored].argmax()) if scores.ndim == 2 else int(scores[0] > 0)

    return Altered(predicted(near.features), predicted(cut), predicted(near.features, kept), predicted(near.features, 1 - kept))
