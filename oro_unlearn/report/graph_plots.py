"""Drawings of the explanations of a graph network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oro_unlearn.files import replacing
from oro_unlearn.report.names import literal_text
from oro_unlearn.report.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 6  # explained nodes in one picture


@literal_text()
def save_png(figure: "Figure", path: str | Path) -> None:
    """Write a drawing.

    Args:
        figure: The drawing.
        path: PNG to write.
    """
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)


def explanations_figure(nodes: Sequence[Mapping[str, Any]]) -> "Figure":
    """The strongest edges around each node, as wide and as dark as their masks; the node itself is orange.

    Args:
        nodes: ``node``, ``class``, ``label`` and ``edges`` (source, target, mask) of each; the first six are drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = nodes[:MOST_DRAWN]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(4 * columns, 3.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for panel, node in zip(panels, shown, strict=False):
        _draw(panel, node)
    for panel in figure.axes:
        panel.set_axis_off()
    return figure


def _draw(panel: "Axes", found: Mapping[str, Any]) -> None:
    """One subgraph. The layout depends only on the edges."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_node(found["node"])
    for source, target, mask in found["edges"]:  # both directions of an edge are drawn as one, by the stronger
        earlier = graph.get_edge_data(source, target, {"mask": 0.0})["mask"]
        graph.add_edge(source, target, mask=max(mask, earlier))
    places = nx.spring_layout(graph, seed=0)
    masks = [mask for _, _, mask in graph.edges(data="mask")]
    colours = [COLOURS["unlearned"] if node == found["node"] else COLOURS["original"] for node in graph]
    nx.draw_networkx_nodes(graph, places, ax=panel, node_color=colours, node_size=180)
    nx.draw_networkx_labels(graph, places, ax=panel, font_size=6)
    for (source, target), mask in zip(graph.edges, masks, strict=True):
        pair = [(source, target)]
        nx.draw_networkx_edges(graph, places, edgelist=pair, ax=panel, width=0.5 + 3 * mask, alpha=0.2 + 0.8 * min(1.0, mask))
    right = "as labelled" if found["class"] == found["label"] else f"labelled {found['label']}"
    panel.set_title(f"node {found['node']}: class {found['class']}, {right}", fontsize=9)
