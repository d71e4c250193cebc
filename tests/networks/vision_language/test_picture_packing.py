"""Rows of a batch and their pictures stay together."""

import pytest
import torch

from oro_unlearn.networks import VisionLanguage
from oro_unlearn.networks.vision_language.picture_packing import entries_per_picture, select_rows
from tests.networks.vision_language.tiny_models import FAMILIES, QUESTIONS, picture


@pytest.mark.parametrize("rows", [[2, 0, 1], [0, 0, 2], [1], [2, 2], [1, 1, 0]])
def test_chosen_rows_keep_their_losses(network, rows):
    inputs = network.collate(QUESTIONS)
    losses = network.answer_losses(inputs)
    chosen = network.select(inputs, torch.tensor(rows))
    torch.testing.assert_close(network.answer_losses(chosen), losses[rows], rtol=1e-4, atol=1e-4)


def test_a_choice_of_a_choice(network):
    inputs = network.collate(QUESTIONS)
    twice = network.select(network.select(inputs, torch.tensor([2, 0, 1])), torch.tensor([1, 0]))
    once = network.select(inputs, torch.tensor([0, 2]))
    assert twice.keys() == once.keys()
    for name, tensor in once.items():
        assert torch.equal(twice[name], tensor)


def test_pictures_in_a_varying_number_of_parts():
    """Row 0 has two parts, row 1 none, row 2 one."""
    inputs = {
        "input_ids": torch.tensor([[1], [2], [3]]),
        "pixel_values": torch.tensor([[10], [11], [30]]),
        "count/pixel_values": torch.tensor([2, 0, 1]),
    }
    chosen = select_rows(inputs, torch.tensor([2, 0, 1, 0]))
    assert chosen["pixel_values"].flatten().tolist() == [30, 10, 11, 10, 11]
    assert chosen["count/pixel_values"].tolist() == [1, 2, 0, 2]
    assert select_rows(inputs, torch.tensor([1])).keys() == {"input_ids"}


def test_the_length_of_a_tensor_shows_what_belongs_to_a_picture():
    patches = {"pixel_values": torch.zeros(10, 3), "image_grid_thw": torch.tensor([[1, 2, 2], [1, 2, 3]])}
    counts = entries_per_picture(patches, 2)
    assert counts is not None
    assert counts["pixel_values"].tolist() == [4, 6]
    assert counts["image_grid_thw"].tolist() == [1, 1]
    assert entries_per_picture({"pixel_values": torch.zeros(5, 3, 8, 8)}, 2) is None


@pytest.mark.parametrize("family", ["internvl", "qwen2_5_vl"])
def test_pictures_of_different_shapes(family, tmp_path):
    """One picture is cut into several tiles, or has more patches than another."""
    network = VisionLanguage(str(FAMILIES[family](tmp_path)))
    wide = QUESTIONS[0]._replace(image=picture("green").resize((128, 32)))
    questions = [wide, *QUESTIONS]
    inputs = network.collate(questions)
    counts = inputs["count/pixel_values"].tolist()
    assert counts[0] > counts[1] > counts[2] == 0
    alone = torch.cat([network.answer_losses(network.collate([question])) for question in questions])
    torch.testing.assert_close(network.answer_losses(inputs), alone, rtol=1e-4, atol=1e-4)
    rows = torch.tensor([3, 0, 1, 0])
    torch.testing.assert_close(network.answer_losses(network.select(inputs, rows)), alone[rows], rtol=1e-4, atol=1e-4)
