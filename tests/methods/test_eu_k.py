"""EU-k and CF-k: what is frozen stays, what is trained starts where it should."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from oro_unlearn.methods import CFk, EUk
from oro_unlearn.methods.seeds import stream_seed
from oro_unlearn.networks import VGG19BN, ResNet18, SmallCNN, load_weights
from tests.methods.test_methods import FORGET, batch, fit, method, original


def state_of_the_original() -> dict[str, torch.Tensor]:
    network = SmallCNN(10, width=4)
    load_weights(network, original())
    return network.state_dict()


def ready(kind: type, **kwargs):
    """Set up, and no epoch trained."""
    module = method(kind, **kwargs)
    fit(module, epochs=0)
    return module


@pytest.mark.parametrize("kind", [EUk, CFk])
@pytest.mark.parametrize(("layers", "trained"), [([], ("layer3.", "fc.")), (["fc"], ("fc.",)), (["layer2"], ("layer2.",))])
def test_the_trunk_stays_bit_identical(kind, layers, trained):
    """Weights, statistics and counters: momentum and weight decay included."""
    module = method(kind, layers=layers, optimizer=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1))
    fit(module, epochs=2)
    before = state_of_the_original()
    for name, value in module.network.state_dict().items():
        assert torch.equal(value, before[name]) is not name.startswith(trained), name


@pytest.mark.parametrize("kind", [EUk, CFk])
def test_batchnorm_policy_is_held(kind):
    module = method(kind, batchnorm="eval")
    fit(module)
    before = torch.zeros(16) if kind is EUk else state_of_the_original()["layer3.1.running_mean"]
    assert torch.equal(module.network.layer3[1].running_mean, before)


def test_cf_k_starts_from_the_original():
    module, before = ready(CFk), state_of_the_original()
    assert all(torch.equal(value, before[name]) for name, value in module.network.state_dict().items())


def test_eu_k_starts_from_the_networks_own_initialisation():
    """Weights and statistics, of a stream of their own: the constructor draws the same ones under its seed."""
    weights, before = original(), state_of_the_original()
    torch.manual_seed(stream_seed(5, "fresh weights"))
    fresh = SmallCNN(10, width=4).state_dict()
    torch.manual_seed(5)
    module = EUk(
        network=lambda num_classes: SmallCNN(num_classes, width=4), num_classes=10, forget_classes=FORGET, original=weights
    )
    fit(module, epochs=0)
    for name, value in module.network.state_dict().items():
        assert torch.equal(value, (fresh if name.startswith(("layer3.", "fc.")) else before)[name]), name
    assert torch.equal(module.network.layer3[1].running_var, torch.ones(16)), "not the original's statistics"
    assert torch.equal(module.original.fc.weight, before["fc.weight"]), "the original keeps its own"


def test_eu_k_keeps_no_second_network():
    module = ready(EUk)
    assert module._fresh == {}
    assert all(name.startswith(("network.", "original.")) for name in module.state_dict())


@pytest.mark.parametrize(("network", "expected"), [
    (SmallCNN(10), ["layer3", "fc"]), (ResNet18(10, width=4), ["layer4", "fc"]), (VGG19BN(10, width=4), ["layer5", "fc"]),
])  # fmt: skip
def test_the_last_stage_is_found(network, expected):
    module = CFk(network=lambda num_classes: network, num_classes=10, forget_classes=[1])
    module.choose_parameters()
    assert module.layers == expected
    assert {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad} == set(expected)


@pytest.mark.parametrize("kind", [EUk, CFk])
def test_layers_may_be_named_by_their_place(kind):
    module = ready(kind, layers=["quarter2", "head"])
    assert module.layers == ["layer2", "fc"]
    assert {name.split(".")[0] for name, p in module.network.named_parameters() if p.requires_grad} == {"layer2", "fc"}


def test_wrong_layers():
    with pytest.raises(ValueError, match=r"--model.layers names no layer 'layer9'.*'layer1', 'layer2', 'layer3', 'fc'"):
        ready(EUk, layers=["layer9"])
    plain = nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
    module = CFk(network=lambda num_classes: plain, num_classes=10, forget_classes=[1])
    with pytest.raises(ValueError, match=r"no stages before its head.*--model.layers.*\['0', '1'\]"):
        module.choose_parameters()


@pytest.mark.parametrize("kind", [EUk, CFk])
def test_only_the_retain_set_is_read(kind):
    module = method(kind)
    trainer = fit(module)
    assert set(trainer.train_dataloader) == {"retain"}
    retain = batch(8)
    module.eval()
    expected = cross_entropy(module(retain.images), retain.labels)
    assert module.losses(retain=retain)["retain"].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("kind", [EUk, CFk])
def test_single_samples_can_be_forgotten(kind):
    assert method(kind, forget=[]).forget_classes == []
