"""A folded network has the same outputs and fewer layers, or is the network itself."""

import pytest
import torch
from torch import nn

from oro_unlearn.networks import VGG19BN, ResNet18, SmallCNN
from oro_unlearn.networks.folding import fold_batchnorm


def trained(kind: type) -> nn.Module:
    network = kind(10, width=4, in_channels=3).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -1, 1)
    return network


@pytest.mark.parametrize("kind", [SmallCNN, ResNet18, VGG19BN])
def test_folded_networks_say_the_same(kind):
    network, images = trained(kind), torch.randn(4, 3, 32, 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold_batchnorm(network, images)
    assert folded is not network
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    other = torch.randn(8, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(folded(other), network(other), rtol=1e-4, atol=1e-4)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


class Deciding(SmallCNN):
    """What it does depends on its input."""

    def forward(self, images):
        return super().forward(images) if images.mean() > -100 else images


class Training(SmallCNN):
    """Normalises by the batch although it is in eval mode."""

    def forward(self, images):
        self.layer1[1].training = True
        return super().forward(images)


def test_what_cannot_be_followed_stays_as_it_is():
    network = trained(Deciding)
    assert fold_batchnorm(network, torch.randn(2, 3, 32, 32)) is network


def test_what_would_differ_stays_as_it_is():
    network = trained(Training)
    assert fold_batchnorm(network, torch.randn(2, 3, 32, 32)) is network
