"""Pairs and triplets of SES, on a line of six nodes."""

import torch

from oro_unlearn.methods.graphs.neighbourhoods import pairs_apart, pairs_within, strongest, unlike

LINE = [(number, number + 1) for number in range(5)]
EDGES = torch.tensor([*LINE, *((b, a) for a, b in LINE)]).T


def test_pairs_within_two_steps():
    found = set(map(tuple, pairs_within(EDGES, 6, 2).T.tolist()))
    assert found == {(a, b) for a in range(6) for b in range(6) if 0 < abs(a - b) <= 2}


def test_pairs_apart_are_none_of_these_and_always_the_same():
    near = pairs_within(EDGES, 6, 2)
    found = pairs_apart(near, 6, 8, seed=0)
    assert all(abs(a - b) > 2 for a, b in found.T.tolist())
    assert torch.equal(found, pairs_apart(near, 6, 8, seed=0))
    assert not torch.equal(found, pairs_apart(near, 6, 8, seed=1))


def test_a_whole_graph_has_no_pair_apart():
    near = pairs_within(EDGES, 6, 5)
    assert pairs_apart(near, 6, 4, seed=0).shape == (2, 0)


def test_the_strongest_neighbours_by_mask_and_degree():
    """Node 2 has the neighbours 0, 1, 3 and 4 within two steps; masks divided by degrees are 0.2, 0.1, 0.4 and 0.3."""
    near = torch.tensor([[2, 2, 2, 2, 0], [0, 1, 3, 4, 1]])
    degrees = torch.tensor([1, 2, 2, 2, 2, 1])
    mask = torch.tensor([0.2, 0.2, 0.8, 0.6, 1.0])
    anchors, chosen = strongest(near, mask, degrees, torch.tensor([2]), share=0.5)
    assert anchors.tolist() == [2, 2, 2]  # half of four, and one more
    assert chosen.tolist() == [3, 4, 0]


def test_negatives_are_far_and_of_another_known_class():
    near = pairs_within(EDGES, 6, 1)
    labels = torch.tensor([0, -1, 1, 0, -1, 1])
    found = unlike(torch.tensor([0] * 40), near, labels, seed=0)
    assert set(found.tolist()) == {2, 4, 5}  # not itself, not 1 beside it, not 3 of the same class
