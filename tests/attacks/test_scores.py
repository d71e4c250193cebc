"""Scores: what is collected, and that a file gives back what was written."""

import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from oro_unlearn.attacks import Scores, collect_scores, load_scores, save_scores
from oro_unlearn.networks import SmallCNN
from oro_unlearn.user_error import UserError


class Doubling(nn.Module):
    """Features are twice the pixels; the head sums them, and the sum's negative."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))

    def forward(self, images):
        return self.fc(2 * images.flatten(1))


def batches(count: int = 10, size: int = 4):
    images = torch.randn(count, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    return list(zip(images.split(size), torch.arange(count).split(size), (100 + torch.arange(count)).split(size), strict=True))


def scores(count: int = 6, width: int = 5) -> Scores:
    return Scores(torch.randn(count, 3), torch.rand(count, width), torch.arange(count) % 3, torch.arange(count) + 7)


def test_values():
    images = torch.tensor([[1.0, 2.0], [0.5, 0.0], [0.0, -1.0]]).view(3, 1, 1, 2)
    parts = [(images[:2], torch.tensor([1, 0]), torch.tensor([7, 3])), (images[2:], torch.tensor([1]), torch.tensor([5]))]
    found = collect_scores(Doubling(), 2, parts)
    assert found.features.tolist() == [[2, 4], [1, 0], [0, -2]]
    assert found.logits.tolist() == [[6, -6], [1, -1], [-2, 2]]
    assert found.labels.tolist() == [1, 0, 1]
    assert found.index.tolist() == [7, 3, 5]


def test_networks_are_scored_in_eval_mode_whatever_the_batches():
    network = SmallCNN(10, width=4).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    whole, parts = collect_scores(network, 10, batches(size=10)), collect_scores(network, 10, batches(size=3))
    assert torch.allclose(whole.logits, parts.logits, atol=1e-6)  # not so with the statistics of each batch
    assert torch.allclose(network.fc(whole.features), whole.logits, atol=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_each_module_gets_its_own_mode_back():
    network = SmallCNN(10, width=4).train()
    network.layer2.eval()
    collect_scores(network, 10, batches())
    assert network.training
    assert network.layer1[1].training
    assert not network.layer2[1].training


def test_modes_and_hooks_are_put_back_after_an_error():
    network = SmallCNN(10, width=4).train()
    with pytest.raises(RuntimeError):
        collect_scores(network, 10, [(torch.zeros(1, 3, 16, 16), torch.zeros(1), torch.zeros(1))])
    assert network.layer1[1].training
    assert not network.fc._forward_pre_hooks


def test_scores_are_float32_under_autocast_and_have_no_gradient():
    network = SmallCNN(10, width=4)
    plain = collect_scores(network, 10, batches())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = collect_scores(network, 10, batches())
    assert torch.equal(found.logits, plain.logits)
    assert found.logits.dtype == found.features.dtype == torch.float32
    assert found.labels.dtype == found.index.dtype == torch.int64
    assert not found.features.requires_grad


def test_nothing_to_score():
    with pytest.raises(ValueError, match="the split is empty"):
        collect_scores(SmallCNN(10, width=4), 10, [])


def test_features_that_are_not_pooled():
    network = nn.Sequential(nn.Linear(16, 3))
    with pytest.raises(ValueError, match=r"takes features \(4, 1, 16, 16\)"):
        collect_scores(network, 3, batches())


def test_round_trip(tmp_path):
    written = {"train": scores(), "test_forget": scores(3)}
    save_scores(written, tmp_path / "new" / "scores.safetensors")
    found = load_scores(tmp_path / "new" / "scores.safetensors")
    assert found.keys() == written.keys()
    for split, rows in written.items():
        for name in ("logits", "labels", "index"):
            assert torch.equal(getattr(found[split], name), getattr(rows, name))
        assert found[split].features.dtype == torch.float32
        assert torch.allclose(found[split].features, rows.features, rtol=2**-11, atol=0)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["scores.safetensors"]


def test_a_mask_survives_the_round_trip(tmp_path):
    network = SmallCNN(10, width=4)
    with torch.no_grad():
        network.fc.bias[[3, 7]] = -math.inf
    save_scores({"test": collect_scores(network, 10, batches())}, tmp_path / "scores.safetensors")
    logits = load_scores(tmp_path / "scores.safetensors")["test"].logits
    assert logits[:, [3, 7]].eq(-math.inf).all()
    assert logits.isfinite().sum() == 10 * 8


@pytest.mark.parametrize(
    ("features", "stored"),
    [
        (torch.rand(50, 4), torch.float16),
        (torch.zeros(50, 4), torch.float16),
        (torch.rand(50, 4) * 1e6, torch.float32),  # beyond the largest half-precision number
        (torch.rand(50, 4) + 100, torch.float32),  # rounded to sixteenths
        (torch.rand(50, 4) * 1e-8, torch.float32),  # rounded to nothing
        (torch.full((50, 4), math.nan), torch.float32),
    ],
)
def test_features_are_halved_only_where_that_does_not_show(features, stored, tmp_path):
    path = tmp_path / "scores.safetensors"
    save_scores({"test": scores(50)._replace(features=features)}, path)
    assert load_file(path)["test.features"].dtype == stored
    found = load_scores(path)["test"].features
    assert torch.allclose(found, features, rtol=2**-11, atol=1e-7, equal_nan=True)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "scores.safetensors"
    save_scores({"test": scores(4)}, path)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_scores({"test": scores(9)}, path)
    assert len(load_scores(path)["test"].labels) == 4


def test_files_that_are_no_scores(tmp_path):
    path = tmp_path / "scores.safetensors"
    with pytest.raises(UserError, match="not found"):
        load_scores(path)
    path.write_text("no tensors")
    with pytest.raises(ValueError, match="cannot be read as scores") as error:
        load_scores(path)
    assert "\n" not in str(error.value)
    save_file({"fc.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(ValueError, match=r"holds no scores \(fc.features does not fit\)"):
        load_scores(path)
    save_scores({"test": scores()._replace(labels=torch.zeros(2, dtype=torch.long))}, path)
    with pytest.raises(ValueError, match=r"scores of test that do not go together .*labels \(2,\)"):
        load_scores(path)
