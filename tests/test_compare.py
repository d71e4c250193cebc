"""The comparison: equal budgets, nothing run twice, figures that are what they say, tables that hold them."""

import csv
import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import compare, compare_tables, jobs
from benchmarks.audits import audit_model, margins, rounded
from benchmarks.searches import ENTRIES, GROUPS, VARIANTS, epochs
from oro_unlearn.attacks import Scores
from tests.conftest import CONFIGS

STEP = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1", "--trainer.limit_test_batches", "1"]
SMALL = ["--methods", "logit_mask", "rwft_o", "--forget", "3+8", "--seeds", "3", "--retrained", "3", "--tune-on", "8"]
SMALL += ["--processes", "1", "--", *STEP, "--trainer.enable_progress_bar", "false"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished comparison of a step."""
    folder = tmp_path_factory.mktemp("comparison")
    (folder / "lightning_configs").symlink_to(CONFIGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["compare"])
        compare.main(SMALL)
    return folder


def test_a_comparison_ends_in_every_table(finished):
    result = json.loads((finished / "benchmarks/results/compare_digits.json").read_text())
    assert result["failed"] == []
    found = {(record["method"], *record["forget"]) for record in result["models"]}
    assert found == {(method, "3", "8") for method in ("original", "retrained", "logit_mask", "rwft_o")}
    assert len(result["models"]) == 4 * 3
    assert len(result["tuning"]["scores"]["rwft_o"]) == 5
    mask = [record["figures"] for record in result["models"] if record["method"] == "logit_mask"]
    assert all(figures["acc_f"] == 0 and figures["cka_original"] == 1 for figures in mask)
    markdown, latex = ((finished / "runs/compare/digits" / f"tables.{kind}").read_text() for kind in ("md", "tex"))
    for text in ("Original", "Retrain", "LogitMask (free control)", "RWFT-O"):
        assert text in markdown
        assert text in latex
    with (finished / "runs/compare/digits/models.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(result["models"])
    assert {"method", "forget", "seed", "acc_f", "utv_test", "relearn_20", "silhouette"} <= set(rows[0])


def test_a_second_call_runs_nothing(finished, monkeypatch):
    monkeypatch.chdir(finished)
    started = []
    monkeypatch.setattr(jobs, "_work", lambda job, threads: started.append(job))
    before = (finished / "benchmarks/results/compare_digits.json").read_text()
    compare.main(SMALL)
    assert not started
    assert (finished / "benchmarks/results/compare_digits.json").read_text() == before


def test_the_test_split_is_never_read_in_tuning(finished, monkeypatch):
    monkeypatch.chdir(finished)
    assert len(list((finished / "runs/compare/digits/tune").glob("*/report.json"))) == 1 + 2 + 3 + 5
    options = compare.read_options(SMALL)
    plan = compare.Comparison(options, compare.Sizes([str(n) for n in range(10)], [140] * 10, 1))
    tuned = [plan.original(0, tuning=True), *plan.retrained("8", tuning=True), *plan.scorings("8", tuning=True)]
    tuned += plan.edits("rwft_o", "8", ENTRIES["rwft_o"].settings[0], tuning=True)
    assert all(job.command[job.command.index("--data.holdout") + 1] == "0.2" for job in tuned)
    assert not any("--data.holdout" in job.command for job in plan.edits("rwft_o", "8"))


def test_every_method_is_tuned_over_five_settings_or_has_none():
    assert {len(entry.settings) for entry in ENTRIES.values()} == {1, 5}
    fixed = {name for name, entry in ENTRIES.items() if len(entry.settings) == 1}
    assert fixed == {"logit_mask", "svd"}, "SVD searches by itself"
    assert all(entry.tuned_as in ENTRIES for entry in VARIANTS.values())
    presets = {path.stem for path in (CONFIGS / "methods").glob("*.yaml")}
    assert {entry.preset for entry in ENTRIES.values()} == presets
    assert all(name in {**ENTRIES, **VARIANTS} for group in GROUPS.values() for name in group)


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.reads not in ("nothing", "subset")])
@pytest.mark.parametrize("images", [1_000, 4_000, 20_000])
def test_no_run_reads_more_than_its_budget(name, images):
    entry, forget, retain = ENTRIES[name], 100, 900
    words = dict(zip(*[iter(epochs(entry, forget, retain, images, default=10))] * 2, strict=True))
    count = int(words["--trainer.max_epochs"])
    cost = {"forget": forget, "retain": retain, "both": 2 * forget, "phases": (forget + retain) / 2}[entry.reads]
    least = {"phases": forget + retain}.get(entry.reads, cost)  # one epoch, or one of each phase, is always run
    assert count * cost <= max(1.5 * least, images + cost / 2)


def test_several_classes_are_counted_and_named():
    sizes = compare.Sizes(["cat", "dog", "7"], [10, 20, 30], 5)
    assert sizes.of("cat+7") == (40, 20)
    assert sizes.label("1") == 1
    with pytest.raises(ValueError, match="'bird' does not exist; the classes are cat, dog, 7"):
        sizes.of("bird")


def scores(logits, labels, features=None):
    labels = torch.tensor(labels)
    features = torch.randn(len(labels), 4) if features is None else features
    return Scores(logits, features, labels, torch.arange(len(labels)))


def model(seed=0, shift=0.0):
    """Random outputs of three classes; class 2 is forgotten."""
    generator = torch.Generator().manual_seed(seed)
    labels = {"retain": [0, 1] * 20, "forget": [2] * 20, "test_retain": [0, 1] * 20, "test_forget": [2] * 20}
    found = {}
    for split, own in labels.items():
        logits = torch.randn(len(own), 3, generator=generator)
        logits[range(len(own)), own] += 2
        found[split] = scores(logits, own, torch.randn(len(own), 4, generator=generator) + shift)
    return found


def test_a_model_is_as_far_from_itself_as_it_should_be():
    own, other = model(0), model(1)
    figures = audit_model(own, [own], [own], [2])
    assert figures["utv_test"] == figures["utv_train"] == 0
    assert figures["cka_original"] == pytest.approx(1)
    assert figures["nn_auc"] == 0.5
    further = audit_model(own, [other], [other], [2])
    assert further["utv_test"] > 0.1
    assert further["cka_original"] < 0.9
    assert further["utv_test_conditional"] != further["utv_test"]


def test_a_mask_is_seen_by_its_own_label_and_not_among_the_retained_classes():
    own = model(0)
    masked = {
        split: part._replace(logits=part.logits.index_fill(1, torch.tensor([2]), -torch.inf)) for split, part in own.items()
    }
    assert (margins(masked, [2], "own") == -50).all()
    assert torch.equal(margins(masked, [2], "retained"), margins(own, [2], "retained"))
    assert torch.equal(margins(masked, [2], "features"), margins(own, [2], "features"))


def record(method, forget, seed, **figures):
    return {"method": method, "forget": [forget], "seed": seed, "seconds": 1.0, "images_read": 10, "figures": figures}


def test_inside_means_within_the_range_of_the_retrained_models_of_the_request():
    keys = [key for group in compare_tables.INSIDE.values() for key in group]
    records = [record("retrained", "a", seed, **dict.fromkeys(keys, value)) for seed, value in enumerate((0.4, 0.6))]
    records += [
        record("rwft_o", "a", 0, **dict.fromkeys(keys, 0.5)),
        record("rwft_o", "a", 1, **{**dict.fromkeys(keys, 0.5), "acc_r": 0.61}),
    ]
    rows = compare_tables.inside_rows({"models": records})
    assert rows[1] == ["RWFT-O", "50", *["100"] * (len(keys) - 1), "50", "100"]


def test_figures_without_a_value_are_null_and_latex_is_escaped(tmp_path):
    assert rounded({"a": float("nan"), "b": 1 / 3}) == {"a": None, "b": 0.33333}
    text = compare_tables.latex_table([["model", "ACC_f %"], ["A & B", "1.0 ± –"]], "all")
    assert r"ACC\_f \%" in text
    assert r"A \& B & 1.0 $\pm$ -- \\" in text
    compare_tables.write_csv([], tmp_path / "empty.csv")


def test_options_can_stand_in_a_file(tmp_path):
    (tmp_path / "lightning_configs").symlink_to(CONFIGS)
    (tmp_path / "mine.yaml").write_text("data: cifar10_small\nseeds: 4\n")
    options = compare.read_options(["--config", "mine.yaml", "--seeds", "5"])
    assert (options.data, options.seeds, options.name) == ("cifar10_small", 5, "cifar10_small")
    (tmp_path / "mine.yaml").write_text("dta: digits\n")
    with pytest.raises(SystemExit):
        compare.read_options(["--config", "mine.yaml"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--forget", "11"], "class '11' does not exist"),
        (["--methods", "rwft"], "no method 'rwft'"),
        (["--data", "digit"], "no folder lightning_configs/digit"),
        (["--config", "missing.yaml"], "missing.yaml not found"),
        (["--retrained", "1"], "at least 2 retrained models"),
    ],
)
def test_mistakes_end_in_a_line(words, message, monkeypatch, capsys):
    Path("lightning_configs").symlink_to(CONFIGS)
    with pytest.raises(SystemExit) as stop:
        compare.main(words)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not Path("runs").exists()
