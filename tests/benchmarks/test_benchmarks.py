"""The benchmarks' bookkeeping: what is reused, how figures are averaged, and that pages hold what the results say."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import (
    closed_form,
    neuron_paths,
    relation_red_team,
    relation_tables,
    relations,
    removal_curve,
    tables,
    tune_relations,
)
from oro_unlearn.compare import demo
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.spreads import cell, marked_once, spread
from tests.conftest import CONFIGS, ROOT, SHORT


def test_a_job_is_done_once_and_again_when_anything_changes(tmp_path, monkeypatch, capsys):
    config = tmp_path / "original.yaml"
    config.write_text((CONFIGS / "digits/original.yaml").read_text())
    job = Job(tmp_path / "out", config, 0, [*SHORT, "--trainer.max_epochs", "1"], [])
    assert not job.finished()
    job.run()
    assert job.finished()
    assert job.report()["method"] == "Training"
    config.write_text("# another comment\n" + config.read_text())
    assert job.finished()
    assert not job._replace(seed=1).finished()
    assert not job._replace(options=[*job.options, "--data.flip", "true"]).finished()
    config.write_text(config.read_text().replace("lr: 0.1", "lr: 0.2"))
    assert not job.finished()


def test_a_job_depends_on_the_weights_it_reads(tmp_path):
    weights = tmp_path / "weights"
    weights.write_text("a")
    job = Job(tmp_path, CONFIGS / "digits/original.yaml", 0, [], [weights])
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "job.key").write_text(job.key())
    assert job.finished()
    weights.write_text("b")
    assert not job.finished()
    weights.unlink()
    assert not job.finished()


def test_a_failed_job_is_reported_and_the_rest_goes_on(tmp_path, capfd):
    options = [*SHORT, "--trainer.max_epochs", "1"]
    good = Job(tmp_path / "good", CONFIGS / "digits/original.yaml", 0, options, [])
    bad = good._replace(folder=tmp_path / "bad", options=[*options, "--data.channels", "2"])
    run_stages([[bad, good]], processes=1)
    assert good.finished()
    assert not bad.finished()
    assert "bad failed: see job.log there" in capfd.readouterr().err


def test_the_demo_plans_runs_of_the_committed_configs():
    assert all(path.is_file() for job in [*demo.stages("8"), demo.relation_job("a b c")] for path in job.configs)


def cells(values):
    return [{"forget": [label], "seed": seed, "value": value} for label, seed, value in values]


def test_spreads_are_over_classes_and_over_seeds_apart():
    runs = cells([("a", 0, 1.0), ("a", 1, 3.0), ("b", 0, 5.0), ("b", 1, 5.0), ("b", 2, None)])
    value, classes, seeds = spread(runs, lambda run: run["value"])
    assert (value, classes, seeds) == pytest.approx((3.5, 18**0.5 / 2, 2**0.5 / 2))
    assert cell(runs[:2], lambda run: run["value"], percent=False) == "2.000 ± – ± 1.414"
    assert cell(runs[4:], lambda run: run["value"]) == "–"
    assert cell(runs[2:3], lambda run: run["value"]) == "500.00"


@pytest.mark.parametrize("page", tables.PAGES)
def test_pages_hold_what_the_results_say(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = Path(page).read_text()
    assert "<!-- end -->" in text
    assert tables.filled(text) == text, "run make tables"


def test_every_script_says_what_it_does(monkeypatch, capsys):
    from benchmarks import paper_setting, scenes_sheet, scenes_vocabulary, ship_scenes, startup

    scripts = (
        tables,
        closed_form,
        startup,
        paper_setting,
        relations,
        relation_red_team,
        removal_curve,
        tune_relations,
        neuron_paths,
        scenes_sheet,
        scenes_vocabulary,
        ship_scenes,
    )
    for script in scripts:
        monkeypatch.setattr(sys, "argv", ["script", "--help"])
        with pytest.raises(SystemExit) as stop:
            script.main()
        assert stop.value.code == 0
        assert script.__doc__.splitlines()[0] in capsys.readouterr().out


def test_relational_plan_runs_committed_configs_and_reports_tuples_that_were_not_tuned_on():
    Path("lightning_configs").symlink_to(CONFIGS)
    plan = relations.jobs(2)
    assert all(job.config.is_file() and len(own) == 2 for own in plan.values() for job in own)
    commands = {job.folder: job.command for own in plan.values() for job in own}
    assert all(commands[job.folder] == job.command for own in plan.values() for job in own), "a folder has one command"
    tuned = {relations.TUNED}
    for name in tune_relations.CANDIDATES:
        for job in tune_relations.jobs(name):
            assert {job.options[job.options.index("--data.forget") + 1]} == tuned
            assert job.options[job.options.index("--data.holdout") + 1] == "true"
    assert {text for table, _, text in plan if table == "methods"} - tuned == set(relations.TUPLES[1:])
    assert len([row for table, row, _ in plan if table == "ablation_paper"]) == 6, "the whole and each of five terms left out"


def test_the_chosen_recipe_is_that_of_the_config():
    import yaml

    result = json.loads((ROOT / "benchmarks/results/tune_relations.json").read_text())
    assert result["chosen"] == min(result["candidates"], key=lambda name: result["candidates"][name]["score"])
    config = yaml.safe_load((CONFIGS / "scenes/shield.yaml").read_text())
    for key, value in result["candidates"][result["chosen"]]["options"].items():
        found = config
        for name in key.split("."):
            found = found["init_args"][name] if "init_args" in found else found[name]
        assert found == yaml.safe_load(value), key


def test_relational_figures_spread_over_tuples_and_seeds_apart():
    runs = [{"tuple": text, "value": value} for text, value in (("a", 1.0), ("a", 3.0), ("b", 5.0), ("b", 5.0), ("b", None))]
    assert relation_tables.value(runs, lambda run: run["value"], 2) == "3.50 ± 2.12 ± 0.71 (4 of 5 runs)"
    assert relation_tables.worst(runs, lambda run: run["value"], 1) == "5.0 (4 of 5 runs)"
    assert relation_tables.value(runs[:1], lambda run: run["value"], 1) == "1.0"
    assert relation_tables.value(runs[4:], lambda run: run["value"]) == "–"
    assert relation_tables.value([{"tuple": "a", "value": -0.0001}], lambda run: run["value"]) == "0.000"


def test_a_cell_of_several_figures_is_marked_once():
    assert marked_once("0.1 (2 of 3 runs) / 0.2 (2 of 3 runs)") == "0.1 / 0.2 (2 of 3 runs)"
    assert marked_once("0.1 (2 of 3 runs) / 0.2") == "0.1 (2 of 3 runs) / 0.2", "one of them alone is over fewer"


def test_tuning_of_relations_adds_up_what_should_be_small():
    after = {f"{group}/worst_r5": 0.1 for group in ("direct", "paraphrase", "contextual", "ood_image", "typo", "combined")}
    after |= {"unsafe/median_rank": 0.75, "unlisted_neighbour/absolute_drift": 0.01, "unlisted_neighbour/worst_drift": 0.03}
    after |= {"unlisted_neighbour/r1": 0.7, "retrieval/i2t_r1": 0.8}
    before = {"unlisted_neighbour/r1": 0.8, "retrieval/i2t_r1": 0.7}
    score = tune_relations.score({"metrics": {"unlearned": after, "original": before}})
    assert score == pytest.approx(0.1 + 0.1 + 0.01 + 0.01 + 0.1)
