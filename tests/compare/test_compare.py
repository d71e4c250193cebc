"""The comparison: equal budgets, nothing run twice, figures that are what they say, tables that hold them."""

import csv
import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from benchmarks import paper_setting
from oro_unlearn import methods
from oro_unlearn.attacks import Scores
from oro_unlearn.audit import audit_model, margins, rounded, scoring
from oro_unlearn.compare import command, jobs, tuning
from oro_unlearn.compare import tables as compare_tables
from oro_unlearn.compare.budgets import Load, length
from oro_unlearn.compare.comparison import Comparison, forget
from oro_unlearn.compare.gap_tables import gap_rows
from oro_unlearn.compare.options import Sizes, read_options
from oro_unlearn.compare.searches import ENTRIES, GROUPS, VARIANTS
from oro_unlearn.compare.sources import sources
from oro_unlearn.data import Digits
from tests.conftest import CONFIGS, ROOT
from tests.methods.test_methods import method
from tests.records import record
from tests.undrawn import undrawn

STEP = [
    *("--force", "true", "--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1"),
    *("--trainer.limit_test_batches", "1"),
]
SMALL = ["--methods", "logit_mask,rwft_o", "--data.forget", "[3, 8]", "--seeds", "2", "--retrained", "3", "--tune_on", "[8]"]
SMALL += ["--model.network.init_args.width", "4"]  # relearning takes half of the time
SMALL += ["--processes", "1", "--data.per_class", "30", "--data.test_per_class", "8", *STEP]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished comparison of a step."""
    folder = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch, undrawn():
        patch.chdir(folder)
        patch.setattr(scoring, "relearning_curve", partial(scoring.relearning_curve, batch_size=8))  # or half of the time
        patch.setattr(sys, "argv", ["compare"])
        patch.setattr(tuning, "ROUNDS", 0)
        command.main(SMALL)
    return folder


def test_a_comparison_ends_in_every_table(finished):
    result = json.loads((finished / "runs/compare/digits/compare.json").read_text())
    assert result["failed"] == []
    found = {(record["method"], *record["forget"]) for record in result["models"]}
    assert found == {(method, "3", "8") for method in ("original", "retrained", "logit_mask", "rwft_o")}
    assert len(result["models"]) == 3 + 3 * 2
    assert len(result["tuning"]["scores"]["rwft_o"]) == 5
    mask = [record["figures"] for record in result["models"] if record["method"] == "logit_mask"]
    assert all(figures["acc_f"] == 0 and figures["cka_original"] == 1 for figures in mask)
    markdown, latex = ((finished / "runs/compare/digits" / f"tables.{kind}").read_text() for kind in ("md", "tex"))
    for text in ("Original", "Retrain", "LogitMask (free control)", "RWFT-O"):
        assert text in markdown
        assert text in latex
    page = (finished / "runs/compare/digits/report.html").read_text()
    shown = json.loads(re.search(r'id="methods">(.*?)</script>', page)[1])
    assert list(shown["names"]) == ["original", "retrained", "logit_mask", "rwft_o"]
    assert shown["rows"]["logit_mask"]["acc_f"] == {"value": 0, "text": "0.0%"}
    assert len(shown["shares"]["rwft_o"]) == len(shown["classes"]) == 10
    assert sum(shown["shares"]["retrained"]) == pytest.approx(1, abs=1e-2)
    assert "Cost against distance" in page
    with (finished / "runs/compare/digits/models.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(result["models"])
    assert {"method", "forget", "seed", "acc_f", "utv_test", "relearn_20", "silhouette"} <= set(rows[0])


def test_a_second_call_runs_nothing(finished, monkeypatch):
    monkeypatch.chdir(finished)
    started = []
    monkeypatch.setattr(jobs, "_work", lambda job, threads: started.append(job))
    monkeypatch.setattr(tuning, "ROUNDS", 0)
    before = (finished / "runs/compare/digits/compare.json").read_text()
    command.main(SMALL)
    assert not started
    assert (finished / "runs/compare/digits/compare.json").read_text() == before


def test_the_test_split_is_never_read_in_tuning(finished, monkeypatch):
    monkeypatch.chdir(finished)
    assert len(list((finished / "runs/compare/digits/tune").glob("*/report.json"))) == 1 + 2 + 3 + 5
    options = read_options(SMALL)
    plan = Comparison(options, Sizes([str(n) for n in range(10)], [140] * 10, 1, 64))
    tuned = [plan.original(0, tuning=True), *plan.retrained(("8",), tuning=True), *plan.scorings(("8",), tuning=True)]
    tuned += plan.edits("rwft_o", ("8",), ENTRIES["rwft_o"].settings[0], tuning=True)
    assert all(job.command[job.command.index("--data.holdout") + 1] == "0.2" for job in tuned)
    assert not any("--data.holdout" in job.command for job in plan.edits("rwft_o", ("8",)))


def test_every_method_is_tuned_over_five_settings_or_has_none():
    assert {len(entry.settings) for entry in ENTRIES.values()} == {1, 5}
    fixed = {name for name, entry in ENTRIES.items() if len(entry.settings) == 1}
    assert fixed == {"logit_mask", "svd", "closed_form_class"}, "SVD searches by itself, and the last has one setting"
    assert all(entry.tuned_as in ENTRIES or len(entry.settings) == 5 for entry in VARIANTS.values())
    presets = {path.stem for path in (CONFIGS / "methods").glob("*.yaml")}
    assert {entry.preset for entry in ENTRIES.values()} == presets
    assert all(name in {**ENTRIES, **VARIANTS} for group in GROUPS.values() for name in group)


def ran(name: str, load: Load):
    """A run of these words on images of the load's sizes, and what it read."""
    entry = {**ENTRIES, **VARIANTS}[name]
    preset = yaml.safe_load((CONFIGS / f"methods/{entry.preset}.yaml").read_text())["model"]
    options = {key: value for key, value in preset["init_args"].items() if key not in ("optimizer", "lr_scheduler")}
    trainer = {}
    words = [*entry.words, *length(entry, load)]
    for option, value in zip(words[::2], words[1::2], strict=True):
        place, _, key = option.removeprefix("--").partition(".")
        if not key.startswith("lr_scheduler"):
            (options if place == "model" else trainer)[key] = yaml.safe_load(value)
    options |= {"stop_accuracy": -1} if "stop_accuracy" in options else {}
    options |= {"seed": 0} if "seed" in options else {}
    epochs = trainer.pop("max_epochs", 0)
    data = Digits(forget=[0], per_class=20, batch_size=load.batch_size, crop_padding=int(load.augmented))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    module = method(getattr(methods, preset["class_path"]), forget=[0], **options)
    Trainer(max_epochs=epochs, accelerator="cpu", **quiet, **trainer).fit(module, data)
    return module.images_read


