"""The script for a GPU does what it says, on whatever device there is."""

import pytest

from benchmarks.speed import gpu
from tests.benchmarks.test_speed_relational import words
from tests.conftest import CONFIGS

SMALL = ["--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--model.network.init_args.width", "4"]
SMALL += ["--data.batch_size", "8", "--trainer.precision", "32-true"]


def test_an_original_is_trained_and_forgets(offline, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "CONFIGS", CONFIGS / "cifar10")
    original, rows = gpu.trained(SMALL)
    assert [row["target"] for row in rows] == ["< 60", ">= 0.94"]
    assert 0 <= rows[1]["ratio"] <= 1
    row = gpu.forgotten(original, [*SMALL, "--force", "true"])
    assert row["ratio"] > 0
    assert "cache: activations (everything before layer3 is frozen" in capsys.readouterr().out


def test_an_adapter_is_timed_against_its_network(monkeypatch):
    monkeypatch.setattr(gpu, "in_turn", lambda sides, runs: {name: side() for name, side in sides.items()} and {
        "bare": [3.0], "ours": [4.0]
    })  # fmt: skip
    row = gpu.adapted(words(), runs=1)
    assert row["ratio"] == pytest.approx(0.75)


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device"):
        gpu.main([])
