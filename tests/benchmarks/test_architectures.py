"""Every method on some architecture, and every architecture with some method: a diagonal of benchmarks/architectures.py."""

import json
from itertools import cycle
from pathlib import Path

import pytest
import torch

from benchmarks import architectures, small_networks
from benchmarks.architectures import METHODS, QUIET, Cell
from oro_unlearn.cli import build
from oro_unlearn.networks import logits_of, save_weights
from tests.conftest import CONFIGS, ROOT

NETWORKS = [name.replace("vgg11", "narrow_vgg") for name in architectures.NETWORKS]
BY_STRUCTURE = ["rwft_2_o", "eu_k", "cf_k", "rw_a", "graded_reset", "svd"]  # methods that look for stages or layers
OTHERS = [name for name in METHODS if name not in BY_STRUCTURE]
DIAGONAL = sorted({*zip(OTHERS, cycle(NETWORKS), strict=False), *zip(cycle(BY_STRUCTURE), NETWORKS, strict=False)})


@pytest.fixture(autouse=True)
def project_here():
    """Configs lie where the benchmark looks for them."""
    Path("lightning_configs").symlink_to(CONFIGS)
    Path("benchmarks").mkdir()
    Path("benchmarks/architectures.yaml").symlink_to(ROOT / "benchmarks/architectures.yaml")


def test_the_diagonal_misses_nothing():
    assert {method for method, _ in DIAGONAL} == set(METHODS)
    presets = {path.stem for path in CONFIGS.glob("methods/*.yaml")}
    assert {name for name in presets if not name.endswith("_text")} == set(METHODS), "those train the same layers on less data"
    assert {network for _, network in DIAGONAL} == set(NETWORKS)


@pytest.mark.parametrize(("method", "network"), DIAGONAL)
def test_a_preset_edits_a_network_as_it_is(method, network):
    cell = Cell(network, method, seed=0)
    source = getattr(small_networks, network)(5)
    save_weights(source, cell.original.folder / "model.safetensors")
    words = [*cell.job.command[1:], *QUIET, "--trainer.enable_progress_bar", "false", "--data.per_class", "8"]
    cli = build([*words, "--data.batch_size", "8", "--force", "true"])  # the weights are random
    cli.trainer.fit(cli.model, datamodule=cli.datamodule)
    cli.model.write(Path("out"))
    share = architectures.changed_share(cell.original.folder / "model.safetensors", Path("out/model.safetensors"))
    assert 0 < share < (0.97 if method in ("rwft_2_o", "eu_k", "cf_k", "rw_a", "logit_mask") else 1.01), "the rest is frozen"
    logits = logits_of(cli.model.export()(torch.rand(2, 3, 32, 32)))
    assert logits.shape == (2, 5)
    assert logits.isfinite().all() or method == "logit_mask"


def test_finished_cells_are_not_run_again_and_failed_ones_are(monkeypatch, capsys):
    ran = []

    def fake(cell: Cell) -> dict[str, object]:
        ran.append((cell.network, cell.method))
        return {"key": cell.key(), **({"failed": "error: no"} if cell.method == "svd" else {"changed": 0.5, "seconds": 1.0})}

    monkeypatch.setattr(architectures, "run", fake)
    words = ["--networks", "vit", "swin", "--methods", "eu_k", "svd"]
    for _ in range(2):
        architectures.main(words)
    assert ran == [("vit", "eu_k"), ("vit", "svd"), ("swin", "eu_k"), ("swin", "svd"), ("vit", "svd"), ("swin", "svd")]
    assert "svd on swin failed: error: no" in capsys.readouterr().err
    result = json.loads(architectures.RESULT.read_text())
    assert result["failed"] == ["svd on vit", "svd on swin"]
    assert {"command", "seed", "sources", "versions", "hardware"} <= set(result)
    architectures.main([*words, "--seed", "1"])
    assert len(ran) == 10, "another seed is another run"


def test_a_cell_reports_what_changed_or_why_it_failed(monkeypatch):
    few = ["--data.per_class", "8", "--data.test_per_class", "4", "--force", "true"]
    monkeypatch.setattr(architectures, "SMALL", [*architectures.SMALL, *few])
    record = architectures.run(Cell("narrow_vgg_bn", "logit_mask", seed=0))
    origin = {"version", "sources", "configuration"}
    assert {"key", "seconds", "images_read", "changed", "original", "unlearned", *origin} == set(record)
    assert record["unlearned"]["acc_f"] == 0
    assert not list(Path("runs").rglob("logit_mask/*.safetensors"))
    monkeypatch.setitem(architectures.LENGTH, "logit_mask", ["--model.wrong", "1"])
    assert "wrong" in architectures.run(Cell("narrow_vgg_bn", "logit_mask", seed=0))["failed"]
