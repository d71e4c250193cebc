"""Attacks on the weights of a CLIP model: what each changes, by hand."""

from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import nn

from oro_unlearn.attacks.relations import Captioned, contrastive, halves, prune, quantise, relearn, shift, weight_evidence
from oro_unlearn.networks import OpenCLIP
from tests.small_world import write_weights


def layer(*rows: list[float]) -> nn.Linear:
    made = nn.Linear(len(rows[0]), len(rows))
    made.weight.data = torch.tensor(rows)
    return made


def test_weights_on_the_grid_of_their_channel_stay_and_others_go_to_the_nearest_value():
    exact = layer([-127.0, 3.0, 64.0], [1.27, 0.02, -0.5], [0.0, 0.0, 0.0])
    before, bias = exact.weight.clone(), exact.bias.clone()
    quantise(exact, 8)
    assert torch.allclose(exact.weight, before, rtol=1e-6)
    quantise(exact, 4)
    steps = before.abs().amax(1, keepdim=True) / 7
    assert torch.allclose(exact.weight, (before / steps.clamp(min=1e-9)).round() * steps)
    assert torch.equal(exact.bias, bias)
    assert not torch.allclose(exact.weight, before, rtol=1e-2)


def test_the_smallest_weights_of_all_layers_go_and_a_part_of_the_edit_stays():
    network = nn.Sequential(layer([0.1, -0.9, 0.4, 0.8]), layer([0.2], [-0.3], [0.7], [0.6]))
    original = nn.Sequential(layer([0.1, -0.5, 0.4, 0.8]), layer([0.2], [-0.3], [0.7], [0.6]))
    original.load_state_dict({**original.state_dict(), "0.bias": network[0].bias, "1.bias": network[1].bias})
    whole = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    shift(network, original, 1.0)
    assert all(torch.equal(tensor, whole[name]) for name, tensor in network.state_dict().items())
    shift(network, original, 0.5)
    assert network[0].weight.tolist() == [pytest.approx([0.1, -0.7, 0.4, 0.8])]
    prune(network, 0.5)
    assert network[0].weight.tolist() == [pytest.approx([0, -0.7, 0, 0.8])]
    assert network[1].weight[:, 0].tolist() == pytest.approx([0, 0, 0.7, 0.6])
    assert network.state_dict().keys() == whole.keys(), "no mask is left"


class Picture(NamedTuple):
    context: str = ""
    style: str = ""


def test_figures_are_of_pictures_that_no_search_saw_and_compete_with_safe_captions():
    """Gallery: an unsafe caption, a second one, a neighbour's, and a thing's."""
    concepts = torch.tensor([0, 1, 2, 3] * 6)
    probes = SimpleNamespace(
        pictures=[Picture()] * 20 + [Picture(style="grey")] * 4, picture_concept=concepts, concepts=["aea", "beb", "cec", "d"],
        unsafe=[0, 1], forgotten=[], neighbours={"relation": [2]}, texts=[],
    )  # fmt: skip
    evidence = weight_evidence(probes, 0, (99, 99))
    searched, held_out = halves(probes, 0)
    assert set(evidence.unsafe.tolist()) == set(held_out.unsafe.tolist())
    assert set(evidence.kept.tolist()) == set(held_out.near.tolist()) | {3, 7, 11, 15, 19}
    assert not set(evidence.rows.tolist()) & set(torch.cat([searched.unsafe, searched.near]).tolist())
    images = torch.tensor([[0.5, 0.9, 0.4, 0.1], [0.9, 0.5, 0.6, 0.1], [0.9, 0.9, 0.5, 0.6], [0.9, 0.9, 0.1, 0.6]])
    found = evidence.judge(images[concepts[evidence.rows]], torch.eye(4))
    first = float((concepts[evidence.unsafe] == 0).double().mean())
    assert found["r1"] == pytest.approx(first), "the other unsafe caption does not compete, the neighbour's does"
    assert found["r5"] == 1
    assert found["kept_r1"] == pytest.approx(float((concepts[evidence.kept] == 3).double().mean()))
    assert evidence.judge(images[concepts[evidence.rows]] * torch.nan, torch.eye(4)) == {}, "a broken model finds nothing"


def test_relearning_lowers_the_loss_of_a_copy_the_same_way_twice_and_draws_nothing_globally():
    network = OpenCLIP("scenes", pretrained=write_weights())
    network.add_adapter(rank=2)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    images = torch.randint(0, 256, (12, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    forgotten = Captioned(images[:4], ["a child eating a hamburger"] * 4)
    retained = Captioned(
        images[4:], [f"a {thing}" for thing in ("dog", "cat", "ball", "house", "tree", "car", "boat", "robot")]
    )
    losses, random = [], torch.get_rng_state()
    with torch.inference_mode():  # as Lightning measures
        for make, seed in ((network.merged, 0), (network.merged, 0), (network.training_adapter, 1)):
            with torch.inference_mode(False):
                copy = make()
                with torch.enable_grad():
                    relearn(copy, forgotten, retained, seed, batch=4, steps=3)
                with torch.no_grad():
                    losses.append(float(contrastive(copy, images, [*forgotten.captions, *retained.captions])))
            if make == network.training_adapter:
                changed = {name for name, tensor in copy.state_dict().items() if not torch.equal(tensor, state[name])}
                assert changed
                assert all(".lora_" in name for name in changed)
    with torch.no_grad():
        before = float(contrastive(network, images, [*forgotten.captions, *retained.captions]))
        alike = float(contrastive(network, images[:4], forgotten.captions))
    assert losses[0] == losses[1] < before
    assert alike == pytest.approx(0), "a picture is no negative of its own caption"
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    with network.reference():
        assert not network.has_adapter
        assert torch.equal(network.merged().state_dict()["model.logit_scale"], state["model.logit_scale"])
