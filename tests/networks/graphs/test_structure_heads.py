"""What GPL's heads must predict, by hand: a triangle with a node attached, and a node alone."""

import math

import torch

from oro_unlearn.networks.graphs.structure_heads import degree_distributions, degrees_of, logarithmic, neighbour_degrees

UNDIRECTED = [(0, 1), (1, 2), (0, 2), (2, 3)]
EDGES = torch.tensor([*UNDIRECTED, *((b, a) for a, b in UNDIRECTED)]).T


def test_degrees():
    found = degrees_of(EDGES, 5)
    assert found.tolist() == [2, 2, 3, 1, 0]
    expected = [math.log(degree + 1) / math.log(3) for degree in (2, 2, 3, 1, 0)]
    torch.testing.assert_close(logarithmic(found, 3), torch.tensor(expected))


def test_neighbours_degrees_are_counted_and_scaled_by_column():
    """Node 0 has neighbours of degrees 2 and 3; node 2 two of degree 2 and one of 1; the largest count of a column is 1."""
    found = neighbour_degrees(EDGES, 5, 3)
    expected = [[0, 1, 1], [0, 1, 1], [1, 2, 0], [0, 0, 1], [0, 0, 0]]
    torch.testing.assert_close(found, torch.tensor(expected) / torch.tensor([1.0, 2.0, 1.0]))


def test_distribution_of_graphs():
    """Both graphs hold the same nodes twice: the first has edges, the second has none."""
    graph = torch.tensor([0] * 5 + [1] * 5)
    found = degree_distributions(EDGES, graph, 2, 3)
    torch.testing.assert_close(found, torch.tensor([[0.2, 0.4, 0.2], [0, 0, 0]]))
