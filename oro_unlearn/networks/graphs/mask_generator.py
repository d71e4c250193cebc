"""SES's mask generator: which features of a node, and which of its edges, a network needs."""

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import dropout

from oro_unlearn.networks.graphs.encoder import Encoder, FirstConvolution
from oro_unlearn.networks.graphs.sparse_features import at_nonzeros


class MaskGenerator(nn.Module):
    """Masks of features and of pairs of nodes, from one convolution (Huang et al., "SES", ICDE 2024, section III).

    A pair's mask is a logistic function of both embeddings, one linear layer for both: so it is a sum of two numbers, one of
    each node, and pairs cost almost nothing. The released code also has a parameter for each pair of nodes that nothing reads.

    Args:
        kind: Kind of the convolution.
        features: Number of features F.
        hidden: Width of its embeddings.
        dropout: Probability that a part of an embedding is dropped in training, for pairs.
    """

    def __init__(self, kind: Encoder, features: int, hidden: int = 128, dropout: float = 0.5) -> None:
        super().__init__()
        self.convolution = FirstConvolution(kind, features, hidden)
        self.between = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU())
        self.of_features = nn.Linear(hidden, features)
        self.of_pairs = nn.Linear(2 * hidden, 1)
        self.dropout = dropout

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Embeddings (N, D) from which both masks are made."""
        return cast(Tensor, self.convolution(features, edges))

    def feature_mask(self, embeddings: Tensor, features: Tensor) -> Tensor:
        """Mask in [0, 1] of the nonzero features: (M,) of features in CSR layout, (N, F) of dense ones."""
        rows = self.between(embeddings)
        logits = at_nonzeros(features, rows, self.of_features.weight)
        columns = self.of_features.bias if logits.ndim == 2 else self.of_features.bias[features.col_indices()]
        return (logits + columns).sigmoid()

    def pair_mask(self, embeddings: Tensor, *pairs: Tensor) -> list[Tensor]:
        """Masks (P,) in [0, 1] of lists of pairs (2, P) of nodes: how much the first matters to the second.

        All lists see the same dropout.
        """
        embeddings = dropout(embeddings, self.dropout, self.training)
        first, second = self.of_pairs.weight.view(2, -1)
        of_first, of_second = embeddings @ first, embeddings @ second
        return [(of_first[one] + of_second[other] + self.of_pairs.bias).sigmoid() for one, other in pairs]
