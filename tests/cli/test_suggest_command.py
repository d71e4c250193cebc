"""``oro-unlearn suggest``: what it prints, draws and refuses."""

import re
import subprocess
import sys

import pytest

from oro_unlearn.cli import main
from oro_unlearn.graph import load_graph
from oro_unlearn.graph.graph_file import SCENES
from oro_unlearn.risk import suggesting, training

EDGE = "  - {edge: child eating hamburger, status: unsafe}\n"


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """A function that writes the scenes graph with other edges; training is short."""
    monkeypatch.setattr(training.Training, "__init__", short := _short(training.Training.__init__))
    assert short

    def write(*edges: str):
        path = tmp_path / "graph.yaml"
        lines = "".join(f"  - {{edge: {edge}}}\n" for edge in edges)
        path.write_text(SCENES.read_text().replace(EDGE, lines))
        return path

    return write


def _short(build):
    def built(self, **given):
        build(self, **{**given, "steps": 5})

    return built


def test_a_line_for_each_tuple_and_a_block_that_can_be_pasted(graph, capsys):
    path = graph("child drinking wine, status: unsafe", "toddler holding beer, status: unsafe")
    before = path.read_bytes()
    main(["suggest", "--graph", str(path), "--top", "4"])
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "3 tuples unsafe, 0 safe, 993 open"
    assert lines[1].split("  ")[0] == "tuple"
    assert all(re.split(r" {2,}", line)[0].count(" ") >= 2 and len(re.split(r" {2,}", line)) == 5 for line in lines[2:6])
    assert "calibrated on unsafe tuples that were left out" in printed
    block = [line for line in lines if line.startswith("  - {")]
    assert len(block) == 4
    assert path.read_bytes() == before
    path.write_text(path.read_text().replace("contexts:", "\n".join([*block, "contexts:"])))
    assert len(load_graph(path).edges) == 2 + 4


def test_the_same_command_prints_the_same(graph, capsys):
    words = ["suggest", "--graph", str(graph("child drinking wine, status: unsafe")), "--top", "3"]
    main(words)
    first = capsys.readouterr().out
    main(words)
    assert capsys.readouterr().out == first
    assert "The risks are not calibrated" in first


@pytest.mark.pictures
@pytest.mark.parametrize("ranking", ["slots", "hierarchy", "text"])
def test_rankings_without_training(ranking, graph, capsys, tmp_path):
    path = graph("child drinking wine, status: unsafe")
    main(["suggest", "--graph", str(path), "--by", ranking, "--top", "2", "--draw", str(tmp_path / "risk.svg")])
    printed = capsys.readouterr().out
    assert "nearness" in printed
    assert "calibrated" not in printed
    assert "child drinking beer" in printed or ranking == "text"
    assert (tmp_path / "risk.svg").read_text().lstrip().startswith("<?xml")


def test_a_tuple_above_a_safe_edge_is_a_comment(graph, capsys):
    path = graph("child drinking wine, status: unsafe", "toddler drinking beer, status: safe")
    main(["suggest", "--graph", str(path), "--by", "hierarchy", "--top", "1"])
    printed = capsys.readouterr().out
    assert '#   - {subject: "child", relation: "drinking", object: "beer", status: unsafe}' in printed
    assert "'toddler drinking beer' follows from it and is not unsafe" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: --graph"),
        (["--graph", "missing.yaml"], "missing.yaml"),
        (["--graph", "scenes", "--top", "0"], "--top 0 must be at least 1"),
        (["--graph", "scenes", "--by", "luck"], "invalid choice: 'luck'"),
        (["--graph", "scenes", "--network", "ViT-B-32"], "needs --pretrained"),
        (["--graph", "scenes", "--draw", "risk.doc"], "risk.doc: a drawing is a .png or a .svg"),
    ],
)
def test_a_mistake_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["suggest", *words])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert message in error


def test_a_graph_without_unsafe_edges_is_one_line(graph, capsys):
    with pytest.raises(SystemExit):
        main(["suggest", "--graph", str(graph("child drinking wine, status: safe"))])
    assert "no edge is unsafe" in capsys.readouterr().err


def test_one_ranking_alone_has_no_column_of_ranks(graph, capsys, monkeypatch):
    monkeypatch.setattr(suggesting, "MOST_CAPTIONS", 0)
    path = graph("child drinking wine, status: unsafe", "toddler drinking wine, status: safe, override: true, reason: so")
    main(["suggest", "--graph", str(path), "--by", "hierarchy", "--top", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 tuple unsafe, ")
    assert lines[1].split() == ["tuple", "nearness", "like", "the", "unsafe", "reason"]


def test_a_library_s_warning_about_itself_is_not_shown():
    code = (
        "import oro_unlearn.cli as cli; cli.settle(); import torch_geometric.nn, warnings; warnings.warn('mine', FutureWarning)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert "jit" not in printed
    assert "mine" in printed
