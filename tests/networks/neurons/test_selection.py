"""Selections: contrast, union, chance and overlap."""

import pytest
import torch

from oro_unlearn.networks.neurons import overlap, random_paths, select_paths

FORGET = [torch.tensor([[5.0, 4.0, 0.0, -1.0], [5.0, 0.0, 3.0, -1.0]])]
RETAIN = [torch.tensor([[6.0, 0.0, 1.0, -9.0], [4.0, 0.0, 1.0, -9.0]])]


def test_a_selection_is_the_union_of_the_best_of_every_sample():
    assert select_paths(FORGET, None, 1, "none")[0].tolist() == [0]
    assert select_paths(FORGET, None, 2, "none")[0].tolist() == [0, 1, 2]
    assert select_paths(FORGET, None, 9, "none")[0].tolist() == [0, 1, 2], "none with a score of 0 or less"


def test_a_contrast_leaves_out_what_samples_to_keep_need():
    assert select_paths(FORGET, RETAIN, 1, "ratio")[0].tolist() == [1, 2]
    assert select_paths(FORGET, RETAIN, 9, "difference")[0].tolist() == [1, 2], "5 is not above the mean of 6 and 4"
    scaled = [1e-6 * scores for scores in FORGET], [1e-6 * scores for scores in RETAIN]
    assert select_paths(*scaled, 1, "ratio")[0].tolist() == [1, 2]
    with pytest.raises(ValueError, match="samples to keep"):
        select_paths(FORGET, None, 1, "ratio")


def test_random_paths_have_the_sizes_and_follow_the_seed():
    sizes = [(3, 10), (0, 10), (10, 10)]
    drawn = random_paths(sizes, 0)
    assert [len(set(layer.tolist())) for layer in drawn] == [3, 0, 10]
    assert [layer.tolist() for layer in drawn] == [layer.tolist() for layer in random_paths(sizes, 0)]
    assert drawn[0].tolist() != random_paths(sizes, 1)[0].tolist()


def test_overlap():
    nothing = torch.tensor([], dtype=torch.long)
    found = overlap([torch.tensor([1, 2]), nothing, torch.tensor([4])], [torch.tensor([2, 3]), nothing, nothing])
    assert found.layers == [1 / 3, 1.0, 0.0]
    assert found.total == 1 / 4
