"""Two graph convolutions of torch_geometric that make an embedding of every node."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from torch import Tensor, nn
from torch.nn.functional import dropout

from oro_unlearn.networks.graphs.sparse_features import features_times

Encoder = Literal["GCN", "GAT", "GraphSAGE"]
ENCODERS: tuple[Encoder, ...] = get_args(Encoder)


class FirstConvolution(nn.Module):
    """A convolution that reads node features. Its product with the features is made before messages are passed.

    This is the same function as the convolution alone, because messages are sums of features times weights. The product may
    then be sparse, see :func:`features_times`.

    Args:
        kind: ``GCN``, ``GAT`` or ``GraphSAGE``.
        features: Number of features F.
        width: Outputs of the layer; of each head of ``GAT``.
        heads: Attention heads of ``GAT``.
    """

    def __init__(self, kind: Encoder, features: int, width: int, heads: int = 1) -> None:
        super().__init__()
        self.layer = _convolution(kind, features, width, heads)
        parts = ("lin_l", "lin_r") if kind == "GraphSAGE" else ("lin",)
        weights = [getattr(self.layer, part).weight for part in parts]
        if kind == "GraphSAGE":
            self.layer.lin_l = _Bias(self.layer.lin_l.bias)
            self.layer.lin_r = nn.Identity()
        else:
            self.layer.lin = nn.Identity()
        self.weights = nn.ParameterList(weights)

    def forward(self, features: Tensor, edges: Tensor, mask: Tensor | None = None) -> Tensor:
        """Outputs (N, D).

        Args:
            features: (N, F), dense or CSR.
            edges: (2, E) int64: source, target.
            mask: Factors of the nonzero features; None: no mask.
        """
        products = tuple(features_times(features, weight, mask) for weight in self.weights)
        found: Tensor = self.layer(products if len(products) > 1 else products[0], edges)
        return found


class _Bias(nn.Module):
    """Adds a bias: what is left of a linear layer whose product was made before."""

    def __init__(self, bias: nn.Parameter) -> None:
        super().__init__()
        self.bias = bias

    def forward(self, values: Tensor) -> Tensor:
        """Values (N, D) with the bias (D,)."""
        return values + self.bias


class GraphEncoder(nn.Module):
    """Embeddings (N, H): two convolutions with dropout between them and, if asked for, a linear skip from the features.

    Args:
        kind: ``GCN``, ``GAT`` or ``GraphSAGE``, the convolutions of torch_geometric.
        features: Number of node features F.
        hidden: Width H of the embeddings and of the first layer; of each head of ``GAT``'s first layer.
        out: Width of the embeddings, if it differs from ``hidden``.
        heads: Attention heads of the first layer of ``GAT``.
        dropout: Probability that an output of the first layer is dropped in training.
        skip: Whether a linear function of the features is added to the embeddings.
    """

    def __init__(
        self,
        kind: Encoder,
        features: int,
        hidden: int = 16,
        out: int = 0,
        heads: int = 8,
        dropout: float = 0.5,
        skip: bool = False,
    ) -> None:
        super().__init__()
        between = hidden * heads if kind == "GAT" else hidden
        self.first = FirstConvolution(kind, features, hidden, heads)
        self.second = _convolution(kind, between, out or hidden)
        self.skip = nn.Linear(features, out or hidden) if skip else None
        self.activation = nn.ELU() if kind == "GAT" else nn.ReLU()
        self.kind, self.dropout, self.width = kind, dropout, out or hidden

    def forward(self, features: Tensor, edges: Tensor, mask: Tensor | None = None, edge_mask: Tensor | None = None) -> Tensor:
        """Embeddings (N, H).

        Args:
            features: (N, F), dense or CSR.
            edges: (2, E) int64: source, target.
            mask: Factors of the nonzero features.
            edge_mask: (E,) factors of the messages; messages of a node to itself are never masked.
        """
        with _masked(self, edges, edge_mask):
            hidden = self.activation(self.first(features, edges, mask))
            embeddings: Tensor = self.second(dropout(hidden, self.dropout, self.training), edges)
        if self.skip is not None:
            embeddings = embeddings + features_times(features, self.skip.weight, mask) + self.skip.bias
        return embeddings


def _convolution(kind: Encoder, inputs: int, width: int, heads: int = 1) -> Any:
    """A convolution of torch_geometric; the input width is known, so that no layer is lazy."""
    from torch_geometric.nn import GATConv, GCNConv, SAGEConv

    if kind == "GAT":
        return GATConv(inputs, width, heads=heads)
    return (SAGEConv if kind == "GraphSAGE" else GCNConv)(inputs, width)


@contextmanager
def _masked(network: nn.Module, edges: Tensor, edge_mask: Tensor | None) -> Iterator[None]:
    """Multiply the messages in this block by a mask, by torch_geometric's own mechanism; None: leave masks as they are."""
    if edge_mask is None:
        yield
        return
    from torch_geometric.explain.algorithm.utils import clear_masks, set_masks

    set_masks(network, edge_mask, edges, apply_sigmoid=False)
    try:
        yield
    finally:
        clear_masks(network)
