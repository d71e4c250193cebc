"""A run that is killed goes on exactly: the same weights, bit by bit, and the same report. So does every run twice."""

import csv
import json
import shutil
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
import yaml
from safetensors.torch import load_file

from oro_unlearn.cli import build
from tests.conftest import CONFIGS
from tests.reliability.small_runs import PEOPLE, PRESETS, RELATIONS, cases, killed_in_second_epoch, prepare

ELSEWHERE = ("relations-both", "relations-off", "relations-sharded")  # other caches: test_relation_cache.py, test_processes.py
CASES = [case for case in cases(Path("original.safetensors"), epochs=2) if case.name not in ELSEWHERE]
METHODS = {path.stem: yaml.safe_load(path.read_text())["model"]["class_path"] for path in PRESETS}
AT_ONCE = (
    "logit_mask",
    "logit_mask-one-test-image",
    "ssd",
    "svd",
    "closed_form_class",
    "gradient_ascent",
    "gradient_ascent_bounded",
    "people-manu",
)
GRAPHS = tuple(case.name for case in CASES if case.name.startswith("graphs-"))
OWN_SIZES = ("logit_mask-one-test-image", *RELATIONS, *PEOPLE, *GRAPHS)
FEW_TESTS = ["--data.test_per_class", "8", "--trainer.limit_test_batches", "1"]
OF_THIS_RUN = {"seconds", "encode_seconds", "edit_seconds", "search_seconds", "files", "config"}  # the last names the folder


def result(folder: str) -> tuple[bytes, dict]:
    found = json.loads((Path(folder) / "report.json").read_text())
    return (Path(folder) / "model.safetensors").read_bytes(), {k: v for k, v in found.items() if k not in OF_THIS_RUN}


@cache
def plain():
    """The network of the cases."""
    return build(["--config", "digits/original"]).model.network


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("original"))


@pytest.fixture
def original(tmp_path, weights):
    """Weights under the name that the cases have, and the configurations where they look for them."""
    (tmp_path / "lightning_configs").symlink_to(CONFIGS)
    shutil.copy(weights, tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_method_goes_on_exactly(case, run, original):
    words = [*case.words, *([] if case.name in OWN_SIZES else FEW_TESTS)]
    assert run(*words, "--trainer.default_root_dir", "whole")[0] == 0
    command = [*words, "--trainer.default_root_dir", "killed"]
    with killed_in_second_epoch() as killed:
        run(*command)
    assert killed or case.name in AT_ONCE
    assert Path("killed/report.json").exists() is not bool(killed)
    assert run(*command)[0] == 0
    if killed:
        with Path("killed/logs/version_1/metrics.csv").open() as file:
            epochs = [row["epoch"] for row in csv.DictReader(file)]
        assert epochs == ["1"], "what is finished is not done again"
    assert result("killed") == result("whole")
    if case.name in METHODS:
        assert result("whole")[1]["method"] == METHODS[case.name]
        plain().load_state_dict(load_file("whole/model.safetensors"), strict=True)


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("relations-paths", "oro_unlearn.methods.relations.neuron_path_relation.path_scores"),
        ("people-mip_editor", "oro_unlearn.methods.personas.mip_editor.path_scores"),
    ],
)
def test_a_search_before_training_is_not_made_again(name, search, run, original):
    (case,) = [case for case in CASES if case.name == name]
    command = [*case.words, "--trainer.default_root_dir", "killed"]
    with killed_in_second_epoch() as killed:
        run(*command)
    assert killed
    with mock.patch(search, side_effect=AssertionError("the paths are in the checkpoint")):
        assert run(*command)[0] == 0


def test_begin_anew_if_asked_to_and_without_checkpoints_leave_none(run, original):
    (case,) = [case for case in CASES if case.name == "original"]
    command = [*case.words, "--trainer.default_root_dir", "out", "--trainer.max_epochs", "2"]
    with killed_in_second_epoch() as killed:
        run(*command)
    assert killed
    assert run(*command, "--resume", "false", "--trainer.enable_checkpointing", "false")[0] == 0
    with Path("out/logs/version_1/metrics.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    assert not Path("out/model.ckpt").exists()
    assert set(json.loads(Path("out/report.json").read_text())["files"]) == {"model.safetensors"}


def test_every_preset_is_among_the_cases():
    assert set(METHODS) <= {case.name for case in CASES}
