"""The trunk and the tail are the network, or the cut is refused."""

import random

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torch.nn.functional import dropout, relu
from torchvision.ops import StochasticDepth

from oro_unlearn.networks import VGG19BN, ResNet18, SmallCNN
from oro_unlearn.networks.frozen_trunk import FrozenTrunk

IMAGES = torch.randn(4, 3, 32, 32)


def frozen_but(network: nn.Module, *layers: str) -> nn.Module:
    network.requires_grad_(False).train()
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            module.eval()
    for layer in layers:
        network.get_submodule(layer).requires_grad_(True).train()
    return network


@pytest.mark.parametrize("layers", [("fc",), ("layer3", "fc"), ("layer2",), ("layer2", "fc")])
@pytest.mark.parametrize("kind", [SmallCNN, ResNet18, VGG19BN])
def test_the_parts_are_the_network(kind, layers):
    """Values and gradients."""
    network = frozen_but(kind(10, width=4, in_channels=3), *layers)
    trunk = FrozenTrunk(network, IMAGES)
    stored = trunk.activations(IMAGES)
    network.eval()
    assert torch.equal(trunk.tail(stored), network(IMAGES))
    found = []
    for logits in (lambda: network(IMAGES), lambda: trunk.tail(stored)):
        network.zero_grad()
        logits().square().sum().backward()
        found.append([p.grad.clone() for p in network.parameters() if p.requires_grad])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert not stored.requires_grad


def test_the_tail_shares_what_is_trained():
    network = frozen_but(SmallCNN(10, in_channels=3), "fc")
    trunk = FrozenTrunk(network, IMAGES)
    stored, before = trunk.activations(IMAGES), trunk.tail(trunk.activations(IMAGES))
    with torch.no_grad():
        network.fc.weight.mul_(2)
    assert not torch.allclose(trunk.tail(stored), before)
    assert len(list(network.parameters())) == len(list(SmallCNN(10, in_channels=3).parameters()))


def test_modes_and_statistics_stay():
    network = frozen_but(SmallCNN(10, in_channels=3), "layer3", "fc")
    modes = [module.training for module in network.modules()]
    statistics = network.layer3[1].running_mean.clone()
    FrozenTrunk(network, IMAGES)
    assert [module.training for module in network.modules()] == modes
    assert torch.equal(network.layer3[1].running_mean, statistics)


def test_less_is_computed():
    """The trunk stops where the tail begins, and the tail never enters the trunk."""
    network = frozen_but(SmallCNN(10, in_channels=3), "layer3", "fc")
    calls = []
    for name in ("layer1", "layer2", "layer3", "fc"):
        network.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.append(name))
    trunk = FrozenTrunk(network, IMAGES)
    calls.clear()
    stored = trunk.activations(IMAGES)
    assert calls == ["layer1", "layer2"]
    trunk.tail(stored)
    assert calls == ["layer1", "layer2", "layer3", "fc"]


class Skipping(SmallCNN):
    """Its forward is more than its layers in order."""

    def forward(self, images):
        return super().forward(images) + images.mean()


class Pooled(SmallCNN):
    """A function between layers that does nothing the second time is no obstacle."""

    def forward(self, images):
        return self.fc(self.layer3(relu(self.layer2(self.layer1(images)))).mean(dim=(2, 3)))


def test_what_happens_between_layers():
    FrozenTrunk(frozen_but(Pooled(10, in_channels=3), "layer3"), IMAGES)
    with pytest.raises(ValueError, match="more than to pass its layers in order"):
        FrozenTrunk(frozen_but(Skipping(10, in_channels=3), "layer3"), IMAGES)


def test_refusals():
    with pytest.raises(ValueError, match="no frozen layer comes before"):
        FrozenTrunk(SmallCNN(10, in_channels=3), IMAGES)
    with pytest.raises(ValueError, match="no frozen layer comes before"):
        FrozenTrunk(SmallCNN(10, in_channels=3).requires_grad_(False), IMAGES)
    network = frozen_but(SmallCNN(10, in_channels=3), "fc")
    network.layer2[1].train()
    assert FrozenTrunk(network, IMAGES).entrance == "layer2", "what comes before is kept"
    network.layer1[1].train()
    with pytest.raises(ValueError, match="frozen layer layer1, or one before it, depends on the other images of a batch"):
        FrozenTrunk(network, IMAGES)


class Shifted(nn.Module):
    """Draws from a generator of its own, or from Python's, where no rate says so."""

    def __init__(self, draw) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, images):
        return images + self.draw() if self.training else images


class Counted(nn.Module):
    """Behaves differently as time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, images):
        if self.training:
            self.steps += 1e-9
        return images


class Functional(nn.Module):
    """Dropout that is no module, under another name for its rate."""

    def forward(self, images):
        return dropout(images, 1e-6, training=self.training)


OWN = torch.Generator().manual_seed(0)
VARYING = {
    "StochasticDepth": (lambda: StochasticDepth(1e-6, "row"), "draws random numbers"),
    "DropPath": (lambda: timm.layers.DropPath(0.1), "draws random numbers"),
    "functional": (Functional, "draws random numbers"),
    "Python's generator": (lambda: Shifted(random.random), "draws random numbers"),
    "NumPy's generator": (lambda: Shifted(np.random.rand), "draws random numbers"),
    "its own generator": (lambda: Shifted(lambda: torch.rand((), generator=OWN)), "gives something else each time"),
    "batch normalisation": (lambda: nn.BatchNorm2d(8, affine=False), "depends on the other images"),
    "a counter": (Counted, "changes its statistics"),
}


@pytest.mark.parametrize("name", VARYING)
def test_what_is_not_the_same_every_time_is_not_kept(name):
    """Found by what it does: an activation that was stored once would be the same in every epoch."""
    make, why = VARYING[name]
    network, layer = frozen_but(SmallCNN(10, width=8, in_channels=3), "fc"), make().train()
    network.layer1.append(layer)
    states = [torch.get_rng_state(), random.getstate(), [value.clone() for value in network.buffers()]]
    with pytest.raises(ValueError, match=f"frozen layer layer1, or one before it, {why}"):
        FrozenTrunk(network, IMAGES)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert all(torch.equal(*pair) for pair in zip(network.buffers(), states[2], strict=True))
    layer.eval()
    assert FrozenTrunk(network, IMAGES).entrance == "layer3", "in the mode it runs in now"