LOADS = {name: Load(2_000.0, 20, 180, 1, 9, 32) for name in ENTRIES if ENTRIES[name].reads not in ("nothing", "all")}
UNEVEN = {"amun": 0.45, "amun_true": 0.45, "svd": 0.8, "unsir": 0.8}  # what is read before the first step is no multiple


@pytest.mark.parametrize("name", LOADS)
def test_runs_use_their_budget_within_a_batch_and_no_more(name):
    """All images through all networks, as they were counted."""
    load, batches = LOADS[name], 4 * 32  # two splits, for two networks
    read = ran(name, load)
    assert read <= load.images
    assert read >= (UNEVEN[name] * load.images if name in UNEVEN else load.images - batches)


@pytest.mark.parametrize("name", ["delete", "rwft_o", "scrub", "bad_teacher"])
def test_what_frozen_networks_say_is_asked_for_once_where_it_is_kept(name):
    load = LOADS[name]._replace(augmented=False)
    assert load.images - 128 <= ran(name, load) <= load.images


@pytest.mark.parametrize("name", ["amun", "amun_true", "svd", "boundary_shrink", "unsir"])
@pytest.mark.parametrize("images", [90.0, 300.0])
def test_a_budget_of_hardly_anything_is_held_too(name, images):
    """A search that does not fit is left out, a grid that does not fit is one pair."""
    load = LOADS[name]._replace(images=images)
    assert ran(name, load) <= images + 64, "a batch of each split"


def test_a_teacher_and_its_pupil_share_the_budget():
    comparison = plan("--budget", "0.2")
    comparison.chosen = {"eu_k": (), "rwft_o": ()}
    pupil, teacher = comparison.runs("rwft_eu_k", ("8",))[0], comparison.teachers("rwft_eu_k", ("8",))[0]
    assert str(teacher.folder / "model.safetensors") in pupil.command
    assert teacher.folder != comparison.runs("eu_k", ("8",))[0].folder

    def steps(job):
        return int(job.command[job.command.index("--trainer.max_steps") + 1])

    assert steps(teacher) == 60, "three passes of 1,260 images"
    assert steps(comparison.runs("eu_k", ("8",))[0]) > 1.9 * steps(teacher)
    assert steps(pupil) == 18, "six passes of 140 forgotten images, three times each, and as many batches of retained ones"


