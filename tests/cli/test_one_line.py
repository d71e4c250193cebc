"""An error is said once, by whichever process it is about."""

import sys

import pytest

from oro_unlearn.cli import one_line
from oro_unlearn.cli.one_line import RANKS, fail


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No process of several, and no waiting."""
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(one_line, "PAUSE", 0.0)


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize(
    ("number", "alike", "said"),
    [
        ("0", True, "oro-unlearn: error: no\n"),
        ("0", False, "oro-unlearn: error: no\n"),
        ("1", True, ""),
        ("3", False, "oro-unlearn: error: process 3: no\n"),
    ],
)
def test_what_each_process_says(name, number, alike, said, monkeypatch, capsys):
    monkeypatch.setenv(name, number)
    with pytest.raises(SystemExit) as stop:
        fail("no", alike)
    assert stop.value.code == 2
    assert capsys.readouterr().err == said


def test_a_process_whose_starter_has_ended_is_silent(monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(one_line, "STARTED_BY", -1)
    with pytest.raises(SystemExit) as stop:
        fail("no", alike=False)
    assert (stop.value.code, capsys.readouterr().err) == (2, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model.lr", "1"], ""),
        (["--config", "nope.yaml"], "error: process 1: configuration file nope.yaml not found"),
        (["--model.original", "nope.pt"], "error: process 1: original checkpoint nope.pt not found"),
    ],
)
def test_what_all_find_alike_is_left_to_the_first(words, said, run, monkeypatch):
    from tests.conftest import CONFIGS

    monkeypatch.setenv("LOCAL_RANK", "1")
    code, text = run("fit", "--config", str(CONFIGS / "digits/rwft_o.yaml"), "--data.forget", "[3]", *words)
    assert code == 2
    assert said in text if said else text == ""


def test_other_errors_keep_their_traceback(run, monkeypatch):
    monkeypatch.setattr(sys.modules["oro_unlearn.cli.unlearning_cli"], "build", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("fit")
