"""``oro-unlearn graph``: what it prints, draws and refuses."""

from pathlib import Path

import pytest

from oro_unlearn.cli import main

pytestmark = pytest.mark.pictures


def test_it_prints_the_roles_and_draws_them(capsys, tmp_path):
    main(["graph", "--forget", "child drinking wine", "--draw", str(tmp_path / "graph.svg")])
    printed = capsys.readouterr().out
    assert printed.startswith("unsafe (2): a child drinking wine, a toddler drinking wine\n")
    assert "subject differs" in printed
    assert (tmp_path / "graph.svg").read_text().lstrip().startswith("<?xml")


def test_propagation_can_be_left_out(capsys):
    main(["graph", "--forget", "child drinking wine", "--no-propagate"])
    assert capsys.readouterr().out.startswith("unsafe (1): a child drinking wine\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.yaml"], "missing.yaml"),
        (["--forget", "child drinks wine"], "did you mean 'drinking'"),
        (["--draw", "graph.doc"], "graph.doc"),
        (["--drow", "graph.png"], "unrecognized arguments: --drow; see oro-unlearn graph --help"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(words, message, capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["graph", *words])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert message in error
    assert not [path for path in Path(tmp_path).iterdir() if path.suffix == ".doc"]
