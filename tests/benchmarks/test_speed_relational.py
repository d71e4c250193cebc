"""The script that times relational steps compares two sides that do the same; how fast they are is never tested."""

import json

import pytest
import torch

from benchmarks.speed import relational, timing
from tests.small_world import FEW_PICTURES, LISTED, write_graph, write_weights

SGD = ["--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "0.1"]  # Adam makes rounding as large as its steps
PUSHED = ["--model.push", "cosine", "--model.warmup", "0"]  # random weights are too near the stop of the others


def words() -> list[str]:
    """The recipe in the small world."""
    found = ["--data.graph", write_graph(), "--data.listed", json.dumps(LISTED), *FEW_PICTURES, "--data.batch_size", "8"]
    return [*found, "--model.network.init_args.pretrained", write_weights(), "--model.vocab_captions", "12", *SGD, *PUSHED]


@pytest.mark.parametrize("towers", relational.TARGETS)
def test_both_sides_do_the_same_steps(towers):
    sides = [relational.Side(cache, [*words(), "--model.towers", towers]) for cache in ("auto", "off")]
    assert [side.method.cache for side in sides] == ["auto", "off"]
    for _ in range(3):  # more than an epoch
        cached, naive = (side.step() for side in sides)
        assert torch.allclose(cached, naive, rtol=1e-4, atol=1e-5)
        assert naive.abs().max() > 1e-3


def test_a_row_names_what_was_timed_and_how_far_the_sides_are_apart():
    row = relational.compare("text", "tiny", words(), runs=1)
    assert row["what"] == "relational training step, towers text, tiny: naive vs cached"
    assert row["largest_difference_of_the_first_losses"] < 1e-4
    assert {name: len(values) for name, values in row["seconds"].items()} == {"off": 1, "auto": 1}


def test_results_are_written_for_both_networks(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(timing, "RESULTS", tmp_path)
    monkeypatch.setattr(relational, "compare", lambda *args, **options: seen.append(args) or {
        "what": " ".join(args[:2]), "ratio": 2.0, "target": relational.TARGETS[args[0]], "seconds": {}
    })  # fmt: skip
    relational.main()
    assert [(towers, bool(laid)) for towers, _, laid in seen] == [
        ("text", False), ("both", False), ("text", True), ("both", True)
    ]  # fmt: skip
    assert len(json.loads((tmp_path / "speed_relational.json").read_text())["rows"]) == 4
