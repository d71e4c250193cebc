"""Boundary Shrink and Expand: labels, what is read, and the network that is left."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from oro_unlearn.data import Digits
from oro_unlearn.methods import BoundaryExpand, BoundaryShrink
from oro_unlearn.networks import SmallCNN, load_weights
from tests.methods.test_methods import FORGET, fit, method

BOTH = pytest.mark.parametrize("kind", [BoundaryShrink, BoundaryExpand])
RETAINED = [label for label in range(10) if label not in FORGET]


def ready(kind: type, **kwargs):
    """Set up, and no epoch trained."""
    module = method(kind, **kwargs)
    fit(module, epochs=0)
    return module.eval()


def forgotten(module) -> torch.Tensor:
    return module.trainer.datamodule.split("forget").positions


def test_labels_are_retained_classes_across_the_boundary():
    """FGSM from the cross-entropy's own gradient, by hand, in float64."""
    module, data = ready(BoundaryShrink), Digits(forget=FORGET)
    original = module.original.double()
    positions = forgotten(module)
    pixels = data.split("train").images[positions].double().div(255).requires_grad_()
    labels = data.split("train").labels[positions]
    cross_entropy(original(data.normalise(pixels)), labels, reduction="sum").backward()
    stepped = ((pixels + 0.1 * pixels.grad.sign()).clamp(0, 1) * 255).round() / 255
    logits = original(data.normalise(stepped.detach()))
    logits[:, FORGET] = -torch.inf
    assert (module.nearest[positions] == logits.argmax(1)).float().mean() > 0.99, "float32 may break ties otherwise"
    assert torch.isin(module.nearest[positions], torch.tensor(RETAINED)).all()
    others = data.split("retain").positions
    assert (module.nearest[others] == -1).all()


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_step_is_fgsm_also_where_the_cross_entropy_is_zero(scale):
    """At 100 times the logits float32's cross-entropy has no slope left."""
    module = ready(BoundaryShrink)
    with torch.no_grad():
        module.original.fc.weight.mul_(scale)
        module.original.fc.bias.mul_(scale)
    batch = next(module.batches("forget"))
    labels = module.original_logits(batch.images).argmax(1)
    found = module.attacked(batch._replace(labels=labels))
    network = SmallCNN(10, width=4).double().eval()
    network.load_state_dict(module.original.state_dict())
    data = module.trainer.datamodule
    pixels = data.to_pixels(batch.images).double().requires_grad_()
    cross_entropy(network(data.normalise(pixels)), labels, reduction="sum").backward()
    stepped = ((pixels + 0.1 * pixels.grad.sign()).clamp(0, 1) * 255).round() / 255
    moved = pixels.grad != 0
    assert moved.float().mean() > 0.9
    close = (found - stepped).abs() < 1.1 / 255  # 0.1 is 25.5 / 255: rounding either way
    assert close[moved].float().mean() > 0.99


def test_stepped_pixels_are_images():
    module = ready(BoundaryShrink, bound=0.3)
    batch = next(module.batches("forget"))
    found = module.attacked(batch)
    assert (found.min(), found.max()) >= (0, 0)
    assert found.max() <= 1
    assert torch.allclose(found * 255, (found * 255).round(), atol=1e-4)
    assert (found - module.trainer.datamodule.to_pixels(batch.images)).abs().max() <= 0.3 + 0.5 / 255 + 1e-5
    assert all(parameter.grad is None for parameter in module.original.parameters()), "no gradient of the weights"


def test_shrink_learns_its_labels():
    module = ready(BoundaryShrink)
    batch = next(module.batches("forget"))
    expected = cross_entropy(module(batch.images), module.nearest[batch.index])
    assert module.losses(forget=batch)["forget"].item() == pytest.approx(expected.item())
    assert (module.nearest[batch.index] != batch.labels).all()


def test_expand_learns_a_class_that_the_network_does_not_have():
    module = ready(BoundaryExpand)
    batch = next(module.batches("forget"))
    with torch.no_grad():
        features = module.network.layer3(module.network.layer2(module.network.layer1(batch.images))).mean((2, 3))
        logits = torch.cat([module.network.fc(features), features @ module.extra.weight.T + module.extra.bias], 1)
    expected = -logits.log_softmax(1)[:, 10].mean()
    assert module.losses(forget=batch)["forget"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_expand_leaves_the_plain_network(tmp_path):
    module = method(BoundaryExpand, optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    before = module.extra.weight.detach().clone()
    trainer = fit(module, epochs=2)
    assert not torch.equal(module.extra.weight, before), "the shadow class is trained"
    module.write(tmp_path)
    plain = SmallCNN(10, width=4)
    load_weights(plain, tmp_path / "model.safetensors")
    images = torch.randn(4, 1, 16, 16)
    assert torch.allclose(plain.eval()(images), module.eval()(images))
    assert module(images).shape == (4, 10)
    trainer.save_checkpoint("model.ckpt")
    assert "extra.weight" in torch.load("model.ckpt", weights_only=True)["state_dict"], "a resumed run needs it"


@BOTH
def test_only_forget_images_are_read(kind, monkeypatch):
    read = []
    loader = Digits.loader
    monkeypatch.setattr(Digits, "loader", lambda self, data, **kwargs: read.append(data) or loader(self, data, **kwargs))
    trainer = fit(method(kind))
    assert set(trainer.train_dataloader) == {"forget"}
    assert all(torch.isin(data.labels[data.positions], torch.tensor(FORGET)).all() for data in read)


@BOTH
@pytest.mark.parametrize("policy", ["train", "eval"])
def test_batchnorm_policy_is_held(kind, policy):
    module = method(kind, batchnorm=policy)
    fit(module)
    assert torch.equal(module.network.layer1[1].running_mean, module.original.layer1[1].running_mean) is (policy == "eval")


@BOTH
def test_training_statistics_on_forget_images_is_warned_of(kind):
    with pytest.warns(UserWarning, match="overwrite the statistics"):
        method(kind, batchnorm="train")


@BOTH
def test_classes_only(kind):
    with pytest.raises(ValueError, match="forgets whole classes"):
        method(kind, forget=[])


def test_wrong_bound():
    with pytest.raises(ValueError, match="bound is the length"):
        method(BoundaryShrink, bound=0.0)
