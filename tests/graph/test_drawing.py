"""The drawing is written whole or not at all, and shows what it should."""

import os

import pytest

from oro_unlearn.graph import derive_roles, draw_graph, load_graph

pytestmark = pytest.mark.pictures

SCENES = load_graph("scenes")


@pytest.mark.parametrize("text", ["minor drinking alcohol", "adult pointing at dog", "child next to animal"])
def test_svg_names_objects_relations_and_roles(tmp_path, monkeypatch, text):
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "none")  # text as text
    roles = derive_roles(SCENES, [SCENES.parse(text)])
    draw_graph(SCENES, roles, tmp_path / "graph.svg")
    drawing = (tmp_path / "graph.svg").read_text()
    for name in (node[0] for node in roles.nodes[:4]):
        assert f">{name}<" in drawing
    assert f">{roles.requested[0].relation}<" in drawing
    assert f"To forget: {text}" in drawing
    assert "#c62828" in drawing  # unsafe
    assert ("#ef6c00" in drawing) == bool(roles.swapped)
    assert os.listdir(tmp_path) == ["graph.svg"]


def test_png(tmp_path):
    draw_graph(SCENES, derive_roles(SCENES), str(tmp_path / "graph.PNG"))
    assert (tmp_path / "graph.PNG").read_bytes().startswith(b"\x89PNG")


def test_a_graph_of_three_objects(tmp_path, zoo):
    graph = zoo("edges:", "  - {edge: cat drinking milk, status: unsafe}")
    draw_graph(graph, derive_roles(graph), tmp_path / "graph.svg")
    assert ">moggy<" not in (tmp_path / "graph.svg").read_text()
    assert sorted(os.listdir(tmp_path)) == ["graph.svg", "graph.yaml"]


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"graph\.pdf: a drawing is a \.png or a \.svg"):
        draw_graph(SCENES, derive_roles(SCENES), tmp_path / "graph.pdf")


def test_a_failure_leaves_the_old_drawing(tmp_path, monkeypatch):
    path = tmp_path / "graph.png"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        draw_graph(SCENES, derive_roles(SCENES), path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["graph.png"]
