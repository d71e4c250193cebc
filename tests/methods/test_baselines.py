"""Baselines that forget classes or samples: what they minimise, which data they read, and what they leave alone."""

from copy import deepcopy
from math import log
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn.functional import cross_entropy, softshrink

from oro_unlearn.data import Digits
from oro_unlearn.data.images.labelled_images import TensorImages
from oro_unlearn.methods import SCRUB, BadTeacher, FineTune, GradientAscent, L1Sparse, NegGradPlus, RandomLabels, SalUn
from oro_unlearn.networks import load_weights
from tests.methods.test_methods import FORGET, batch, fit, method

KINDS = [BadTeacher, FineTune, GradientAscent, L1Sparse, NegGradPlus, RandomLabels, SalUn, SCRUB]


def loaded(kind, **kwargs):
    module = method(kind, **kwargs)
    module.trainer = Trainer(max_epochs=10, accelerator="cpu", logger=False)
    module.setup("fit")
    return module.eval()


def train(module, data: Digits, epochs: int = 1, steps: int | None = 3, resume: str | None = None, **kwargs) -> Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=epochs, limit_train_batches=steps, accelerator="cpu", **{**quiet, **kwargs})
    trainer.fit(module, data, ckpt_path=resume)
    return trainer


def sgd(lr: float = 0.1, **kwargs):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, **kwargs)


class Forbidden(TensorImages):
    """Images that must not be looked at."""

    def __getitems__(self, items):
        raise AssertionError("was read")


def test_losses_of_neg_grad_plus():
    module, forget, retain = loaded(NegGradPlus, retain_weight=0.75), batch(), batch(8)
    found = module.losses(forget, retain)
    assert found["forget"].item() == pytest.approx(-0.25 * cross_entropy(module(forget.images), forget.labels).item(), rel=1e-5)
    assert found["retain"].item() == pytest.approx(0.75 * cross_entropy(module(retain.images), retain.labels).item(), rel=1e-5)


def test_loss_of_fine_tuning():
    module, retain = loaded(FineTune), batch()
    assert set(module.losses(retain)) == {"retain"}
    assert torch.allclose(module.losses(retain)["retain"], cross_entropy(module(retain.images), retain.labels))


def test_ascent_is_bounded_by_a_guess():
    free, bounded, forget = loaded(GradientAscent), loaded(GradientAscent, bounded=True), batch(64)
    with torch.no_grad():
        for module in (free, bounded):
            module.network.fc.weight *= 30  # some samples above log K, some below
    each = cross_entropy(free(forget.images), forget.labels, reduction="none")
    assert 0 < (each > log(10)).sum() < 64
    assert free.losses(forget)["forget"].item() == pytest.approx(-each.mean().item(), rel=1e-5)
    assert bounded.losses(forget)["forget"].item() == pytest.approx(-each.clamp(max=log(10)).mean().item(), rel=1e-5)
    above = type(forget)(*(part[each > log(10)] for part in forget[:3]))
    bounded.losses(above)["forget"].backward()
    assert all(not p.grad.any() for p in bounded.network.parameters()), "still ascending above the bound"


@pytest.mark.parametrize(("target", "epochs"), [(1.0, 1), (-1.0, 3)])
def test_ascent_stops_when_enough_is_forgotten(target, epochs):
    module = method(GradientAscent, stop_accuracy=target, batchnorm="eval")
    trainer = train(module, Digits(forget=FORGET), epochs=3)
    assert trainer.global_step == 3 * epochs


def test_forget_accuracy_is_counted_over_the_epoch():
    module = method(GradientAscent, stop_accuracy=-1, batchnorm="eval", optimizer=sgd(lr=0.0))
    data = Digits(forget=FORGET, batch_size=50)
    trainer = train(module, data, epochs=2, steps=None)
    right = [(module.eval()(b.images).argmax(1) == b.labels).float() for b in module.batches("forget")]
    assert trainer.callback_metrics["forget_accuracy"].item() == pytest.approx(torch.cat(right).mean().item())
    assert module._counts[1] == len(data.split("forget")), "the epoch before was counted too"


