"""Pairs of nodes for SES: those within some hops of each other, those that are not, and triplets made from masks."""

import numpy as np
import torch
from torch import Tensor


def pairs_within(edges: Tensor, nodes: int, hops: int) -> Tensor:
    """Pairs (2, P) int64 of different nodes of which the second is reached from the first in at most some steps, sorted.

    Args:
        edges: (2, E) int64.
        nodes: Number of nodes N.
        hops: Number of steps, at least 1.
    """
    from scipy.sparse import csr_array

    ends = edges.cpu().numpy()
    step = csr_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(nodes, nodes))
    reached = found = step
    for _ in range(hops - 1):
        reached = reached @ step
        found = found + reached
    pairs = torch.as_tensor(np.stack(found.tocsr().sorted_indices().nonzero()), dtype=torch.int64)
    return pairs[:, pairs[0] != pairs[1]].to(edges.device)


def pairs_apart(near: Tensor, nodes: int, count: int, seed: int) -> Tensor:
    """Random pairs (2, count) int64 of different nodes that are not among given pairs; fewer if hardly any are left.

    Args:
        near: (2, P) int64 pairs to leave out.
        nodes: Number of nodes N.
        count: Number of pairs.
        seed: Seed of the choice.
    """
    draw = torch.Generator().manual_seed(seed)
    taken, found = (near[0] * nodes + near[1]).cpu(), torch.empty(0, dtype=torch.int64)
    for _ in range(20):
        codes = torch.randint(nodes * nodes, (count,), generator=draw)
        codes = codes[(codes // nodes != codes % nodes) & ~torch.isin(codes, taken)]
        found = torch.cat([found, codes])[:count]
        if len(found) == count:
            break
    return torch.stack([found // nodes, found % nodes]).to(near.device)


def strongest(near: Tensor, mask: Tensor, degrees: Tensor, anchors: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The neighbours that matter most to each anchor: the largest mask / degree of the neighbour, and one more.

    Args:
        near: (2, P) int64 pairs of an anchor and a neighbour.
        mask: (P,) in [0, 1], of these pairs.
        degrees: (N,) int64.
        anchors: (A,) int64, nodes.
        share: Share of an anchor's neighbours that are taken, in (0, 1].

    Returns:
        Anchors (T,) and their neighbours (T,); the triplets of one anchor are together.
    """
    wanted = torch.zeros(len(degrees), dtype=torch.bool, device=near.device)
    wanted[anchors] = True
    kept = wanted[near[0]]
    first, second, value = near[0][kept], near[1][kept], (mask / degrees[near[1]].clamp(min=1))[kept]
    order = torch.argsort(value, descending=True, stable=True)
    order = order[torch.argsort(first[order], stable=True)]
    first, second = first[order], second[order]
    counts = torch.bincount(first, minlength=len(degrees))
    rank = torch.arange(len(first), device=near.device) - (counts.cumsum(0) - counts)[first]
    taken = rank < (counts * share).long()[first] + 1
    return first[taken], second[taken]


def unlike(anchors: Tensor, near: Tensor, labels: Tensor, seed: int, tries: int = 50) -> Tensor:
    """A random node for each anchor (T,) that is not near it and, as far as labels are known, of another class.

    Args:
        anchors: (T,) int64.
        near: (2, P) int64 pairs of an anchor and a neighbour.
        labels: (N,) int64; -1 for nodes whose label training must not see.
        seed: Seed of the choice.
        tries: Draws after which a node is kept although it is near or alike (a small or a dense graph).
    """
    draw, nodes = torch.Generator().manual_seed(seed), len(labels)
    taken = (near[0] * nodes + near[1]).unique()
    drawn = torch.randint(nodes, (len(anchors),), generator=draw).to(anchors.device)
    for _ in range(tries):
        alike = (labels[drawn] == labels[anchors]) & (labels[drawn] >= 0)
        again = alike | (drawn == anchors) | torch.isin(anchors * nodes + drawn, taken, assume_unique=False)
        drawn = torch.where(again, torch.randint(nodes, (len(anchors),), generator=draw).to(anchors.device), drawn)
        if not again.any():
            break
    return drawn
