"""The obvious graph network, for comparison: it is trained on the marked tuples against all others, and on nothing else."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from oro_unlearn.risk.listing import Listing
from oro_unlearn.risk.training import graph_edges

WIDTH, STEPS, NEGATIVES = 64, 150, 512


class DirectNetwork(nn.Module):
    """GraphSAGE over objects and relations, and an MLP on the three embeddings of a tuple and their product."""

    def __init__(self, features: Tensor, edges: Tensor, objects: int) -> None:
        super().__init__()
        from torch_geometric.nn import SAGEConv

        self.features, self.edges, self.objects = features, edges, objects
        self.read, self.drop = nn.Linear(features.shape[1], WIDTH), nn.Dropout(0.3)
        self.layers = nn.ModuleList([SAGEConv(WIDTH, WIDTH) for _ in range(2)])
        self.slots = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(3)])
        self.head = nn.Sequential(nn.Linear(4 * WIDTH, WIDTH), nn.ReLU(), nn.Dropout(0.3), nn.Linear(WIDTH, 1))

    def forward(self, tuples: Tensor) -> Tensor:
        """Logits (B,) of tuples (B, 3)."""
        nodes = self.read(self.drop(self.features))
        for layer in self.layers:
            nodes = nodes + torch.relu(layer(nodes, self.edges))
        places = (tuples[:, 0], tuples[:, 1] + self.objects, tuples[:, 2])
        parts = [layer(nodes[place]) for layer, place in zip(self.slots, places, strict=True)]
        return self.head(torch.cat([*parts, parts[0] * parts[1] * parts[2]], 1))[:, 0]


def directly_trained(listing: Listing, features: Tensor, sizes: Tensor, seed: int) -> Tensor:
    """Logits (T,) of all tuples by a network that was trained on the marks alone."""
    torch.manual_seed(seed)
    network = DirectNetwork(features, graph_edges(listing.graph), len(sizes))
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3, weight_decay=1e-3)
    marked, others = listing.index[listing.unsafe], listing.index[listing.open]
    for _ in range(STEPS):
        drawn = others[torch.randint(len(others), (NEGATIVES,))]
        logits = network(torch.cat([marked, drawn]))
        targets = torch.cat([torch.ones(len(marked)), torch.zeros(len(drawn))])
        losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        loss = losses[: len(marked)].mean() + losses[len(marked) :].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        return network(listing.index)
