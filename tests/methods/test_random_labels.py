"""Random labels, and SalUn's mask: who draws what, and what never moves."""

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.nn.functional import cross_entropy

from oro_unlearn.data import Digits
from oro_unlearn.methods import Batch, RandomLabels, SalUn
from tests.methods.test_baselines import loaded, sgd, train
from tests.methods.test_methods import FORGET, batch, method

STRONG = sgd(momentum=0.9, weight_decay=0.1)


class Splits(Callback):
    """What was read in each epoch."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.read[trainer.current_epoch :] = ["+".join(sorted(batch))]


def test_a_forgotten_class_is_relabelled_with_kept_ones():
    module, labels = loaded(RandomLabels), torch.arange(10).repeat(500)
    drawn = module.drawn_labels(labels)
    counts = drawn.bincount(minlength=10)
    assert (counts[FORGET] == 0).all()
    kept = [label for label in range(10) if label not in FORGET]
    assert (counts[kept] - 625).abs().max() < 100, "uniform over the kept classes"


def test_single_samples_get_any_label_but_their_own():
    module, labels = loaded(RandomLabels, forget=[]), torch.arange(10).repeat(500)
    drawn = module.drawn_labels(labels)
    assert (drawn != labels).all()
    pairs = torch.zeros(10, 10).index_put((labels, drawn), torch.ones(5000), accumulate=True)
    assert ((pairs > 20) == ~torch.eye(10, dtype=torch.bool)).all()


def test_labels_depend_on_seed_and_sample_alone():
    labels = torch.arange(10).repeat(10)
    drawn = loaded(RandomLabels).drawn_labels(labels)
    state = torch.get_rng_state()
    again = loaded(RandomLabels).drawn_labels(labels)
    assert torch.equal(drawn, again)
    module = loaded(RandomLabels, seed=2)
    torch.set_rng_state(state)
    assert not torch.equal(drawn, module.drawn_labels(labels))
    assert not torch.equal(drawn, module.drawn_labels(labels, epoch=1))
    assert torch.equal(torch.get_rng_state(), state), "the global stream was touched"


@pytest.mark.parametrize("labels", ["fixed", "per_epoch"])
def test_labels_are_kept_or_redrawn(labels):
    module, seen = method(RandomLabels, labels=labels), []

    class Drawn(Callback):
        def on_train_batch_end(self, trainer, pl_module, *args) -> None:
            seen.append(pl_module._drawn.clone())

    data = Digits(forget=FORGET)
    train(module, data, epochs=2, steps=1, callbacks=[Drawn()])
    assert torch.equal(*seen) is (labels == "fixed")
    epochs = [0, 0] if labels == "fixed" else [0, 1]
    expected = [module.drawn_labels(data.split("train").labels, epoch) for epoch in epochs]
    assert all(torch.equal(*pair) for pair in zip(seen, expected, strict=True))


def test_losses_of_random_labels():
    module = loaded(RandomLabels)
    module._drawn = torch.arange(10).repeat(10)
    forget = Batch(torch.randn(4, 1, 16, 16), torch.tensor([3, 8, 3, 8]), torch.tensor([40, 17, 5, 99]))
    retain = batch(8)
    found = module.losses(forget, retain)
    expected = cross_entropy(module(forget.images), torch.tensor([0, 7, 5, 9]))
    assert found["forget"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert found["retain"].item() == pytest.approx(cross_entropy(module(retain.images), retain.labels).item(), rel=1e-5)
    assert set(module.losses(forget=forget)) == {"forget"}
    assert set(module.losses(retain=retain)) == {"retain"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["forget+retain"] * 4),
        ({"order": "sequential"}, ["forget", "retain", "forget", "retain"]),
        ({"retain": "none", "batchnorm": "eval"}, ["forget"] * 4),
    ],
)
def test_phases(options, expected):
    splits = Splits()
    train(method(RandomLabels, **options), Digits(forget=FORGET), epochs=4, callbacks=[splits])
    assert splits.read == expected


def test_a_resumed_run_goes_on_with_its_phase():
    saved = ModelCheckpoint(".", filename="half")
    options = {"order": "sequential", "labels": "per_epoch"}
    train(method(RandomLabels, **options), Digits(forget=FORGET), enable_checkpointing=True, callbacks=[saved])
    module, splits = method(RandomLabels, **options), Splits()
    splits.read = ["forget"]
    trainer = train(module, Digits(forget=FORGET), epochs=3, steps=1, callbacks=[splits], resume="half.ckpt")
    assert splits.read == ["forget", "retain", "forget"]
    assert trainer.current_epoch == 3
    assert torch.equal(module._drawn, module.drawn_labels(Digits(forget=FORGET).split("train").labels, 2))


@pytest.mark.parametrize("density", [0.001, 0.3, 0.5, 1.0])
def test_the_mask_has_exactly_the_share(density):
    module = method(SalUn, density=density)
    train(module, Digits(forget=FORGET), steps=1)
    total = sum(p.numel() for p in module.network.parameters())
    assert sum(int(part.sum()) for part in module._mask) == round(density * total)


def test_the_mask_is_the_largest_gradient_over_the_whole_forget_set():
    """Whatever the batch size: |sum over samples|, not the sum of absolute batch gradients."""
    module = method(SalUn, density=0.2)
    train(module, Digits(forget=FORGET, batch_size=100), steps=1)
    whole = Batch(*(torch.cat(parts) for parts in zip(*(batch[:3] for batch in module.batches("forget")), strict=True)))
    network = module.original.requires_grad_(True).eval()
    gradients = torch.autograd.grad(cross_entropy(network(whole.images), whole.labels), list(network.parameters()))
    size, mask = (torch.cat([part.flatten() for part in parts]) for parts in (gradients, module._mask))
    size = size.abs()
    assert size[mask].min() >= size[~mask].max() * (1 - 1e-4)
    module.original.requires_grad_(False)


def masked_are_kept(module: SalUn) -> None:
    fresh = {name: value.clone() for name, value in module.original.state_dict().items()}
    edited = 0
    for (name, parameter), part in zip(module.network.named_parameters(), module._mask, strict=True):
        assert torch.equal(parameter[~part], fresh[name][~part]), name
        edited += int((parameter[part] != fresh[name][part]).sum())
    assert edited > 0.5 * sum(int(part.sum()) for part in module._mask)


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2}, {"precision": "bf16-mixed"}])
def test_masked_coordinates_stay_bit_identical(options):
    module = method(SalUn, density=0.3, optimizer=STRONG)
    train(module, Digits(forget=FORGET), epochs=2, gradient_clip_val=1.0, **options)
    masked_are_kept(module)


def test_clipping_sees_the_edited_coordinates_alone():
    module = method(SalUn, density=0.3)
    module.seen = []

    class Norms(Callback):
        def on_before_zero_grad(self, trainer, pl_module, optimizer) -> None:
            grads = [p.grad.flatten() for p in pl_module.network.parameters() if p.grad is not None]
            pl_module.seen += [torch.cat(grads).norm().item()] if grads else []

    train(module, Digits(forget=FORGET), epochs=1, gradient_clip_val=0.01, callbacks=[Norms()])
    assert all(
        not p.grad[~part].any() for p, part in zip(module.network.parameters(), module._mask, strict=True) if p.grad is not None
    )
    assert module.seen == pytest.approx([0.01] * len(module.seen), rel=1e-3)


def test_a_resumed_run_keeps_the_mask_and_what_it_masks():
    saved = ModelCheckpoint(".", filename="half")
    first = method(SalUn, density=0.3, optimizer=STRONG)
    train(first, Digits(forget=FORGET), enable_checkpointing=True, callbacks=[saved])
    module = method(SalUn, density=0.3, optimizer=STRONG)
    module.salient = None  # would be an error to call
    train(module, Digits(forget=FORGET), epochs=2, resume="half.ckpt")
    assert all(torch.equal(*parts) for parts in zip(first._mask, module._mask, strict=True))
    masked_are_kept(module)
