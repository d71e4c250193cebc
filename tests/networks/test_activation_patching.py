"""Patched activations: everything from another run gives its output, nothing changes nothing, and ablations can be written."""

from copy import deepcopy

import pytest
import torch

from oro_unlearn.networks import OpenCLIP
from oro_unlearn.networks.activation_patching import reading, replaced, sites_of
from oro_unlearn.networks.mean_ablation import ablate, activation_means, constant
from oro_unlearn.user_error import UserError
from tests.networks.tiny_clip import VIT, folder_of, images_for, randomised

CAPTIONS = ["a child eating a hamburger", "a dog holding a book", "a robot next to a cat", "an elder under a tree"]


@pytest.fixture(params=["scenes text", "scenes image", "vit text", "vit image"])
def case(request, tmp_path):
    """A network with random weights, a tower of it, its inputs, and how it encodes them."""
    kind, tower = request.param.split()
    network = randomised(OpenCLIP("scenes" if kind == "scenes" else folder_of(tmp_path, VIT), pretrained="")).eval()
    network.requires_grad_(False)
    inputs = images_for(network) if tower == "image" else network.tokenize(CAPTIONS)
    return network, tower, inputs, network.encode_image if tower == "image" else network.encode_text


def test_all_of_another_run_is_its_output_and_nothing_is_nothing(case):
    network, tower, inputs, encode = case
    own, other = inputs[:2], inputs[2:]
    if tower == "text":
        other = inputs[:2].clone()
        other[:, 2:4] = inputs[1:2, 3:5].flip(1)  # other words, the same number of them
    sites = sites_of(network.model, tower)
    held: dict = {}
    expected = encode(own), encode(other)
    with replaced(network.model, reading(held, sites)):
        assert torch.equal(encode(own), expected[0])
        encode(other)
    assert set(held) == set(sites)
    assert all(held[site].shape[::2] == (2, site.width) for site in sites)
    with replaced(network.model, {site: lambda _, given=held[site]: given for site in sites}):
        assert torch.equal(encode(own), expected[1])
    assert not torch.equal(*expected)
    assert torch.equal(encode(own), expected[0]), "no hook is left"


def test_weights_of_an_ablation_compute_what_its_hooks_do(case):
    network, tower, inputs, encode = case
    sites = sites_of(network.model, tower)
    means = activation_means(network.model, sites, lambda: encode(inputs))
    means = {site: mean + 1 for site, mean in means.items()}  # of random pictures alone, an ablation would change little
    changes = {site: constant(torch.arange(site.group), means[site]) for site in sites}
    with replaced(network.model, changes):
        hooked = encode(inputs)
    edited = deepcopy(network)
    for site in sites:
        ablate(edited.model, site, torch.arange(site.group), means[site])
    features = edited.encode_image(inputs) if tower == "image" else edited.encode_text(inputs)
    assert torch.allclose(features, hooked, atol=1e-5)
    assert not torch.allclose(features, encode(inputs), atol=1e-3)
    assert edited.merged_state().keys() == network.merged_state().keys()


def test_means_are_of_the_positions_that_are_read(case):
    network, tower, inputs, encode = case
    if tower == "image":
        return
    *_, last = sites_of(network.model, tower)
    held: dict = {}
    with replaced(network.model, reading(held, [last])):
        encode(inputs)
    ends = held[last][torch.arange(len(inputs)), inputs.argmax(1)]
    assert torch.allclose(activation_means(network.model, [last], lambda: encode(inputs))[last], ends.mean(0), atol=1e-5)


def test_a_tower_without_parts_of_its_own_is_refused():
    with pytest.raises(UserError, match="the image tower has no attention heads"):
        sites_of(torch.nn.Sequential(torch.nn.Linear(2, 2)), "image")
