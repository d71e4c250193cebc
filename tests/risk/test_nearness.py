"""Rankings without training."""

import math

import pytest
import torch

from oro_unlearn.risk import list_tuples
from oro_unlearn.risk.nearness import common_sizes, hierarchy_nearness, slot_nearness, text_nearness
from tests.risk.conftest import MARKS


def test_sizes_of_the_closest_common_ancestors(marked):
    graph = marked(*MARKS)
    names, sizes = list(graph.objects), common_sizes(graph)

    def size(one: str, other: str) -> float:
        return float(sizes[names.index(one), names.index(other)])

    assert (size("child", "child"), size("child", "baby"), size("child", "adult"), size("wine", "milk")) == (1, 2, 3, 3)
    assert size("child", "stone") == size("stone", "wine") == 7, "no common ancestor: all concrete objects"
    assert torch.equal(sizes, sizes.T)


def test_the_smallest_tuple_above_both_decides(marked):
    listing = list_tuples(marked("{edge: child drinking wine, status: unsafe}"))
    near = dict(zip(map(str, listing.triples), hierarchy_nearness(listing, common_sizes(listing.graph)), strict=True))
    assert near["child drinking wine"] == 0
    assert near["child drinking beer"] == pytest.approx(-1.001 * math.log(2), abs=1e-5)
    assert near["adult drinking milk"] == pytest.approx(-1.001 * math.log(9), abs=1e-5)
    assert near["child holding wine"] == pytest.approx(-1.001 * math.log(3), abs=1e-5)


def test_slots_are_compared_with_all_unsafe_tuples(marked):
    listing = list_tuples(marked(*MARKS))
    near = dict(zip(map(str, listing.triples), slot_nearness(listing, common_sizes(listing.graph)), strict=True))
    expected = 2 * math.log(1 + 1 / 2) + math.log(1 + 1 / 3)
    assert near["child holding wine"] == pytest.approx(expected, abs=1e-5)
    assert near["child holding wine"] > near["adult holding wine"] > near["adult holding milk"] > near["adult holding stone"]


def test_text_is_the_largest_cosine(marked):
    listing = list_tuples(marked(*MARKS))
    captions = torch.nn.functional.normalize(
        torch.randn(len(listing.triples), 4, generator=torch.Generator().manual_seed(1)), dim=1
    )
    near = text_nearness(listing, captions)
    assert torch.allclose(near[listing.unsafe], torch.ones(2))
    assert float(near[0]) == pytest.approx(max(float(captions[0] @ captions[place]) for place in listing.unsafe), abs=1e-6)


@pytest.mark.parametrize("ranking", [hierarchy_nearness, slot_nearness])
def test_a_symmetric_relation_is_read_in_both_directions(marked, ranking):
    listing = list_tuples(marked("{edge: baby next to wine, status: unsafe}"))
    sizes = common_sizes(listing.graph)
    near = dict(zip(map(str, listing.triples), ranking(listing, sizes), strict=True))
    assert near["child next to wine"] > near["adult next to wine"]
    mirrored = list_tuples(marked("{edge: wine next to baby, status: unsafe}"))
    assert torch.equal(ranking(mirrored, sizes), ranking(listing, sizes))
    assert listing.unsafe_index[:, [2, 1, 0]].tolist() == listing.unsafe_index.flip(0).tolist()