def test_a_row_that_read_more_than_the_budget_says_so():
    records = [record("retrained", "a", seed, acc_r=0.9) for seed in (100, 101)]
    records += [record(name, "a", 0, acc_r=0.5) | {"images_read": read} for name, read in (("svd", 31), ("ssd", 20))]
    result = {"models": records, "originals": 1, "retraining_images": {"a": 100}, "pool_seconds": {"retrained": 1.0}}
    result["command"] = "oro-unlearn compare --budget 0.2 --seeds 1"
    for table in (compare_tables.output_rows, compare_tables.representation_rows, gap_rows):
        names = {row[0] for row in table(result)}
        assert "SVD (read 31.0 % for 20 %)" in names
        assert "SSD" in names
    assert compare_tables.output_rows(result)[0][-1] == "images, % of retraining's, frozen teachers' not counted"
    result["models"] = [entry | {"images_backward": 7} for entry in records]
    assert compare_tables.output_rows(result)[0][-2:] == ["images forward, % of retraining's", "backward, %"]
    assert ["31.0", "7.0"] in [row[-2:] for row in compare_tables.output_rows(result)]


def test_schedules_are_stretched_over_the_run():
    load = Load(4_000, 100, 900, 1, 9, 32)
    words = length(ENTRIES["eu_k"], load)
    assert words[words.index("--model.lr_scheduler.init_args.T_0") + 1] == words[words.index("--trainer.max_epochs") + 1]
    words = length(ENTRIES["amun"], load)
    epochs = int(words[words.index("--trainer.max_epochs") + 1])
    assert int(words[words.index("--model.lr_scheduler.init_args.step_size") + 1]) == epochs // 2


def test_several_classes_are_counted_and_named():
    sizes = Sizes(["cat", "dog", "7"], [10, 20, 30], 5, 32)
    assert sizes.of(("cat", "7")) == (40, 20)
    assert sizes.labels(("7", "cat")) == [0, 2]
    with pytest.raises(ValueError, match="'bird' does not exist; the classes are cat, dog, 7"):
        sizes.of(("bird",))


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (("8",), "[8]"),
        (("cat", "dog"), "[cat, dog]"),
        (("007",), '["007"]'),
        (("no",), '["no"]'),
        (("polar bear",), "[polar bear]"),
    ],
)
def test_what_yaml_would_read_as_something_else_is_quoted(request_, word):
    assert forget(request_) == ["--data.forget", word]


def plan(*words: str) -> Comparison:
    return Comparison(read_options(list(words)), Sizes([str(n) for n in range(10)], [140] * 10, 30, 64))


def test_edits_share_no_seed_with_originals_and_none_of_their_draws_with_each_other():
    comparison = plan("--seeds", "3")
    edits = comparison.edits("random_labels", ("8",))
    models = [*(comparison.original(seed) for seed in range(3)), *comparison.retrained(("8",))]
    assert not {job.seed for job in edits} & {job.seed for job in models}
    assert len({job.seed for job in edits}) == 3
    assert all("--model.seed" not in job.command for job in edits), "what a method draws follows the run's seed"


def test_the_budget_and_the_setting_win_over_words_for_every_command():
    comparison = plan("--trainer.max_epochs", "40", "--model.optimizer.lr", "9")
    command = comparison.edits("rwft_o", ("8",), ENTRIES["rwft_o"].settings[0])[0].command
    for option in ("--trainer.max_epochs", "--model.optimizer.lr"):
        last = len(command) - 1 - command[::-1].index(option)
        assert command[last + 1] not in ("40", "9")
    assert "40" in comparison.original(0).command


def test_the_hash_of_sources_is_the_same_in_every_process():
    """Jobs are run in other processes than the one that asks whether they are finished."""
    code = "from oro_unlearn.compare.sources import sources; print(sources('SalUn'))"
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == sources("SalUn")


def test_a_run_knows_its_methods_code():
    own = (ROOT / "oro_unlearn/compare/edits.py", ROOT / "oro_unlearn/compare/jobs.py")
    assert plan().edits("rwft_o", ("8",))[0].sources() == sources("RWFT", own)
    assert plan().scorings(("8",))[0].sources() == sources("Training", own)
    assert plan().original(0).sources() == sources("Training", own[1:])


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
    figures = audit_model(own, [own], {0: own}, [2])
    assert figures["utv_test"] == figures["utv_train"] == 0
    assert figures["cka_original"] == pytest.approx(1)
    assert figures["nn_auc"] == 0.5
    further = audit_model(own, [other], {0: other}, [2])
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


