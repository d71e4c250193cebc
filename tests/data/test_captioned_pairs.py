"""Pretraining on the pictures of a folder: which are read, and what is said of them."""

import pytest
import torch

from oro_unlearn.data.relations.captioned_pairs import CaptionedPairs
from oro_unlearn.methods import Pretraining
from oro_unlearn.methods.relations.pretraining import CaptionedPictures
from tests.data.relation_world import pairs_of
from tests.small_world import fit, method


@pytest.fixture
def data(folder):
    return pairs_of(folder, image_size=64)


def test_every_training_picture_is_read_whatever_its_role(data):
    pool = data.split("train")
    assert isinstance(pool, CaptionedPairs)
    assert len(pool) == sum(row.split == "train" for row in data.rows) == 24
    assert {("child", "eating", "hamburger"), ("child",), ("dog", "holding", "ball"), ("a landscape painting",)} <= set(
        pool.shown
    )


def test_pictures_without_a_caption_are_said_in_many_words(data):
    pool, positions = data.split("train"), list(range(24))
    found: list[list[str]] = []
    for seed in (0, 0, 1, 2, 3):
        torch.manual_seed(seed)
        images, captions, said, slots, index = pool.__getitems__(positions)
        found.append(captions)
    assert (images.shape, index.tolist()) == ((24, 3, 64, 64), positions)
    assert torch.equal(said, slots)
    assert found[0] == found[1], "of one epoch"
    assert len({captions[0] for captions in found}) > 1
    assert {captions[-1] for captions in found} == {"a landscape painting"}, "the user's own"
    torch.manual_seed(0)
    state = torch.get_rng_state()
    pool.__getitems__([0])
    assert torch.equal(torch.get_rng_state(), state), "training's random numbers stay what they are"


def test_a_step_of_pretraining_learns_from_a_folder(data):
    module = method(Pretraining)
    before = [parameter.detach().clone() for parameter in (module.make_network()).parameters()]
    trainer = fit(module, data, steps=1)
    assert trainer.global_step == 1
    assert any(not torch.equal(old, new) for old, new in zip(before, module.network.parameters(), strict=True))
    assert data.inventory()["pictures"]["train"] == {"unsafe": 6, "nodes": 6, "edges": 8, "neutral": 4}


def test_captions_that_name_nothing_of_the_graph_are_negatives_of_each_other(data):
    module = method(Pretraining)
    fit(module, data, steps=1)
    last = len(data.graph.objects) - 1
    slots = torch.tensor([[-1, -1, -1], [-1, -1, -1], [-1, -1, -1], [last, -1, -1], [last, -1, -1]])
    captions = ["a harbour", "a harbour", "the sea", "a ball", "the ball"]
    train = CaptionedPictures(torch.empty(5, 0), captions, slots, slots, torch.arange(5))
    expected = torch.block_diag(torch.ones(2, 2), torch.ones(1, 1), torch.ones(2, 2)).bool()
    assert torch.equal(module._also_true(train), expected)
