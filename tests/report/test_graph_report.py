"""The report of a graph network: its tables, its page and its drawing."""

import pytest
from PIL import Image
from rich.console import Console

from oro_unlearn.report.graph_plots import explanations_figure, save_png
from oro_unlearn.report.graph_report import make_page, make_report, report_table
from oro_unlearn.report.page import html_of

NODES = [{"node": 3, "class": 1, "label": 0, "edges": [[1, 3, 0.9], [3, 1, 0.5], [2, 1, 0.1]], "features": [[7, 0.8]]}]
EXPLAINED = {"fidelity_plus_features": 0.25, "fidelity_plus": 0.5, "fidelity_minus": 0.125, "sparsity": 0.75}
FIGURES = {"test/accuracy": 0.8, "test/low": 0.7, "test/high": 0.9, "test/samples": 100.0}


MEASURED = {
    "metrics": {"original": FIGURES},
    "losses": {"task": [(1, 0.5), (2, 0.25)], "triplet": [(2, 1.0)]},
    "chosen": {"epoch": 4, "split": "validation"},
    "explanations": {"by": "SES masks", "explained": 8, **EXPLAINED, "seconds": 0.01, "nodes": NODES},
}


class Model:
    """What a method has measured."""

    def __init__(self, **changed) -> None:
        self.measurements = {**MEASURED, **changed}


class GraphsOfNodes:
    """Data."""

    task = "node"


def report(root=None, **changed):
    header = {"method": "SES", "data": "cora", "network": "GCN", "forget": [], "seed": 0}
    return make_report(header, Model(**changed), GraphsOfNodes(), root, "outputs")


def shown(content) -> str:
    console = Console(width=160)
    with console.capture() as caught:
        console.print(report_table(content))
    return caught.get()


def test_the_table_has_intervals_and_says_who_chose_the_epoch():
    text = shown(report())
    assert "80.00%" in text
    assert "70.00% to 90.00%" in text
    assert "Epoch 5, chosen on the validation split." in text
    assert "12.50%" in text
    assert "too good" not in text
    assert "The test split chose it" in shown(report(chosen={"epoch": 4, "split": "test"}))


def test_a_report_keeps_steps_and_leaves_seconds_out():
    content = report()
    assert content["losses"] == {"task": {"step": [1, 2], "value": [0.5, 0.25]}, "triplet": {"step": [2], "value": [1.0]}}
    assert "seconds" not in content["explanations"]


def test_the_page_shows_figures_and_explanations(tmp_path):
    text = html_of(make_page(report(tmp_path), tmp_path))
    for words in ("Graph network trained by SES", "Explained nodes", "Losses by step", "70.00% to 90.00%"):
        assert words in text
    without = {name: value for name, value in report().items() if name != "explanations"}
    assert "Explained nodes" not in html_of(make_page(without, tmp_path))


@pytest.mark.pictures
def test_the_drawing_has_the_node_and_its_edges(tmp_path):
    figure = explanations_figure(NODES)
    (panel,) = figure.axes
    assert panel.get_title() == "node 3: class 1, labelled 0"
    assert sorted(text.get_text() for text in panel.texts) == ["1", "2", "3"]
    save_png(figure, tmp_path / "drawing.png")
    with Image.open(tmp_path / "drawing.png") as image:
        assert min(image.size) > 100