def test_figures_without_a_value_are_null_and_latex_is_escaped(tmp_path):
    assert rounded({"a": float("nan"), "b": 1 / 3}) == {"a": None, "b": 0.33333}
    text = compare_tables.latex_table([["model", "ACC_f %"], ["A & B", "1.0 ± –"]], "all")
    assert r"ACC\_f \%" in text
    assert r"A \& B & 1.0 $\pm$ -- \\" in text
    compare_tables.write_csv([], tmp_path / "empty.csv")


def test_options_can_stand_in_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("config: cifar10_small/original.yaml\nseeds: 4\nmethods: all\nforget: 8\n")
    options = read_options(["--options", "mine.yaml", "--seeds", "5"])
    assert (str(options.config), options.seeds, options.methods) == ("cifar10_small/original.yaml", 5, ["all"])
    assert options.output == Path("runs/compare/cifar10_small")
    assert options.forget == [("8",)]
    (tmp_path / "mine.yaml").write_text("dta: digits\n")
    with pytest.raises(ValueError, match=r"mine.yaml: no option 'dta'"):
        read_options(["--options", "mine.yaml"])


def test_requests_are_written_as_for_fit_and_several_as_lists():
    assert read_options(["--data.forget", "[3, 8]"]).forget == [("3", "8")]
    assert read_options(["--forget", "[[3], [08, yes]]"]).forget == [("3",), ("08", "yes")]
    assert read_options([]).forget == [("all",)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--forget", "11"], "class '11' does not exist"),
        (["--forget", "[3, [8]]"], "takes one request"),
        (["--methods", "rwft"], "no method 'rwft'"),
        (["--config", "digit/original.yaml"], "digit/original.yaml not found"),
        (["--options", "missing.yaml"], "missing.yaml not found"),
        (["--retrained", "1"], "--retrained must be at least 2"),
        (["--data.batch_sze", "8"], "unknown option --data.batch_sze: did you mean --data.batch_size"),
    ],
)
def test_mistakes_end_in_a_line(words, message, run):
    code, said = run("compare", *words)
    assert code == 2
    assert message in said
    assert said.count("\n") == 1
    assert not Path("runs").exists()


def test_the_first_table_is_sorted_and_the_last_line_is_the_folder(finished, capsys):
    result = json.loads((finished / "runs/compare/digits/compare.json").read_text())
    header, *rows = compare_tables.headline_rows(result)
    assert len(header) == 5
    distances = [float(row[1]) for row in rows if row[1] != "–"]
    assert distances == sorted(distances)
    assert {row[0] for row in rows} >= {"Original", "Retrain", "LogitMask (free control)"}
    compare_tables.show(result, Path("runs/compare/digits"))
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "runs/compare/digits"
    assert said.index("Retrain") < said.index("written to")


def test_a_comparison_without_any_figure_is_no_success(capsys):
    with pytest.raises(SystemExit) as stop:
        compare_tables.show({"data": "digits", "models": [], "failed": ["original-s0"]}, Path("runs"))
    assert stop.value.code == 1
    assert "no request could be audited" in capsys.readouterr().out


def test_the_papers_setting_is_made_of_committed_configs_and_networks():
    plans = [read_options(words[1:]) for words in paper_setting.commands(2)]
    networks = {plan.extra[plan.extra.index("--model.network") + 1] for plan in plans}
    assert {str(plan.config) for plan in plans} == {"cifar10/original.yaml", "cifar100/original.yaml"}
    assert networks == {"ResNet18", "VGG19BN"}
    assert len({plan.output for plan in plans}) == 4


def test_rows_with_missing_runs_say_so():
    records = [record("retrained", "a", seed, acc_r=0.9) for seed in (100, 101)] + [record("rwft_o", "a", 0, acc_r=0.5)]
    result = {"models": records, "originals": 3, "retraining_images": {"a": 20}, "pool_seconds": {"retrained": 1.0}}
    rows = {row[0]: row for row in compare_tables.output_rows(result)}
    name = "RWFT-O, with retained data (1 of 3 runs; read 50.0 % for 10 %)"
    assert rows[name][-1] == "50.0", "images, % of retraining's"


def test_with_one_retained_class_what_compares_classes_is_left_out():
    def two(seed):
        labels = {"retain": [0] * 9, "forget": [1] * 9, "test_retain": [0] * 9, "test_forget": [1] * 9}
        generator = torch.Generator().manual_seed(seed)
        return {split: scores(torch.randn(9, 2, generator=generator), own) for split, own in labels.items()}

    figures = audit_model(two(0), [two(1)], {0: two(2)}, [1])
    assert {"acc_r", "utv_test"} <= set(figures)
    assert not {"nn_member_rate", "utv_test_conditional"} & set(figures)
