"""Losses of GPL and SES as their papers write them, node by node; nothing of the product."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Edges = Sequence[tuple[int, int]]  # (source, target)


def entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of scores (M, K), mean over samples."""
    return torch.stack([scores[row].exp().sum().log() - scores[row, int(labels[row])] for row in range(len(labels))]).mean()


def degree_targets(edges: Edges, nodes: int, largest: int) -> Tensor:
    """log(degree + 1) / log(largest degree), (N,)."""
    counts = [sum(target == node for _, target in edges) for node in range(nodes)]
    return torch.tensor([math.log(count + 1) / math.log(largest) for count in counts])


def neighbour_targets(edges: Edges, nodes: int, largest: int) -> Tensor:
    """How many neighbours of each degree a node has, every column scaled to [0, 1], (N, largest)."""
    degrees = [sum(target == node for _, target in edges) for node in range(nodes)]
    table = torch.zeros(nodes, largest)
    for source, target in edges:
        table[target, degrees[source] - 1] += 1
    low, high = table.min(0).values, table.max(0).values
    return torch.where(high > low, (table - low) / torch.where(high > low, high - low, torch.ones_like(high)), 0.0)


def structure(
    weights: Sequence[float], scores: Tensor, labels: Tensor, found: Sequence[Tensor], wanted: Sequence[Tensor]
) -> Tensor:
    """The sum a NLL + b log2(1 + MSE of degrees) + c ln(1 + MSE of distributions)."""
    errors = [((one - other) ** 2).mean() for one, other in zip(found, wanted, strict=True)]
    a, b, c = weights
    return a * entropy(scores, labels) + b * torch.log2(1 + errors[0]) + c * torch.log(1 + errors[1])


def joint(alpha: float, plain: Tensor, masked: Tensor, labels: Tensor, near: Tensor, apart: Tensor) -> Tensor:
    """(1 - alpha) CE(graph) + alpha (CE(masked graph) + MSE of pair masks from 1 within reach and 0 beyond)."""
    errors = torch.cat([(near - 1) ** 2, apart**2]).mean()
    return (1 - alpha) * entropy(plain, labels) + alpha * (entropy(masked, labels) + errors)


def enhanced(
    beta: float, margin: float, logits: Tensor, train: Sequence[int], labels: Tensor, triplets: Sequence[tuple[int, int, int]]
) -> Tensor:
    """(1 - beta) CE + beta triplet loss, the mean over training nodes of the mean over each node's triplets."""
    each: dict[int, list[Tensor]] = {node: [] for node in train}
    for anchor, positive, negative in triplets:
        near, far = ((logits[anchor] - logits[other] + 1e-6).norm() for other in (positive, negative))
        each[anchor].append((near - far + margin).clamp(min=0))
    means = [torch.stack(values).mean() if values else logits.new_zeros(()) for values in each.values()]
    return (1 - beta) * entropy(logits[list(train)], labels) + beta * torch.stack(means).mean()
