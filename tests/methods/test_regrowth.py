"""Regrowth: where it starts from, and what it draws the features to."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from oro_unlearn.methods import RWFT, Batch, Regrowth
from oro_unlearn.networks import FeatureReader, SmallCNN, load_weights, save_weights
from tests.methods.test_methods import FORGET, batch, fit, method, original


def regrown(**kwargs) -> Regrowth:
    torch.manual_seed(7)  # of the fresh weights
    module = method(Regrowth, **kwargs)
    module.setup("fit")
    return module


def weights(module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.network.named_parameters()}


def test_weights_start_between_the_original_and_fresh_ones():
    whole, half, none = (weights(regrown(keep=keep)) for keep in (1.0, 0.5, 0.0))
    source = SmallCNN(10, width=4)
    load_weights(source, original())
    assert all(torch.equal(whole[name], value) for name, value in source.named_parameters())
    assert all(torch.allclose(half[name], (whole[name] + none[name]) / 2, atol=1e-6) for name in whole)
    assert not torch.allclose(none["fc.weight"], whole["fc.weight"], atol=1e-2)
    assert none["layer1.1.weight"].eq(1).all(), "fresh scales of batch normalisation are 1"


def test_layers_that_are_not_trained_are_not_shrunk():
    module = regrown(keep=0.0, update=["layer3", "fc"])
    own = weights(module)
    changed = {name for name, value in module.original.named_parameters() if not torch.equal(own[name], value)}
    assert {"layer3.0.weight", "fc.weight", "fc.bias"} <= changed
    assert all(name.startswith(("layer3", "fc")) for name in changed)


def retained(count: int = 8) -> Batch:
    labels = torch.tensor([0, 1] * count)[:count]
    return Batch(torch.randn(count, 1, 16, 16), labels, torch.arange(count))


def test_terms_are_what_they_say():
    module, forget, retain = regrown(keep=1.0, scatter=2.0, distillation=0.5).eval(), batch(), retained()
    found = module.losses(forget, retain)
    assert set(found) == {"forget", "retain", "distillation", "scatter"}
    q = module.reweighted(module.original_logits(retain.images))
    assert float(found["distillation"]) == pytest.approx(
        0.5 * float(cross_entropy(module(retain.images).detach(), q)), rel=1e-5
    )
    with FeatureReader(module.network, 10) as reader, torch.no_grad():
        module(forget.images)
        forgotten = reader.features
        module(retain.images)
        means = torch.stack([reader.features[retain.labels == label].mean(0) for label in (0, 1)])
    aim = module.targets(forget)[:, :2] @ means  # classes without an image in the batch are left out
    cosine = (forgotten * aim).sum(1) / forgotten.norm(dim=1) / aim.norm(dim=1)
    assert float(found["scatter"]) == pytest.approx(2 * float((1 - cosine).mean()), rel=1e-4)


def test_scattering_moves_forgotten_images_to_the_retained_classes():
    distances = {}
    for scatter in (0.0, 20.0):
        module = regrown(keep=1.0, scatter=scatter, optimizer=lambda p: torch.optim.SGD(p, lr=0.01))
        fit(module, epochs=4)
        module.eval()
        forget, retain = batch(32), retained(32)
        distances[scatter] = float(module.losses(forget, retain)["scatter"].detach()) / (scatter or 1)
    assert distances[20.0] < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 1.5}, "share of the original"),
        ({"retain": "none"}, "on both sets"),
        ({"update": "adapters"}, "layers"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        regrown(**options)


def test_a_teacher_takes_the_place_of_q_star_or_is_mixed_in():
    other = SmallCNN(10, width=4)
    save_weights(other, "teacher.safetensors")
    plain, forget = method(RWFT), batch()
    plain.setup("fit")
    own = plain.targets(forget)
    with torch.no_grad():
        taught = plain.reweighted(other.eval()(forget.images))
    for weight, expected in ((1.0, taught), (0.5, (own + taught) / 2), (0.0, own)):
        module = method(RWFT, teacher="teacher.safetensors", teacher_weight=weight)
        module.setup("fit")
        assert torch.allclose(module.targets(forget), expected, atol=1e-6)
        assert (module.targets(forget)[:, FORGET] == 0).all()
    assert not torch.allclose(own, taught, atol=1e-3)


def test_the_teacher_is_no_part_of_a_checkpoint_and_never_trained():
    save_weights(SmallCNN(10, width=4), "teacher.safetensors")
    module = method(RWFT, teacher="teacher.safetensors")
    trainer = fit(module)
    before = {name: value.clone() for name, value in module.teacher.state_dict().items()}
    trainer.save_checkpoint("out.ckpt")
    names = torch.load("out.ckpt", weights_only=True)["state_dict"]
    assert not any(name.startswith("teacher.") for name in names)
    fresh = SmallCNN(10, width=4)
    load_weights(fresh, "teacher.safetensors")
    assert all(torch.equal(before[name], value) for name, value in fresh.state_dict().items())


def test_a_missing_teacher_is_named():
    module = method(RWFT, teacher="missing.safetensors")
    with pytest.raises(FileNotFoundError, match=r"missing.safetensors not found"):
        module.setup("fit")
