"""SCRUB: its phases, its divergence, and which weights it rewinds to."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.nn.functional import cross_entropy

from oro_unlearn.data import Digits
from oro_unlearn.methods import SCRUB
from tests.methods.test_baselines import loaded, sgd, train
from tests.methods.test_methods import FORGET, batch, method
from tests.methods.test_random_labels import Splits


def test_losses_are_those_of_the_paper():
    module = loaded(SCRUB, temperature=2.0, divergence_weight=0.5, label_weight=0.7)
    forget, retain = batch(), batch(8)
    for data in (forget, retain):
        own, originals = module(data.images), module.original_logits(data.images)
        assert module.divergence(own, originals).item() == pytest.approx(0, abs=1e-6), "still the original"
    with torch.no_grad():
        module.network.fc.weight += torch.randn_like(module.network.fc.weight)
    kl = {}
    for name, data in (("forget", forget), ("retain", retain)):
        teacher, student = (z.double() / 2 for z in (module.original_logits(data.images), module(data.images)))
        p, q = teacher.softmax(1), student.softmax(1)
        kl[name] = 4 * (p * (p / q).log()).sum(1).mean().item()
    assert module.losses(forget=forget)["forget"].item() == pytest.approx(-kl["forget"], rel=1e-4)
    found = module.losses(retain=retain)
    assert found["divergence"].item() == pytest.approx(0.5 * kl["retain"], rel=1e-4)
    assert found["retain"].item() == pytest.approx(0.7 * cross_entropy(module(retain.images), retain.labels).item(), rel=1e-4)


@pytest.mark.parametrize(
    ("max_steps", "expected"),
    [(2, "forget retain forget retain retain retain"), (1, "forget retain retain retain"), (0, "retain retain")],
)
def test_phases_alternate_and_end_on_the_retain_set(max_steps, expected):
    splits = Splits()
    train(method(SCRUB, max_steps=max_steps), Digits(forget=FORGET), epochs=len(expected.split()), callbacks=[splits])
    assert splits.read == expected.split()


def test_ending_on_the_forget_set_is_warned_of():
    with pytest.warns(UserWarning, match="ruins the network"):
        train(method(SCRUB), Digits(forget=FORGET), epochs=3)


def test_a_resumed_run_goes_on_with_its_phase():
    saved, splits = ModelCheckpoint(".", filename="half"), Splits()
    train(method(SCRUB), Digits(forget=FORGET), epochs=2, enable_checkpointing=True, callbacks=[saved])
    splits.read = ["forget", "retain"]
    train(method(SCRUB), Digits(forget=FORGET), epochs=5, callbacks=[splits], resume="half.ckpt")
    assert splits.read == ["forget", "retain", "forget", "retain", "retain"]


def test_the_weights_closest_to_the_aim_are_rewound_to(monkeypatch):
    module = loaded(SCRUB)
    module._kept = [(error, {"weights": error}) for error in (0.2, 0.5, 0.6, 0.9)]
    for aim, expected in ((0.1, 0.2), (0.52, 0.5), (0.55, 0.6), (1.0, 0.9)):
        monkeypatch.setattr(module, "error", lambda split, aim=aim: aim)
        assert module.rewound() == {"weights": expected}


@pytest.mark.parametrize(("forget", "heldout"), [([8], "test_forget"), ([], "test_retain")])
def test_rewinding_reads_what_is_held_out_and_never_the_test_split(forget, heldout, monkeypatch):
    train_positions = Digits(holdout=0.2).split("train").positions
    Path("forget.txt").write_text(" ".join(map(str, train_positions[::10].tolist())))
    data = Digits(forget=forget, holdout=0.2) if forget else Digits(forget_indices="forget.txt", holdout=0.2)
    read, error = [], SCRUB.error

    def recorded(module: SCRUB, split: str) -> float:
        read.append((split, error(module, split)))
        return read[-1][1]

    monkeypatch.setattr(SCRUB, "error", recorded)
    module = method(SCRUB, forget=forget, rewind=True, optimizer=sgd(lr=0.03))
    train(module, data, epochs=5, steps=None)
    assert [split for split, _ in read] == ["forget", "forget", "forget", heldout]
    assert torch.isin(data.split(heldout).positions, Digits().split("train").positions).all()
    *errors, aim = (value for _, value in read)
    best = max(range(3), key=lambda position: (-abs(errors[position] - aim), position))
    kept = module._kept[best][1]
    assert all(torch.equal(value, kept[name]) for name, value in module.network.state_dict().items())


def test_rewinding_is_in_the_checkpoint_and_survives_a_resumption():
    saved = ModelCheckpoint(".", filename="rewound")
    options = {"rewind": True, "max_steps": 1}
    train(method(SCRUB, **options), Digits(forget=FORGET, holdout=0.2), 2, enable_checkpointing=True, callbacks=[saved])
    module, last = method(SCRUB, **options), ModelCheckpoint(".", filename="last")
    data = Digits(forget=FORGET, holdout=0.2)
    train(module, data, epochs=4, enable_checkpointing=True, callbacks=[last], resume="rewound.ckpt")
    assert len(module._kept) == 3
    written = torch.load("last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(written[f"network.{name}"], value) for name, value in module.network.state_dict().items())


def test_rewinding_without_held_out_images_is_refused():
    with pytest.raises(ValueError, match=r"data\.holdout"):
        train(method(SCRUB, rewind=True), Digits(forget=FORGET))
