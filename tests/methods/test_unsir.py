"""UNSIR: the noise, the phases, and what is read."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from oro_unlearn.data import Digits
from oro_unlearn.methods import UNSIR, Batch
from tests.methods.test_methods import FORGET, fit, method

SMALL = {"noise_images": 8, "noise_copies": 2, "samples_per_class": 20}


def ready(**kwargs) -> UNSIR:
    """Set up, noise learned, and no epoch trained."""
    module = method(UNSIR, **{**SMALL, **kwargs})
    fit(module, epochs=0)
    return module.eval()


def test_noise_raises_the_error_of_every_forgotten_class():
    learned, drawn = ready(noise_penalty=0.0), ready(noise_penalty=0.0, noise_steps=0)
    assert learned.noise.shape == (16, 1, 16, 16)
    assert learned.noise_labels.tolist() == [3] * 8 + [8] * 8
    for label in FORGET:
        rows = learned.noise_labels == label
        before, after = (
            cross_entropy(module.original_logits(module.noise[rows]), module.noise_labels[rows]) for module in (drawn, learned)
        )
        assert after > before + 0.05
    assert not learned.noise.requires_grad
    assert all(torch.equal(a, b) for a, b in zip(learned.original.parameters(), drawn.original.parameters(), strict=True))


def test_the_penalty_keeps_noise_small():
    assert ready(noise_penalty=10.0).noise.norm() < ready(noise_penalty=0.0).noise.norm()


def test_one_step_of_noise_by_hand():
    """Adam's first step is the learning rate times the sign of the slope."""
    start, moved = ready(noise_steps=0), ready(noise_steps=1)
    noise = start.noise.clone().requires_grad_()
    loss = 0.0
    for label in FORGET:
        part = noise[start.noise_labels == label]
        logits = start.original(part)
        loss = loss + 0.1 * part.pow(2).sum((1, 2, 3)).mean() - cross_entropy(logits, torch.full((8,), label))
    (slope,) = torch.autograd.grad(loss, noise)
    clear = slope.abs() > 1e-4
    assert torch.allclose((moved.noise - start.noise)[clear], -0.1 * slope.sign()[clear], atol=1e-3)


def test_phases(monkeypatch):
    seen = []
    losses = UNSIR.losses

    def watched(self, **batch):
        found = losses(self, **batch)
        seen.extend((self.current_epoch, name) for name in found)
        return found

    monkeypatch.setattr(UNSIR, "losses", watched)
    fit(method(UNSIR, impair_epochs=2, **SMALL), epochs=3)
    assert set(seen) == {(0, "impair"), (1, "impair"), (2, "repair")}


def test_impair_sees_every_copy_once_an_epoch_and_under_its_label(monkeypatch):
    module = ready()
    subset = module.trainer.datamodule.split("retain_subset")
    seen = []
    network = module.network.forward
    monkeypatch.setattr(module.network, "forward", lambda images: seen.append(images) or network(images))
    batch = Batch(torch.zeros(40, 1, 16, 16), torch.zeros(40, dtype=torch.long), torch.arange(40))
    torch.manual_seed(0)
    found = module.losses(retain_subset=batch)["impair"]
    (images,) = seen
    assert len(images) == 40 + round(40 * 2 * 16 / len(subset))
    rows = [int((module.noise == image).flatten(1).all(1).nonzero()[0, 0]) for image in images[40:]]
    labels = torch.cat([batch.labels, module.noise_labels[rows]])
    assert found.item() == pytest.approx(cross_entropy(network(images), labels).item(), rel=1e-5)


@pytest.mark.parametrize("count", [20, 10000])
def test_the_subset_is_of_retained_images_balanced_and_seeded(count):
    module = ready(samples_per_class=count)
    data = module.trainer.datamodule
    subset, labels = data.split("retain_subset").positions, data.split("train").labels
    counts, all_of_it = labels[subset].bincount(minlength=10), labels[data.split("retain").positions].bincount(minlength=10)
    assert torch.equal(counts, all_of_it.clamp(max=count))
    assert torch.isin(subset, data.split("retain").positions).all()
    again = ready(samples_per_class=count).trainer.datamodule.split("retain_subset").positions
    assert torch.equal(subset, again)
    other = ready(samples_per_class=count, seed=2)
    assert not torch.equal(subset, other.trainer.datamodule.split("retain_subset").positions)
    assert not torch.equal(module.noise, other.noise)


def test_forget_images_are_never_read(monkeypatch):
    read = []
    loader = Digits.loader
    monkeypatch.setattr(Digits, "loader", lambda self, data, **kwargs: read.append(data) or loader(self, data, **kwargs))
    trainer = fit(method(UNSIR, **SMALL), epochs=2)
    assert set(trainer.train_dataloader) == {"retain_subset"}
    assert not any(torch.isin(data.labels[data.positions], torch.tensor(FORGET)).any() for data in read)


@pytest.mark.parametrize("policy", ["train", "eval"])
def test_batchnorm_policy_is_held(policy):
    module = method(UNSIR, batchnorm=policy, **SMALL)
    fit(module)
    assert torch.equal(module.network.layer1[1].running_mean, module.original.layer1[1].running_mean) is (policy == "eval")


def test_wrong_requests():
    with pytest.raises(ValueError, match="forgets whole classes"):
        method(UNSIR, forget=[])
    with pytest.raises(ValueError, match="must be at least 1"):
        method(UNSIR, samples_per_class=0)
