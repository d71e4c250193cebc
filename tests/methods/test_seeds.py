"""Seeds: no two draws share one by accident, all follow the run's, and fresh weights are nobody's first ones."""

from itertools import product

import pytest
import torch

from oro_unlearn.methods import SSD, UNSIR, BadTeacher, BoundaryExpand, EUk, GradedReset, RandomLabels, SVDUnlearning
from oro_unlearn.methods.seeds import spawned, stream_seed
from oro_unlearn.networks import SmallCNN, save_weights
from tests.methods.test_methods import FORGET, fit, method


def test_an_epochs_seeds_differ_however_many_numbers_they_are_of():
    module = method(RandomLabels)
    fit(module, epochs=0)
    keys = [key for length in range(4) for key in product((0, 1), repeat=length)]
    assert len({module.epoch_seed(*key) for key in keys}) == len(keys)
    assert module.epoch_seed(0, 1) == module.epoch_seed(0, 1)
    streams = {stream_seed(seed, purpose) for seed in (0, 1) for purpose in ("labels", "noise")}
    assert len(streams | {spawned(seed, 0, epoch) for seed in (0, 1) for epoch in (0, 1)}) == 8


def small(num_classes: int) -> SmallCNN:
    return SmallCNN(num_classes, width=4)


@pytest.mark.parametrize("given", [{}, {"seed": 5}])
@pytest.mark.parametrize("kind", [EUk, GradedReset, BadTeacher])
def test_fresh_weights_are_not_those_that_the_original_began_with(kind, given):
    """An original of the same seed, not trained at all: what is fresh is still another network."""
    torch.manual_seed(5)
    save_weights(small(10), "original.safetensors")
    options = {"exponent": 0.0} if kind is GradedReset else given if kind is BadTeacher else {}
    torch.manual_seed(5)
    module = kind(network=small, num_classes=10, forget_classes=FORGET, original="original.safetensors", **options)
    fit(module, epochs=0)
    fresh = module.bad_teacher if kind is BadTeacher else module.network
    for name in ("layer3.0.weight", "fc.weight", "fc.bias"):
        assert (fresh.state_dict()[name] != small_of(5).state_dict()[name]).any(), name


def small_of(seed: int) -> SmallCNN:
    torch.manual_seed(seed)
    return small(10)


def drawn(kind: type, run_seed: int, **given) -> torch.Tensor:
    """Something that a method draws with its seed."""
    small_of(0)
    save_weights(small_of(1), "original.safetensors")
    torch.manual_seed(run_seed)
    module = kind(network=small, num_classes=10, forget_classes=FORGET, original="original.safetensors", **given)
    if kind is RandomLabels:
        return module.drawn_labels(torch.arange(10).repeat(20))
    if kind is BoundaryExpand:
        return module.extra.weight.detach()
    if kind is BadTeacher:
        return module.bad_teacher.fc.weight
    fit(module, epochs=0)
    data = module.trainer.datamodule
    if kind is UNSIR:
        return data.split("retain_subset").positions
    return module._draw("retain")[0] if kind is SVDUnlearning else data.split("shuffled").positions


@pytest.mark.parametrize("kind", [RandomLabels, UNSIR, BadTeacher, SVDUnlearning, SSD])
def test_seeds_follow_the_runs_unless_one_is_given(kind):
    small_noise = {"noise_steps": 1, "noise_images": 2, "samples_per_class": 9}
    options = {SSD: {"importance_file": "off"}, UNSIR: small_noise}.get(kind, {})
    assert not torch.equal(drawn(kind, 0, **options), drawn(kind, 1, **options))
    assert torch.equal(drawn(kind, 2, **options), drawn(kind, 2, **options))
    assert torch.equal(drawn(kind, 0, seed=7, **options), drawn(kind, 1, seed=7, **options))


def test_the_shadow_class_has_a_stream_of_its_own():
    assert torch.equal(drawn(BoundaryExpand, 3, batchnorm="eval"), drawn(BoundaryExpand, 3, batchnorm="eval"))
    assert not torch.equal(drawn(BoundaryExpand, 3, batchnorm="eval"), drawn(BoundaryExpand, 4, batchnorm="eval"))
