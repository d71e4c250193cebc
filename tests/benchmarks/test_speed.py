"""The timing scripts compare things that are the same; how fast they are is measured, never tested."""

import json
from pathlib import Path

import pytest

from benchmarks import speed_tables
from benchmarks.speed import attacks, audit, caches, growth, step, svd, timing


def test_sides_take_turns_and_the_first_turn_is_not_counted():
    calls = []
    seconds = timing.in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b") or 2.0}, runs=3)
    assert calls == ["a", "b"] * 4
    assert seconds["b"] == [2.0] * 3, "a side that times itself"
    assert len(seconds["a"]) == 3


def test_a_ratio_is_the_median_of_the_turns():
    assert timing.ratio({"a": [1.0, 9.0, 4.0], "b": [1.0, 3.0, 2.0]}, "a", "b") == 2


def test_results_say_what_they_were_measured_with(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(timing, "RESULTS", tmp_path)
    timing.write("step", [{"what": "this vs that", "ratio": 2.0, "target": ">= 1"}], images=3)
    result = json.loads((tmp_path / "speed_step.json").read_text())
    assert {"command", "version", "sources", "versions", "hardware", "threads", "images", "rows"} == set(result)
    assert "this vs that: 2.00 (target >= 1)" in capsys.readouterr().out


def test_the_attacks_agree(monkeypatch):
    monkeypatch.setattr(attacks, "SAMPLES", 2000)
    monkeypatch.setattr(attacks, "POINTS", 300)
    assert attacks.machines(runs=1)["agreement"] > 0.99
    assert attacks.rankings(runs=1)["equal"]


def test_the_projections_agree(monkeypatch):
    monkeypatch.setattr(svd, "COLUMNS", 400)
    assert 0 < svd.compare("layer1", 48)["largest_difference"] < 1e-4


def test_epochs_and_audits_run(monkeypatch):
    monkeypatch.setattr(step, "COUNT", 64)
    assert step.ours(step.RandomImages(batch_size=32)) > 0
    assert step.bare(step.RandomImages(batch_size=32)) > 0
    for name, value in (("SAMPLES", 400), ("CLASSES", 20), ("BATCH", 100)):
        monkeypatch.setattr(audit, name, value)
    assert audit.memory_of_an_audit()["ratio"] < 1.5
    assert audit.seconds_of_an_audit(runs=1)["ratio"] > 0


def test_a_cache_saves_operations(monkeypatch):
    """Counted, so it is the same everywhere; a narrow network, whose ratio is that of the wide one."""
    monkeypatch.setattr(step, "COUNT", 200)
    for name, value in (("PER_CLASS", 16), ("BATCH", 8), ("IMAGES", 8), ("WIDTH", 8), ("FORGET", 50), ("RETAIN", 450)):
        monkeypatch.setattr(caches, name, value)
    caches.save_weights(caches.wide(10), "original.safetensors")
    row = caches.operations("original.safetensors")
    tail, whole = row["operations"]["steps"] / (2 * 50 * 10), row["operations"]["retraining"] / (450 * 101)
    assert 0.3 < tail / whole < 0.45, "section 5 of the specification: 0.39 of a step of the whole network"
    assert row["operations"]["cache"] / 500 < whole / 3, "less than a forward pass of an image"
    epoch, extrapolated = caches.timed("original.safetensors", runs=1)
    assert set(epoch["seconds"]) == {"RWFT-2-O, cached", "RWFT-2-O", "RWFT-O", "retraining"}
    assert extrapolated["ratio"] > 0


@pytest.mark.pictures
def test_exponents(monkeypatch):
    assert growth.exponent([1, 10, 100], [9.0, 2.0, 200.0]) == pytest.approx(2), "the first is left out"
    monkeypatch.setitem(growth.SIZES, "audit: classes", (3, 5, 8))
    row = growth.grow("audit: classes", runs=1)
    assert len(row["medians"]) == 3
    growth.draw([row], Path("growth.png"))
    assert Path("growth.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [(0.4, "<= 0.40", True), (0.41, "<= 0.40", False), (1000.0, ">= 1,000", True), (1.5, "< 1.5", False)],
)
def test_targets_are_read_from_their_words(value, target, met):
    assert (speed_tables.reached({"ratio": value, "target": target}) == "yes") is met


def test_the_table_of_all_scripts_leaves_out_what_was_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "RESULTS", tmp_path)
    monkeypatch.setattr(speed_tables, "RESULTS", tmp_path)
    timing.write("svd", [{"what": "a vs b", "ratio": 12.345, "target": ">= 10"}])
    assert speed_tables.speed_table("all").splitlines()[2] == "| a vs b | 12.3 | >= 10 | yes | `speed.svd` |"


def test_the_summary_holds_every_method_and_marks_the_closest(monkeypatch):
    from benchmarks import summary
    from tests.conftest import ROOT

    monkeypatch.setattr(summary, "RESULTS", Path(ROOT) / "benchmarks/results")
    table = summary.summary_table("both").split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    by_label = {row[0]: row[1:] for row in rows[2:]}
    assert by_label["LogitMask (free control)"][1] == by_label["Original"][1], "a mask leaves the features as they are"
    for column in range(len(rows[0]) - 1):
        cells = [found[column] for found in by_label.values() if found[column] != "–"]
        whole = [cell for cell in cells if summary.MARK not in cell]
        assert any(cell.startswith("**") for cell in cells)
        best = min(whole, key=lambda cell: float(cell.split()[0].strip("*")))
        assert best.startswith("**")
    assert [len(row) for row in rows] == [len(rows[0])] * len(rows)
    assert len(summary.summary_table("output").splitlines()[0]) < len(summary.summary_table("both").splitlines()[0])
