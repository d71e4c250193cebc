"""What the command line says at once: from the source, without PyTorch."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from jsonargparse import ArgumentParser

from oro_unlearn import data, methods, networks
from oro_unlearn.cli import errors
from oro_unlearn.cli.quick_help import answer
from oro_unlearn.cli.source_options import HOMES, classes, found, options, plain

PACKAGES = {"model": methods, "data": data}
RUNNABLE = [(part, name) for part in PACKAGES for name in classes(part)]


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["fit", "--help"], ["--model.help", "RWFT"], ["fti"]], ids=" ".join
)
def test_quick_answers_import_nothing_heavy(words):
    code = (
        f"import sys; sys.argv = ['oro-unlearn', *{words}]\n"
        "from oro_unlearn.cli.command import main\n"
        "try: main()\n"
        "except SystemExit as stop: print('exit', stop.code)\n"
        "assert not {'torch', 'lightning', 'numpy', 'jsonargparse'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("exit 2" in done.stdout) == (words == ["fti"])


def test_version():
    assert f"PyTorch {version('torch')}" in str(answer(["--version"]))


@pytest.mark.parametrize(("part", "name"), RUNNABLE, ids=[name for _, name in RUNNABLE])
def test_options_from_the_source_are_those_of_the_parser(part, name):
    source = found(part, name)
    assert source
    read = {option.name: option for option in options(source) or []}
    parsed = ArgumentParser().add_class_arguments(getattr(PACKAGES[part], name), "x", fail_untyped=False)
    assert {f"x.{key}" for key in read} == set(parsed)
    assert [key for key, option in read.items() if not option.meaning] == [], "every option is explained"


def test_names_that_an_option_takes():
    for part, module in {**PACKAGES, "model.network": networks}.items():
        key = part.rpartition(".")[2]
        assert classes(part) == errors._classes(module, errors.KNOWN[key][2])
        assert HOMES[part] == module.__name__


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "usage: oro-unlearn COMMAND"),
        (["fit", "--help"], "--data.forget"),
        (["test", "-h"], "usage: oro-unlearn test"),
        (["fit", "--config", "x.yaml", "--help"], "  SalUn "),
        (["fit", "--model.help", "RWFT"], "--model.original"),
        (["fit", "--model.help=RWFT"], "default: 'proportional'"),
        (["fit", "--model.help", "oro_unlearn.methods.RWFT"], "--model.cache_limit"),
        (["fit", "--data.help", "ImageFolder"], "Side in pixels"),
        (["fit", "--model.help"], "  SalUn "),
        (["fit", "--model", "SSD", "--model.help"], "--model.dampening"),
        (["fit", "--trainer.help"], "--trainer.max_epochs"),
        (["suggest", "--help"], "--top N"),
        (["graph", "--help"], "--no-propagate"),
        (["graph", "import", "--help"], "--min-count N"),
    ],
)
def test_pages(words, expected):
    page = answer(words)
    assert page
    assert expected in page or expected in " ".join(page.split())
    assert "lr_scheduler.CyclicLR" not in page, "no lists of PyTorch's classes"


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "--config", "x.yaml"],
        ["fit", "--model.help", "numpy.array"],
        ["fit", "--data.help", "nowhere.Data"],
        ["init", "x"],
    ],
)
def test_what_is_not_known_is_left_to_the_parser(words):
    assert answer(words) is None


def test_a_misspelt_class_is_answered_at_once():
    with pytest.raises(ValueError, match=r"no class 'RWFTT' for --model; known: AMUN, .*: did you mean RWFT"):
        answer(["fit", "--model.help", "RWFTT"])


def test_a_class_in_this_folder_is_read_with_what_it_inherits(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_way.py").write_text(
        "import oro_unlearn.methods as m\nfrom oro_unlearn.methods import RWFT\n\n"
        'class Mine(RWFT):\n    """Mine.\n\n    Args:\n        speed: How fast.\n        kwargs: Of RWFT.\n    """\n\n'
        "    def __init__(self, speed: float, **kwargs):\n        super().__init__(retain='none', **kwargs)\n\n"
        "class Alone(m.RWFT):\n    def __init__(self, one: int = 1):\n        super().__init__()\n\n"
        "class Unknown(Nowhere):\n    pass\n"
    )
    page = answer(["fit", "--model.help", "my_way.Mine"])
    assert page
    assert "How fast. (float; required)" in page
    assert "--model.target" in page
    assert "--model.retain\n" not in page, "given by the class itself"
    assert "--model.target" not in str(answer(["fit", "--model.help", "my_way.Alone"]))
    assert answer(["fit", "--model.help", "my_way.Unknown"]) is None


def test_markup_of_docstrings():
    assert plain("A :class:`~torch.Tensor` of\n ``x``, `docs <https://x>`_.") == "A torch.Tensor of x, docs."
