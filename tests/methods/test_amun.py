"""AMUN: adversarial examples and their labels, and what is learned from them."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn.functional import cross_entropy

from oro_unlearn.data import Digits
from oro_unlearn.methods import AMUN
from tests.methods.test_methods import FORGET, batch, fit, method

RETAINED = torch.tensor([label for label in range(10) if label not in FORGET])
QUICK = {"steps": 10, "radius": 0.5}


def ready(**kwargs) -> AMUN:
    """Set up, examples found, and no epoch trained."""
    module = method(AMUN, **{**QUICK, **kwargs})
    fit(module, epochs=0)
    return module.eval()


def of_samples(count: int = 30, **kwargs) -> AMUN:
    """Single samples of every class."""
    Path("rows.txt").write_text("\n".join(map(str, range(100, 100 + count))))
    module = method(AMUN, forget=[], **{**QUICK, **kwargs})
    trainer = Trainer(max_epochs=0, accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False)
    trainer.fit(module, Digits(forget_indices="rows.txt"))
    return module.eval()


def pixels_of(module: AMUN) -> tuple[torch.Tensor, torch.Tensor]:
    """Forget images in [0, 1], in the order of the examples, and their labels."""
    data = module.trainer.datamodule
    train, positions = data.split("train"), data.split("forget").positions
    order = module.rows[positions]
    assert torch.equal(order.sort().values, torch.arange(len(positions)))
    return train.images[positions][order.argsort()].float() / 255, train.labels[positions][order.argsort()]


def test_examples_carry_the_originals_own_retained_label():
    module = ready()
    assert module.examples.dtype == torch.uint8
    data = module.trainer.datamodule
    said = module.original_logits(data.normalise(module.examples.float() / 255)).argmax(1)
    assert torch.equal(said, module.wrong), "the model itself says so, of the bytes"
    assert torch.isin(module.wrong, RETAINED).all()
    assert (module.rows[data.split("retain").positions] == -1).all()


def test_single_samples_get_any_label_but_their_own():
    module = of_samples()
    _, labels = pixels_of(module)
    said = module.original_logits(module.trainer.datamodule.normalise(module.examples.float() / 255)).argmax(1)
    assert torch.equal(said, module.wrong)
    assert (module.wrong != labels).all()


def test_the_smallest_ball_that_suffices():
    """Each example lies in a ball that suffices and not in the one before; images the original already errs on do not move."""
    module = of_samples(radius=0.05, steps=10)
    pixels, labels = pixels_of(module)
    distances = (module.examples.float() / 255 - pixels).flatten(1).norm(dim=1)
    right = module.original_logits(module.trainer.datamodule.normalise(pixels)).argmax(1) == labels
    assert (distances[~right] == 0).all()
    assert (distances[right] > 0).all()
    slack = 256**0.5 * 0.5 / 255  # rounding of every pixel
    assert (distances <= 0.05 * 2**7 + slack).all()
    smaller = of_samples(radius=0.05, steps=10, rounds=2)
    resolved = smaller.original_logits(smaller.trainer.datamodule.normalise(smaller.examples.float() / 255)).argmax(1) != labels
    assert torch.equal(smaller.examples[resolved], module.examples[resolved]), "later rounds leave them alone"
    assert (distances[resolved] <= 0.1 + slack).all()


def test_the_search_stops_at_the_crossing():
    """Or goes on to the end of its ball, and is then further away; the images that stop are asked about no more."""
    near, far = of_samples(steps=20), of_samples(steps=20, search="whole")
    distances = [(m.examples.float() / 255 - pixels_of(m)[0]).flatten(1).norm(dim=1).mean() for m in (near, far)]
    assert 1.1 < distances[1] / distances[0] < 3
    assert near.images_read < far.images_read
    _, labels = pixels_of(near)
    said = near.original_logits(near.trainer.datamodule.normalise(near.examples.float() / 255)).argmax(1)
    assert (said != labels).all()


def test_defaults_are_the_authors():
    module = method(AMUN)
    assert (module.forget_images, module.search) == ("true_label", "crossing")


def test_descent_stays_in_the_ball_and_in_the_image():
    module = ready()
    pixels, labels = pixels_of(module)
    refused = torch.zeros(len(labels), 10, dtype=torch.bool)
    refused[:, FORGET] = True
    moved = module._attacked(pixels, refused, 0.7, pixels).detach()
    assert ((moved - pixels).flatten(1).norm(dim=1) <= 0.7 + 1e-4).all()
    assert moved.min() >= 0
    assert moved.max() <= 1

    def mass(images: torch.Tensor) -> torch.Tensor:
        return module.original_logits(module.trainer.datamodule.normalise(images)).softmax(1)[:, FORGET].sum(1)

    assert (mass(moved) < mass(pixels)).float().mean() > 0.95
    assert all(parameter.grad is None for parameter in module.original.parameters()), "no gradient of the weights"


def test_an_image_that_no_ball_moves_across_gets_its_likeliest_retained_label():
    module = ready(rounds=0)
    pixels, _ = pixels_of(module)
    assert torch.equal(module.examples, (pixels * 255).round().byte())
    logits = module.original_logits(module.trainer.datamodule.normalise(pixels))
    assert torch.equal(module.wrong, RETAINED[logits[:, RETAINED].argmax(1)])


@pytest.mark.parametrize("forget_images", ["none", "true_label", "wrong_label"])
@pytest.mark.parametrize("retain", ["ce", "none"])
def test_losses(forget_images, retain):
    module = ready(forget_images=forget_images, retain=retain)
    forget, kept = next(module.batches("forget")), batch(8)
    rows = module.rows[forget.index]
    images, wrong = module.trainer.datamodule.normalise(module.examples[rows].float() / 255), module.wrong[rows]
    found = module.losses(forget, kept) if retain == "ce" else module.losses(forget)
    assert found.pop("adversarial").item() == pytest.approx(cross_entropy(module(images), wrong).item(), rel=1e-5)
    if forget_images != "none":
        own = forget.labels if forget_images == "true_label" else wrong
        assert found.pop("forget").item() == pytest.approx(cross_entropy(module(forget.images), own).item(), rel=1e-5)
    if retain == "ce":
        assert found.pop("retain").item() == pytest.approx(cross_entropy(module(kept.images), kept.labels).item(), rel=1e-5)
    assert not found


@pytest.mark.parametrize("retain", ["ce", "none"])
def test_without_retain_it_is_never_read(retain, monkeypatch):
    read = []
    loader = Digits.loader
    monkeypatch.setattr(Digits, "loader", lambda self, data, **kwargs: read.append(data) or loader(self, data, **kwargs))
    trainer = fit(method(AMUN, retain=retain, batchnorm="eval", **QUICK))
    assert set(trainer.train_dataloader) == ({"forget"} if retain == "none" else {"forget", "retain"})
    retained = [data for data in read if torch.isin(data.labels[data.positions], RETAINED).any()]
    assert bool(retained) is (retain == "ce")


@pytest.mark.parametrize("policy", ["train", "eval"])
def test_batchnorm_policy_is_held(policy):
    module = method(AMUN, batchnorm=policy, **QUICK)
    fit(module)
    assert torch.equal(module.network.layer1[1].running_mean, module.original.layer1[1].running_mean) is (policy == "eval")


def test_wrong_options():
    with pytest.raises(ValueError, match=r"--model\.radius is positive and --model\.growth above 1"):
        method(AMUN, growth=1.0)
