"""SVDUnlearning: against singular values, and which images it reads."""

from copy import deepcopy

import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn.functional import unfold

from oro_unlearn.data import Digits
from oro_unlearn.methods import SVDUnlearning
from oro_unlearn.methods.classes import svd_unlearning
from tests.methods.test_methods import FORGET, fit, method


class Watched(Digits):
    """Notes which positions pass through a loader."""

    def loader(self, data, **kwargs):
        """As ever, and a note."""
        self.__dict__.setdefault("read", []).append(data.positions)
        return super().loader(data, **kwargs)


class Exact(Watched):
    """Float64 images, for a network in float64."""

    def normalise(self, pixels):
        """In float64."""
        return super().normalise(pixels.double())


def run(module: SVDUnlearning, data: Digits) -> Digits:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    Trainer(max_epochs=0, accelerator="cpu", **quiet).fit(module, data)
    return data


def projection(columns: torch.Tensor, alpha: float) -> torch.Tensor:
    u, s, _ = torch.linalg.svd(columns, full_matrices=False)
    shares = s**2 / (s**2).sum()
    return u @ torch.diag(alpha * shares / ((alpha - 1) * shares + 1)) @ u.T


def test_the_edit_is_the_papers():
    """W (I - (I - M_r) M_f)^T, layer by layer, from the singular values of the same images' inputs."""
    module = method(SVDUnlearning, alpha_retain=[30.0], alpha_forget=[5.0], samples=40).double()
    data = run(module, Exact(forget=FORGET, batch_size=16))
    inputs: dict[str, list[torch.Tensor]] = {"layer2.0": [], "fc": []}
    for positions in data.read:
        images = data.normalise(data.split("train").images[positions].float().div(255))
        network = module.original
        inputs["layer2.0"].append(unfold(network.layer1(images), 3, padding=1, stride=2).transpose(0, 1).flatten(1))
        inputs["fc"].append(network.layer3(network.layer2(network.layer1(images))).mean((2, 3)).T)
    for name, (retain, forget) in inputs.items():
        weight = module.original.get_submodule(name).weight.flatten(1)
        edit = torch.eye(len(retain)).double() - (torch.eye(len(retain)) - projection(retain, 30)) @ projection(forget, 5)
        found, expected = module.network.get_submodule(name).weight.flatten(1), weight @ edit
        assert (found - expected).norm() / (weight - expected).norm() < 1e-5


def test_every_map_is_edited_and_nothing_else():
    module = method(SVDUnlearning)
    fit(module)
    for name, value in module.network.state_dict().items():
        same = torch.equal(value, module.original.state_dict()[name])
        assert same is not (name.endswith(".weight") and value.ndim > 1), name
    assert not module.network.training


@pytest.mark.parametrize("forget", [[8], FORGET, [0, 1, 2]])
def test_every_class_gives_as_many_images(forget):
    data = run(method(SVDUnlearning, forget=forget, samples=45), Watched(forget=forget))
    retain, forgotten = (data.split("train").labels[positions].bincount(minlength=10) for positions in data.read)
    each = -(-45 // (10 - len(forget))), -(-45 // len(forget))
    assert all(count == (0 if label in forget else each[0]) for label, count in enumerate(retain))
    assert all(count == (each[1] if label in forget else 0) for label, count in enumerate(forgotten))


def test_a_grid_is_chosen_on_training_images_that_the_matrices_have_not_seen():
    module = method(SVDUnlearning, alpha_retain=[10.0, 100.0], alpha_forget=[1.0, 30.0], samples=100, selection=0.2)
    data = run(module, Watched(forget=FORGET))
    measured, held_out = data.read[:2], data.read[2:4]
    assert len(data.read) == 2 + 4 * 2
    for split, seen, unseen in zip(("retain", "forget"), measured, held_out, strict=True):
        members = data.split(split).positions
        assert torch.isin(torch.cat([seen, unseen]), members).all()
        assert not torch.isin(seen, unseen).any()
        share = data.split("train").labels[unseen].bincount() / data.split("train").labels[members].bincount()
        assert torch.allclose(share[~share.isnan() & (share > 0)], torch.tensor(0.2), atol=0.01)


def test_one_pair_chooses_nothing():
    assert len(run(method(SVDUnlearning), Watched(forget=FORGET)).read) == 2


def test_the_best_pair_is_kept_and_the_first_of_equals(monkeypatch):
    """The score is ACC_r (1 - ACC_f)."""
    module = method(SVDUnlearning, alpha_retain=[10.0, 100.0], alpha_forget=[1.0, 30.0])
    accuracies = iter([0.9, 0.5, 0.8, 0.2, 1.0, 0.36, 0.7, 0.1])  # .45, .64, .64, .63
    monkeypatch.setattr(module, "_accuracy", lambda positions: next(accuracies))
    edits = []
    edit = module._edit
    monkeypatch.setattr(module, "_edit", lambda *args: (edits.append(args[2]), edit(*args)))
    fit(module)
    assert edits == [(10.0, 1.0), (10.0, 30.0), (100.0, 1.0), (100.0, 30.0), (10.0, 30.0)]


def test_a_pair_does_not_build_on_the_one_before():
    twice = method(SVDUnlearning, alpha_retain=[1000.0, 100.0], alpha_forget=[3.0])
    twice._accuracy = lambda positions: 0.0
    fit(twice)
    kept = deepcopy(twice.network.state_dict())
    spread = method(SVDUnlearning, alpha_retain=[1000.0, 1000.0], alpha_forget=[3.0])
    spread._accuracy = lambda positions: 0.0
    fit(spread)
    assert all(torch.equal(value, kept[name]) for name, value in spread.network.state_dict().items())


def test_the_draw_is_seeded():
    reads = [run(method(SVDUnlearning, samples=50, seed=seed), Watched(forget=FORGET)).read[0] for seed in (0, 0, 1)]
    assert torch.equal(reads[0], reads[1])
    assert not torch.equal(reads[0], reads[2])


@pytest.mark.parametrize(("needed", "said"), [(2**20, ""), (2 * 2**30, "needs about 2.1 GB of memory, most of it for fc")])
def test_much_memory_is_said_before(needed, said, monkeypatch, capsys):
    monkeypatch.setattr(svd_unlearning, "memory_needed", lambda *args: (needed, "fc"))
    run(method(SVDUnlearning, samples=20), Watched(forget=FORGET))
    out = capsys.readouterr().out
    assert said in out
    assert ("SVDUnlearning" in out) is bool(said)


def test_more_memory_than_is_free_is_refused(monkeypatch):
    monkeypatch.setattr(svd_unlearning, "memory_needed", lambda *args: (2**60, "classifier.0"))
    with pytest.raises(ValueError, match=r"about 1\.2 EB of memory, most of it for classifier\.0, and .* free: lower --model"):
        run(method(SVDUnlearning), Watched(forget=FORGET))


@pytest.mark.parametrize("options", [{"alpha_retain": []}, {"alpha_forget": [0.0]}, {"selection": 1.0}, {"samples": 0}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match="alpha_forget and samples are above 0"):
        method(SVDUnlearning, **options)


def test_too_few_images_to_choose_on():
    module = method(SVDUnlearning, alpha_retain=[10.0, 100.0], selection=0.01)
    with pytest.raises(ValueError, match="too small to choose alphas"):
        run(module, Digits(forget=FORGET, per_class=5))