@pytest.mark.parametrize("options", [{"no_l1_epochs": 0}, {"no_l1_epochs": 4}, {"no_l1_epochs": 10}])
def test_penalty_of_l1_falls_to_nothing(options, monkeypatch):
    module, retain = loaded(L1Sparse, alpha=0.5, **options), batch()
    penalised = 10 - options["no_l1_epochs"]
    l1 = sum(p.detach().double().abs().sum().item() for p in module.network.parameters())
    for epoch in range(10):
        monkeypatch.setattr(L1Sparse, "current_epoch", epoch)
        expected = 0.5 * (1 - epoch / penalised) if epoch < penalised else 0.0
        assert module.weight == pytest.approx(expected)
        assert module.losses(retain)["l1"].item() == pytest.approx(expected * l1, rel=1e-5)


def test_subgradient_of_l1_is_the_sign():
    module, retain = loaded(L1Sparse, alpha=0.5), batch()
    module.losses(retain)["l1"].backward()
    assert all(torch.equal(p.grad, 0.5 * p.sign()) for p in module.network.parameters())


def test_proximal_step_is_a_soft_threshold():
    """After one step: what plain fine-tuning gives, shrunk by the learning rate times alpha."""
    networks = {}
    for alpha in (0.0, 0.5):
        torch.manual_seed(0)
        module = method(L1Sparse, alpha=alpha, proximal=True, optimizer=sgd(lr=0.1, momentum=0.9))
        train(module, Digits(forget=FORGET), steps=1)
        networks[alpha] = module.network
    pairs = list(zip(networks[0.0].parameters(), networks[0.5].parameters(), strict=True))
    assert all(torch.equal(shrunk, softshrink(plain.detach(), 0.05)) for plain, shrunk in pairs)
    assert sum((shrunk == 0).sum() for _, shrunk in pairs) > 100


def test_l1_needs_the_number_of_epochs():
    with pytest.raises(ValueError, match="max_epochs"):
        train(method(L1Sparse), Digits(forget=FORGET), epochs=-1, max_steps=1)


@pytest.mark.parametrize(
    ("kind", "options", "unread"),
    [
        (FineTune, {}, "forget"),
        (L1Sparse, {}, "forget"),
        (GradientAscent, {"batchnorm": "eval"}, "retain"),
        (RandomLabels, {"retain": "none", "batchnorm": "eval"}, "retain"),
        (SalUn, {"retain": "none", "batchnorm": "eval"}, "retain"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_methods_of_one_set_never_read_the_other(kind, options, unread):
    data = Digits(forget=FORGET)
    whole = data.split(unread)
    data.sets[unread] = Forbidden(whole.images, whole.labels, whole.positions)
    trainer = train(method(kind, **options), data, epochs=2)
    assert unread not in trainer.train_dataloader
    with pytest.raises(AssertionError, match="was read"):
        train(method(NegGradPlus), data)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_single_samples_can_be_forgotten(kind):
    Path("forget.txt").write_text(" ".join(map(str, range(0, 400, 4))))
    module = method(kind, forget=[])
    train(module, Digits(forget_indices="forget.txt"), epochs=2)
    before = dict(module.original.named_parameters())
    moved = [name for name, p in module.network.named_parameters() if not torch.equal(p, before[name])]
    assert kind.forgets_samples
    assert moved


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_frozen_statistics_and_the_original_stay(kind):
    module = method(kind, batchnorm="eval", optimizer=sgd(momentum=0.9, weight_decay=0.1))
    fit(module, epochs=2)
    assert torch.equal(module.network.layer1[1].running_mean, module.original.layer1[1].running_mean)
    fresh = deepcopy(module.network)
    load_weights(fresh, "original.safetensors")
    kept = module.original.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in fresh.state_dict().items()), "the original moved"
    assert list(module.export().state_dict()) == list(fresh.state_dict()), "the export is the plain network"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (NegGradPlus, {"retain_weight": 0.0}, "retain_weight"),
        (NegGradPlus, {"retain_weight": 1.5}, "retain_weight"),
        (GradientAscent, {"stop_accuracy": 90}, "stop_accuracy"),
        (L1Sparse, {"alpha": -1.0}, "alpha"),
        (RandomLabels, {"order": "sequential", "retain": "none"}, "order"),
        (SalUn, {"density": 0.0}, "density"),
        (BadTeacher, {"retain_share": 1.1}, "retain_share"),
    ],
)
def test_bad_options_are_refused_in_one_line(kind, options, message):
    with pytest.raises(ValueError, match=message) as error:
        method(kind, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("kind", "options"), [(GradientAscent, {}), (RandomLabels, {"retain": "none"})])
def test_statistics_of_the_forget_set_alone_are_warned_of(kind, options):
    with pytest.warns(UserWarning, match="overwrite the statistics"):
        method(kind, batchnorm="train", **options)
