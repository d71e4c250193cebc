"""GradedReset: where every layer starts, and how the learning rate falls."""

import pytest
import torch
from torch import nn

from oro_unlearn.methods import GradedReset
from oro_unlearn.networks import ResNet18, SmallCNN, load_weights
from tests.methods.test_methods import fit, method, original


def started(**kwargs) -> GradedReset:
    """Set up, and no epoch trained."""
    torch.manual_seed(7)  # of the fresh weights
    module = method(GradedReset, **kwargs)
    module.setup("fit")
    return module


def weights(module: GradedReset) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.network.named_parameters()}


def test_layers_start_the_further_from_the_original_the_deeper_they_are():
    """SmallCNN has four matrices: a quarter, a half, three quarters and all of the way."""
    found, fresh = weights(started()), weights(started(exponent=0.0))
    source = SmallCNN(10, width=4)
    load_weights(source, original())
    for name, value in source.named_parameters():
        way = {"layer1": 0.25, "layer2": 0.5, "layer3": 0.75, "fc": 1.0}[name.split(".")[0]]
        assert torch.allclose(found[name], (1 - way) * value + way * fresh[name], atol=1e-6), name
    assert fresh["layer1.1.weight"].eq(1).all(), "fresh scales of batch normalisation are 1"
    assert not torch.allclose(fresh["layer1.0.weight"], source.layer1[0].weight, atol=1e-2), "exponent 0: the first layer too"


def test_a_large_exponent_resets_the_head_alone():
    found = weights(started(exponent=1000.0))
    source = SmallCNN(10, width=4)
    load_weights(source, original())
    changed = {name for name, value in source.named_parameters() if not torch.allclose(found[name], value)}
    assert changed == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (ResNet18(10, width=4), {"conv1.weight": 1 / 21, "bn1.weight": 1 / 21, "layer4.1.conv2.weight": 20 / 21, "fc.bias": 1}),
        (nn.Sequential(nn.Flatten(), nn.Linear(256, 10)), {"1.weight": 1, "1.bias": 1}),
        (nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(4, 10)), {"0.weight": 0.5, "1.bias": 0.5, "2.bias": 1}),
    ],
)
def test_depth_is_counted_in_matrices(network, expected):
    depths = GradedReset(network=lambda num_classes: network, num_classes=10, forget_classes=[1]).depths()
    assert {name: depths[name] for name in expected} == pytest.approx(expected)
    assert list(depths.values()) == sorted(depths.values())


def test_every_layer_is_trained_and_only_the_retain_set_is_read():
    module = started()
    before = weights(module)
    trainer = fit(module)
    assert set(trainer.train_dataloader) == {"retain"}
    assert all(not torch.equal(value, before[name]) for name, value in module.network.named_parameters())


def test_the_learning_rate_falls_to_zero_step_by_step():
    rates = []

    class Watched(GradedReset):
        def on_train_batch_end(self, *args):
            rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])

    fit(method(Watched, optimizer=lambda p: torch.optim.SGD(p, lr=0.1)), epochs=3)
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == len(rates), "in every step"
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_the_schedule_is_the_users_where_nothing_is_annealed():
    module = method(GradedReset, anneal=False, lr_scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, 1, gamma=0.5))
    trainer = fit(module, epochs=2)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(module.trainer.optimizers[0].defaults["lr"] / 4)


def test_no_second_network_is_kept():
    assert started()._fresh == {}


def test_single_samples_can_be_forgotten():
    assert method(GradedReset, forget=[]).forget_classes == []


@pytest.mark.parametrize("exponent", [-1.0, float("nan")])
def test_mistakes_are_named(exponent):
    with pytest.raises(ValueError, match="at least 0, not"):
        method(GradedReset, exponent=exponent)


def test_a_run_without_end_cannot_be_annealed():
    with pytest.raises(ValueError, match=r"set --trainer.max_epochs, or --model.anneal false"):
        fit(method(GradedReset), epochs=-1)
