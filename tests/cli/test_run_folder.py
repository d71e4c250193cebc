"""The folder of a run: what makes two runs the same, and what is said where a stopped one cannot go on."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from oro_unlearn.cli import run_identity
from oro_unlearn.cli.run_folder import RunFolder
from oro_unlearn.report import provenance
from oro_unlearn.report.provenance import input_files, own_sources

CONFIG = {"seed_everything": 0, "model": {"class_path": "oro_unlearn.methods.Training", "init_args": {"lr": 0.1}}}


def stop(folder: RunFolder) -> Path:
    """Leave what a run leaves that is stopped after two epochs."""
    path = folder.root / "model.ckpt"
    path.parent.mkdir(exist_ok=True)
    torch.save({"epoch": 1, "identity": folder.identity.written()}, path)
    return path


def changed(**parts) -> RunFolder:
    folder = RunFolder("out", CONFIG)
    folder.identity = folder.identity._replace(**parts)
    return folder


def test_no_version_control_of_the_users_is_asked(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: pytest.fail("a process was started"))
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **options: pytest.fail("a process was started"))
    assert RunFolder("out", CONFIG).identity.mark == RunFolder("elsewhere", CONFIG).identity.mark


def test_the_mark_changes_with_the_packages_sources(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGE", Path("package"))
    Path("package/__pycache__").mkdir(parents=True)
    found = []
    for name in ("code.py", "__pycache__/code.pyc", ".swap"):
        Path("package", name).write_text("1")
        found.append(provenance.package_sources.__wrapped__())
    assert len(set(found)) == 1, "compiled and hidden files are no sources"
    Path("package/code.py").write_text("2")
    assert provenance.package_sources.__wrapped__() != found[0]
    before = RunFolder("out", CONFIG).identity.mark
    monkeypatch.setattr(run_identity, "package_sources", lambda: "others")
    assert RunFolder("out", CONFIG).identity.mark != before


def test_a_class_of_the_users_is_code_too(monkeypatch):
    monkeypatch.delitem(sys.modules, "tests.methods.gradient_difference", raising=False)  # another test may have imported it
    own = own_sources({"model": {"class_path": "tests.methods.gradient_difference.GradientDifference"}})
    assert own == own_sources({}) == {}, "it is not imported yet"
    importlib.import_module("tests.methods.gradient_difference")
    config = {"model": {"class_path": "tests.methods.gradient_difference.GradientDifference"}, "class_path": "torch.optim.SGD"}
    assert list(own_sources(config)) == ["tests.methods.gradient_difference.GradientDifference"]


def test_a_folder_of_a_model_is_an_input():
    Path("model").mkdir()
    Path("model/config.json").write_text("{}")
    Path("model/weights").write_text("a")
    config = {"original": "model", "network": "hf:model", "root": "."}
    first = input_files(config)
    assert set(first) == {"original", "network"}
    Path("model/weights").write_text("b")
    assert input_files(config)["original"]["sha256"] != first["original"]["sha256"]


def test_the_same_run_goes_on():
    folder = RunFolder("out", CONFIG)
    assert folder.stopped() is None
    path = stop(folder)
    assert RunFolder("out", CONFIG).stopped() == (path, 2)
    Path("out/report.json").write_text("{}")
    assert RunFolder("out", CONFIG).stopped() is None, "it is complete"


def test_other_options_begin_anew_and_say_so(capsys):
    stop(RunFolder("out", CONFIG))
    other = {**CONFIG, "model": {**CONFIG["model"], "init_args": {"lr": 0.2}}}
    assert RunFolder("out", other).stopped() is None
    said = capsys.readouterr().out
    assert "stopped in out after epoch 2 is not this one: option model.init_args.lr differ; this one starts again" in said


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"sources": "others"}, "the sources of oro_unlearn differ"),
        ({"versions": {"torch": "0"}}, "the version of"),
        ({"inputs": {"model.original": "another"}}, "the content of model.original differ"),
    ],
)
def test_what_cannot_go_on_says_why_and_replaces_nothing(parts, says):
    path = stop(changed(**parts))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"{says}.*--resume false starts again, --ckpt_path out/model.ckpt continues"):
        RunFolder("out", CONFIG).stopped()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "truncated", "another"])
def test_a_checkpoint_that_cannot_be_read_is_an_error(content):
    path = stop(RunFolder("out", CONFIG))
    if content == "another":
        torch.save({"weights": torch.zeros(1)}, path)
    else:
        path.write_bytes(path.read_bytes()[:300] if content == "truncated" else content)
    with pytest.raises(ValueError, match=r"out/model.ckpt cannot be read .*--resume false"):
        RunFolder("out", CONFIG).stopped()


def test_a_checkpoint_of_an_earlier_version_is_named():
    stop(RunFolder("out", CONFIG))
    torch.save({"epoch": 0, "run": "abc"}, "out/model.ckpt")
    with pytest.raises(ValueError, match="the version of oro_unlearn that wrote it differ"):
        RunFolder("out", CONFIG).stopped()


def test_other_data_do_not_go_on():
    before, now = RunFolder("out", CONFIG), RunFolder("out", CONFIG)
    before.learn({"train": "a", "test": "b"})
    content = torch.load(stop(before), weights_only=True)
    now.goes_on = True
    now.learn({"train": "a", "test": "b"})
    now.check_data(content)
    assert now.identity.mark == before.identity.mark
    now.learn({"train": "a", "test": "c"})
    with pytest.raises(ValueError, match="used other data: the data of test differ"):
        now.check_data(content)
    assert now.identity.mark != before.identity.mark
    assert json.loads(before.identity.written())["data"] == {"train": "a", "test": "b"}
