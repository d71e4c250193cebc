"""EU-k and CF-k: what is frozen stays, what is trained starts where it should."""

import pytest
import torch
import yaml
from torch import nn
from torch.nn.functional import cross_entropy

from oro_unlearn.methods import CFk, EUk
from oro_unlearn.methods.seeds import stream_seed
from oro_unlearn.networks import VGG19BN, ResNet18, SmallCNN, load_weights, save_weights
from tests.conftest import CONFIGS
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
    module = method(
        kind,
        layers=layers,
        trunk_statistics="keep",
        optimizer=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    )
    fit(module, epochs=2)
    before = state_of_the_original()
    for name, value in module.network.state_dict().items():
        assert torch.equal(value, before[name]) is not name.startswith(trained), name


@pytest.mark.parametrize("kind", [EUk, CFk])
def test_statistics_of_the_trunk_move_as_in_the_authors_code(kind):
    """Its weights stay."""
    module, before = method(kind), state_of_the_original()
    fit(module)
    for name, value in module.network.state_dict().items():
        moves = name.startswith(("layer3.", "fc.")) or "running" in name or "num_batches" in name
        assert torch.equal(value, before[name]) is not moves, name
    fixed = method(kind, batchnorm="eval")
    fit(fixed)
    assert torch.equal(fixed.network.layer1[1].running_mean, before["layer1.1.running_mean"])


@pytest.mark.parametrize("kind", [EUk, CFk])
def test_batchnorm_policy_is_held(kind):
    module = method(kind, batchnorm="eval")
    fit(module)
    assert torch.equal(module.network.layer3[1].running_mean, state_of_the_original()["layer3.1.running_mean"])


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
        network=lambda num_classes: SmallCNN(num_classes, width=4), num_classes=10, forget_classes=FORGET, original=weights,
        fresh="constructed",
    )  # fmt: skip
    fit(module, epochs=0)
    for name, value in module.network.state_dict().items():
        assert torch.equal(value, (fresh if name.startswith(("layer3.", "fc.")) else before)[name]), name
    assert torch.equal(module.network.layer3[1].running_var, torch.ones(16)), "not the original's statistics"
    assert torch.equal(module.original.fc.weight, before["fc.weight"]), "the original keeps its own"


def test_eu_k_draws_fresh_weights_as_the_authors_code():
    """Filters and matrices by Kaiming, biases 0, normalisation as it was; not the weights that the network was made with."""
    weights, before = original(), state_of_the_original()
    torch.manual_seed(5)
    made = SmallCNN(10, width=16).state_dict()
    torch.manual_seed(5)
    save_weights(SmallCNN(10, width=16), weights)
    torch.manual_seed(5)
    module = EUk(
        network=lambda num_classes: SmallCNN(num_classes, width=16), num_classes=10, forget_classes=FORGET, original=weights
    )
    fit(module, epochs=0)
    found = module.network.state_dict()
    deviation = (2 / found["layer3.0.weight"][0].numel()) ** 0.5
    assert found["layer3.0.weight"].std().item() == pytest.approx(deviation, rel=0.1)
    assert found["fc.weight"].std().item() == pytest.approx((2 / found["fc.weight"].shape[1]) ** 0.5, rel=0.2)
    assert not found["fc.bias"].any()
    assert not torch.equal(found["layer3.0.weight"], made["layer3.0.weight"])
    assert torch.equal(found["layer3.1.weight"], made["layer3.1.weight"])
    assert before.keys() == found.keys()


def test_presets_are_the_authors():
    for name in ("eu_k", "cf_k"):
        preset = yaml.safe_load((CONFIGS / f"methods/{name}.yaml").read_text())
        assert preset["trainer"]["max_epochs"] == 62
        assert preset["trainer"]["gradient_clip_val"] == 10
        assert preset["model"]["init_args"]["lr_scheduler"]["init_args"] == {"T_0": 1, "T_mult": 2, "eta_min": 5.0e-3}


def test_eu_k_keeps_no_second_network():
    module = ready(EUk)
    assert module._constructed == {}
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


def test_only_a_new_head_is_called_exact():
    def remarks(*layers: str) -> list[str]:
        network = SmallCNN(10, width=4)
        return EUk(network=lambda num_classes: network, num_classes=10, forget_classes=[1], layers=list(layers)).remarks()

    assert ["exact, given that the trunk never saw" in line for line in remarks("head")] == [True]
    assert remarks() == remarks("layer3", "fc") == []


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
