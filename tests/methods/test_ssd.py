"""SSD: importances, the rule, and the file that keeps them."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from oro_unlearn.data import Digits
from oro_unlearn.methods import SSD
from oro_unlearn.networks import SmallCNN, save_weights
from tests.methods.test_methods import FORGET, fit, method


def run(module: SSD, **kwargs) -> SSD:
    trainer = Trainer(max_epochs=0, accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False)
    trainer.fit(module, Digits(**{"forget": FORGET, **kwargs}))
    return module


def untouched(**kwargs) -> SSD:
    """No weight matters a million million times more."""
    return run(method(SSD, alpha=1e12), **kwargs)


def test_importance_is_the_mean_square_of_the_batches_mean_gradient():
    module = untouched(batch_size=60)
    found = module.importances("forget")
    data = module.trainer.datamodule
    positions = data.split("forget").positions
    positions = positions[torch.randperm(len(positions), generator=torch.Generator().manual_seed(module.stream("order")))]
    network, expected = module.original.requires_grad_(True), 0.0
    for rows in positions.split(60):
        images = data.normalise(data.split("train").images[rows].float().div(255))
        network.zero_grad()
        cross_entropy(network(images), data.split("train").labels[rows]).backward()
        expected += network.layer2[0].weight.grad ** 2 / 5
    assert len(positions.split(60)) == 5
    assert torch.allclose(found["layer2.0.weight"], expected, rtol=1e-3, atol=1e-9)


def test_the_rule():
    """Hand values: kept at the threshold and below, dampened above, never amplified, zero where only f uses it."""
    module = untouched()
    names = dict(module.network.named_parameters())
    everything = {name: torch.ones_like(value) for name, value in names.items()}
    forgotten = {name: torch.zeros_like(value) for name, value in names.items()}
    everything["fc.bias"] = torch.tensor([1.0, 1, 1, 1, 0, 0, 1, 1, 1, 1])
    forgotten["fc.bias"] = torch.tensor([0.0, 2, 4, 8, 3, 0, 2.5, 1, 1, 1])
    module.alpha, module.dampening = 2.0, 3.0
    module._importances_of_all, module.importances = lambda: everything, lambda split: forgotten
    before = {name: value.detach().clone() for name, value in names.items()}
    module.on_fit_start()
    factors = torch.tensor([1, 1, 0.75, 0.375, 0, 1, 1, 1, 1, 1])  # 3 / 2.5 is above 1: kept
    assert torch.allclose(module.network.fc.bias, before["fc.bias"] * factors)
    assert all(torch.equal(value, before[name]) for name, value in names.items() if name != "fc.bias")
    assert all(torch.isfinite(value).all() for value in names.values())


def test_weights_only_shrink_and_statistics_stay():
    module = method(SSD, alpha=1.5)
    fit(module)
    before = module.original.state_dict()
    changed = 0
    for name, value in module.network.state_dict().items():
        if "running" in name or "num_batches" in name:
            assert torch.equal(value, before[name])
        else:
            changed += int((value != before[name]).sum())
            assert (value.abs() <= before[name].abs()).all()
            assert (value * before[name] >= 0).all(), "no sign changes"
    assert changed > 0
    assert module.network.fc.weight.grad is None


def test_it_depends_on_the_batch_size_as_published():
    """Mean gradients of smaller batches are noisier: larger squares."""
    small, large = (untouched(batch_size=size).importances("train")["fc.weight"].sum() for size in (16, 512))
    assert small > large


def test_images_are_shuffled():
    """A folder of images is in the order of its classes; batches must not be."""
    module = untouched()
    module.importances("train")
    labels = next(module.batches("shuffled")).labels
    assert len(labels.unique()) == 10
    positions = module.trainer.datamodule.split("shuffled").positions
    assert not torch.equal(positions, positions.sort().values)


def test_importances_are_stored_and_reused(monkeypatch):
    first = run(method(SSD, alpha=1.5, importance_file="kept/all.safetensors"))
    stored = load_file("kept/all.safetensors")
    assert torch.equal(stored["fc.weight"], untouched().importances("train")["fc.weight"])
    read = []
    importances = SSD.importances
    monkeypatch.setattr(SSD, "importances", lambda self, split: read.append(split) or importances(self, split))
    again = run(method(SSD, alpha=1.5, importance_file="kept/all.safetensors"))
    assert read == ["forget"]
    assert all(torch.equal(value, first.network.state_dict()[name]) for name, value in again.network.state_dict().items())
    assert [path.name for path in Path("kept").iterdir()] == ["all.safetensors"], "written whole"


def importances_of_the_original(module: SSD) -> torch.Tensor:
    module.network.load_state_dict(module.original.state_dict())
    return module.importances("train")["fc.weight"]


def changed(change: str, importance_file: str) -> tuple[SSD, dict[str, int]]:
    """A method and options of the data that differ in one thing from a run with batches of 64."""
    module = method(SSD, importance_file=importance_file, seed=2 if change == "seed" else None)
    data = {"batch_size": 32} if change == "batch size" else {"batch_size": 64}
    data |= {"per_class": 20} if change == "training set" else {}
    if change == "original":
        state = load_file(module.original_path)
        state["fc.bias"] += 1e-3
        save_weights(state, module.original_path)
    if change == "network":
        module.network = SmallCNN(10, width=6)
        save_weights(module.network, module.original_path)
    return module, data


class Changed(Digits):
    """Digits that differ in one thing: a pixel, which pictures, their size, or their normalisation."""

    def __init__(self, change: str = "", **kwargs) -> None:
        super().__init__(**kwargs)
        self.change = change
        self.mean = (0.4,) if change == "normalisation" else self.mean

    def load(self):
        train, test = super().load()
        if self.change == "content":
            train.images[0, 0, 0, 0] += 1
        if self.change == "size":
            train.images, test.images = (part.images.reshape(-1, 1, 4, 16) for part in (train, test))
        return train, test


@pytest.mark.parametrize("change", ["normalisation", "content", "size"])
def test_importances_belong_to_pictures_of_one_content_size_and_normalisation(change):
    trainer = {"max_epochs": 0, "accelerator": "cpu", "logger": False, "enable_checkpointing": False}
    Trainer(**trainer).fit(method(SSD, importance_file="all.safetensors"), Changed(forget=FORGET))
    Trainer(**trainer).fit(method(SSD, importance_file="all.safetensors"), Changed(forget=FORGET))
    with pytest.raises(ValueError, match=r"another .* training set \(pictures, their size or normalisation\)"):
        Trainer(**trainer).fit(method(SSD, importance_file="all.safetensors"), Changed(change, forget=FORGET))


CHANGES = ["batch size", "training set", "original", "network", "seed"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_named_file_of_something_else_is_refused(change):
    run(method(SSD, importance_file="all.safetensors"), batch_size=64)
    module, data = changed(change, "all.safetensors")
    with pytest.raises(ValueError, match=r"all.safetensors was made for another original, batch size, seed, version or"):
        run(module, **data)


def test_by_default_they_are_kept_beside_the_original(monkeypatch):
    first = run(method(SSD, alpha=1.5))
    stored = load_file("original.importances.safetensors")
    read, importances = [], SSD.importances
    monkeypatch.setattr(SSD, "importances", lambda self, split: read.append(split) or importances(self, split))
    again = run(method(SSD, alpha=1.5), forget=[5])
    assert read == ["forget"], "another request reads the same file"
    assert not torch.equal(again.network.fc.weight, first.network.fc.weight)
    assert torch.equal(stored["fc.weight"], importances_of_the_original(first))
    assert {path.name for path in Path().iterdir()} >= {"original.safetensors", "original.importances.safetensors"}
    assert not list(Path().glob(".importances*")), "written whole, and nothing left"


@pytest.mark.parametrize("change", [*CHANGES, "broken"])
def test_a_stale_file_that_nobody_named_is_replaced(change):
    run(method(SSD), batch_size=64)
    old = Path("original.importances.safetensors").read_bytes()
    if change == "broken":
        Path("original.importances.safetensors").write_bytes(old[:100])
    module, data = changed(change, "")
    run(module, **data)
    assert (Path("original.importances.safetensors").read_bytes() != old) is (change != "broken")
    stored = load_file("original.importances.safetensors")
    assert torch.equal(stored["fc.weight"], importances_of_the_original(module))
    assert torch.equal(stored["made_for"], module._stamp())


def test_off_keeps_nothing():
    run(method(SSD, importance_file="off"))
    assert not list(Path().glob("*importances*"))
    assert not Path("off").exists()


def test_where_nothing_can_be_written_they_are_not_kept(monkeypatch):
    def full(values, path):
        raise PermissionError(13, "Permission denied", str(path))

    wanted = run(method(SSD, alpha=1.5, importance_file="off")).network.state_dict()
    module, named = method(SSD, alpha=1.5), method(SSD, importance_file="all.safetensors")
    monkeypatch.setattr("oro_unlearn.methods.classes.ssd.save_weights", full)
    run(module)
    assert all(torch.equal(value, wanted[name]) for name, value in module.network.state_dict().items())
    assert not list(Path().glob("*importances*"))
    with pytest.raises(PermissionError):
        run(named)


def test_a_run_that_ends_while_another_writes_does_no_harm(monkeypatch):
    """Each writes into a folder of its own, and replaces the file whole."""
    inner = run(method(SSD, alpha=1.5, importance_file="off"))
    write, path, others = save_weights, Path("original.importances.safetensors"), []

    def interrupted(values, target):
        write(values, target)
        if not others:
            others.append(target)
            inner._keep(values, path)
            assert load_file(path).keys() == values.keys()

    monkeypatch.setattr("oro_unlearn.methods.classes.ssd.save_weights", interrupted)
    run(method(SSD, alpha=1.5))
    assert len(others) == 1
    assert "made_for" in load_file(path)
    assert not list(Path().glob(".importances*"))


def test_a_broken_file_is_named():
    Path("all.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"all\.safetensors cannot be read as importances"):
        run(method(SSD, importance_file="all.safetensors"))


def test_single_samples_can_be_forgotten():
    Path("rows.txt").write_text("3\n5\n8\n")
    module = run(method(SSD, forget=[], alpha=1.5), forget=[], forget_indices="rows.txt")
    assert not torch.equal(module.network.fc.weight, module.original.fc.weight)


def test_wrong_options():
    with pytest.raises(ValueError, match=r"--model\.alpha and --model\.dampening are positive"):
        method(SSD, alpha=0.0)


class Idle(SmallCNN):
    """Has a parameter that its outputs do not depend on, and may be frozen whole."""

    frozen = False

    def __init__(self, num_classes):
        super().__init__(num_classes, width=4)
        self.idle = torch.nn.Parameter(torch.ones(3))
        self.requires_grad_(not self.frozen)


def idle() -> SSD:
    save_weights(Idle(10), "original.safetensors")
    return SSD(network=Idle, num_classes=10, forget_classes=FORGET, original="original.safetensors", alpha=1.5)


def test_a_parameter_without_gradient_stays(monkeypatch):
    module = run(idle())
    assert torch.equal(module.network.idle, torch.ones(3))
    assert not module.importances("forget")["idle"].any()
    monkeypatch.setattr(Idle, "frozen", True)
    with pytest.raises(ValueError, match="SSD weighs gradients, and no parameter of Idle takes part in one"):
        run(idle())
