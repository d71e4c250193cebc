"""The page of a graph network: what ``fit`` and ``test`` write about it beside their JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oro_unlearn.report.drawings import svg_of
from oro_unlearn.report.graph_plots import explanations_figure
from oro_unlearn.report.graph_tables import MEANING, explanation_rows, figure_rows, note_of
from oro_unlearn.report.page import Card, Page, Picture, Section, Table
from oro_unlearn.report.page_parts import Content, page_of
from oro_unlearn.report.relation_plots import losses_figure

CARD = {"accuracy": ("accuracy", "accuracy"), "auc": ("AUC", "roc_auc"), "ap": ("average precision", "average_precision")}


def make_page(content: Content, folder: Path) -> Page:
    """The page of a report on a graph network.

    Args:
        content: Content of ``report.json``.
        folder: Folder with the pictures of the report.
    """
    facts = [(name.capitalize(), str(content[name])) for name in ("method", "data", "network", "task")]
    sections = [*_figures(content), *_explanations(content), *_losses(content)]
    own: dict[str, Any] = {
        "title": f"Graph network trained by {content['method']}",
        "about": f"{content['method']} · {content['data']} · {content['network']}",
        "facts": facts,
        "card": _card(content),
    }
    return page_of(content, {}, _figure_text, sections, CODE, **own)


CODE = """from safetensors.torch import load_file

state = load_file("model.safetensors")  # of oro_unlearn.networks.graphs.GraphNetwork"""


def _figures(content: Content) -> Iterator[Section]:
    rows = figure_rows(content)
    yield Section("Figures", [Table("Figures of each split", rows[0], rows[1:], note_of(content))], on_card=True)


def _explanations(content: Content) -> Iterator[Section]:
    rows = explanation_rows(content)
    if not rows:
        return
    nodes = content["explanations"]["nodes"]
    alt = "Small graphs: an explained node in orange, and the edges that its class rests on, wider where the mask is larger."
    picture = Picture("Explained nodes", alt, svg=svg_of(lambda: explanations_figure(nodes)), wide=True)
    header = ["figure", "value", "95 % interval", "nodes"]
    yield Section("Explanations", [Table("What the explanations are worth", header, rows, MEANING), picture])


def _losses(content: Content) -> Iterator[Section]:
    found = {name: (part["step"], part["value"]) for name, part in content.get("losses", {}).items()}
    if found:
        svg = svg_of(lambda: losses_figure(found))
        yield Section("Losses", [Picture("Losses by step", "Line charts: each term of the loss against the step.", svg=svg)])


def _figure_text(key: str, value: float) -> str:
    """Name and value of a figure; a report without a verdict shows none."""
    return f"{key}: {value:.3f}"


def _card(content: Content) -> Card:
    """What the model card says in its YAML."""
    figures = next(iter(content["metrics"].values()))
    found = {
        words: (kind, figures[f"test/{name}"])
        for name, (words, kind) in CARD.items()
        if figures.get(f"test/{name}") is not None
    }
    return Card("graph-ml", content["data"], content["network"], content["method"], found)
