"""Drawings of a causal trace, and of what pruning reached."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from oro_unlearn.report.names import label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = {"effect": "effect", "composition": "composition"}  # matrices of a map that are drawn, and their titles
LINES = {  # figures of a step: name, colour
    "plain": ("R@5 of what is to be forgotten, plain caption", "#d2480a"),
    "worst": ("R@5 in the worst training wording", "#b31412"),
    "neighbours": ("R@1 of neighbours", "#188038"),
}


def trace_figure(found: Mapping[str, Any]) -> "Figure":
    """Heat maps of the components of a tower: the effect of patching each, and the part that is composition.

    Args:
        found: ``rows``, ``columns``, and matrices ``effect`` and ``composition`` with None for a missing value.
    """
    from matplotlib.figure import Figure

    shown = [name for name in PANELS if any(value is not None for row in found[name] for value in row)]
    rows, columns = found["rows"], found["columns"]
    figure = Figure(figsize=(1.9 + 0.55 * len(columns) * len(shown), 1.3 + 0.24 * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for panel, name in zip(panels, shown, strict=True):
        values = [[float("nan") if value is None else value for value in row] for row in found[name]]
        largest = max((abs(value) for row in found[name] for value in row if value is not None), default=0) or 1
        mesh = panel.pcolormesh(values, cmap="RdBu_r", vmin=-largest, vmax=largest, edgecolors="white", linewidth=0.4)
        panel.set_title(PANELS[name])
        panel.set_xticks(
            [place + 0.5 for place in range(len(columns))], [label(name) for name in columns], rotation=60, ha="right"
        )
        figure.colorbar(mesh, ax=panel, shrink=0.9)
    panels[0].set_yticks([place + 0.5 for place in range(len(rows))], list(map(label, rows)))
    panels[0].invert_yaxis()
    return figure


def pruning_figure(before: Mapping[str, float], steps: Sequence[Mapping[str, Any]]) -> "Figure":
    """What pruning reached on the training pictures, by the share of a tower's activations that are ablated.

    Args:
        before: ``plain``, ``worst`` and ``neighbours`` before the first step.
        steps: The same after each step, with ``share``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    panel = figure.subplots()
    shares = [0.0, *(100 * step["share"] for step in steps)]
    for name, (title, colour) in LINES.items():
        panel.plot(shares, [before[name], *(step[name] for step in steps)], color=colour, label=title, marker=".", markersize=4)
    panel.set(xlabel="% of the tower's activations ablated", ylim=(-0.03, 1.03))
    figure.legend(loc="outside upper left")
    return figure
