"""A graph network that says how likely a tuple belongs to the concept of which a few tuples are marked."""

import math

import torch
from torch import Tensor, nn

from oro_unlearn.user_error import UserError

MISSING = "a graph network needs torch_geometric: pip install 'oro_unlearn[graph]'"
SLOTS = 3
BATCH, PAIRS = 8192, 2**23  # most tuples that are scored at once, and pairs of these with marked tuples


class TupleNetwork(nn.Module):
    """Scores (subject, relation, object) by its evidence in marked tuples, slot by slot and as a whole.

    Two layers of GraphSAGE (Hamilton et al. 2017) over objects and relations give every node an embedding. The similarity of
    two nodes in a slot is a bilinear form of their embeddings minus a learned multiple of their distance in the hierarchy. The
    evidence of a slot is the log-mean-exp of its similarities to the marked tuples, and the whole tuple has such an evidence
    too. A small MLP turns the evidence of unsafe and of safe tuples into a logit.

    Args:
        features: (N + R, D) features of N objects, then of R relations, such as embeddings of their names.
        edges: (2, E) int64, directed edges between nodes.
        distances: (N, N) float32, distance of two objects in the hierarchy, at least 0.
        width: Length H of the embeddings.

    Raises:
        UserError: If torch_geometric is not installed.
    """

    features: Tensor
    edges: Tensor
    distances: Tensor

    def __init__(self, features: Tensor, edges: Tensor, distances: Tensor, width: int = 32) -> None:
        super().__init__()
        try:
            from torch_geometric.nn import SAGEConv
        except ImportError:
            raise UserError(MISSING) from None
        self.objects = len(distances)
        for name, value in (("features", features), ("edges", edges), ("distances", distances)):
            self.register_buffer(name, value, persistent=False)
        self.read = nn.Linear(features.shape[1], width)
        self.layers = nn.ModuleList([SAGEConv(width, width) for _ in range(2)])
        self.keys = nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(SLOTS)])
        self.steepness = nn.Parameter(torch.ones(SLOTS))
        evidence = 2 * (SLOTS + 1) + 2
        self.line = nn.Linear(evidence, 1)
        self.bend = nn.Sequential(nn.Linear(evidence, width), nn.ReLU(), nn.Linear(width, 1))
        last: nn.Linear = self.bend[2]  # type: ignore[assignment]
        with torch.no_grad():  # at first, the score is the evidence of the hierarchy in unsafe tuples
            self.line.weight.zero_()
            self.line.weight[0, : SLOTS + 1] = 1.0
            last.weight.zero_()
            for parameter in self.keys.parameters():
                parameter.mul_(0.1)

    def similarities(self) -> list[Tensor]:
        """Similarity of two nodes in each slot: (N, N) for subjects, (R, R) for relations, (N, N) for objects."""
        nodes = self.read(self.features)
        for layer in self.layers:
            nodes = nodes + torch.relu(layer(nodes, self.edges))
        things, relations = nodes[: self.objects], nodes[self.objects :]
        far = math.log(max(2, len(relations))) * (1 - torch.eye(len(relations), device=nodes.device))
        parts = ((things, self.distances), (relations, far), (things, self.distances))
        return [
            (keys := self.keys[slot](part)) @ keys.T - self.steepness[slot] * distance
            for slot, (part, distance) in enumerate(parts)
        ]

    def forward(self, tuples: Tensor, unsafe: Tensor, safe: Tensor, similar: list[Tensor] | None = None) -> Tensor:
        """Logits of tuples.

        Args:
            tuples: (B, 3) int64, places of subject, relation and object.
            unsafe: (M, 3) int64, tuples marked unsafe, at least one.
            safe: (K, 3) int64, tuples marked safe; may be empty.
            similar: From :meth:`similarities`; computed if not given.

        Returns:
            (B,) float32 logits.
        """
        similar = self.similarities() if similar is None else similar
        positive, negative = (self._evidence(tuples, marked, similar) for marked in (unsafe, safe))
        counts = tuples.new_tensor([len(unsafe), len(safe)]).add(1).log().expand(len(tuples), 2)
        found = torch.cat([positive, negative, counts], 1)
        return (self.line(found) + self.bend(found))[:, 0]

    def _evidence(self, tuples: Tensor, marked: Tensor, similar: list[Tensor]) -> Tensor:
        """Evidence of subject, relation, object and whole tuple, (B, 4); 0 without marked tuples."""
        if not len(marked):
            return similar[0].new_zeros(len(tuples), SLOTS + 1)
        to_marked = [table[:, marked[:, slot]] for slot, table in enumerate(similar)]  # (nodes, M) each
        parts = [table.logsumexp(1)[tuples[:, slot]] for slot, table in enumerate(to_marked)]
        whole = sum(table[tuples[:, slot]] for slot, table in enumerate(to_marked))
        return torch.stack([*parts, torch.as_tensor(whole).logsumexp(1)], 1) - math.log(len(marked))

    @torch.no_grad()
    def scored(self, tuples: Tensor, unsafe: Tensor, safe: Tensor) -> Tensor:
        """Logits of any number of tuples, in batches; arguments as in :meth:`forward`."""
        similar = self.similarities()
        size = max(1, min(BATCH, PAIRS // max(1, len(unsafe), len(safe))))
        return torch.cat([self(part, unsafe, safe, similar) for part in tuples.split(size)])
