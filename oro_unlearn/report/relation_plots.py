"""Pictures of a relational run: losses by term, cosines by group, and the images closest to the forgotten caption."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oro_unlearn.files import replacing
from oro_unlearn.report.names import label, literal_text
from oro_unlearn.report.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROLES = {"forgotten": "#c5221f", "neighbour": "#188038", "other": "#9aa0a6"}  # frames of the contact sheet


def plot_losses(losses: Mapping[str, Sequence[float]], path: str | Path) -> None:
    """Draw each weighted term of the loss against the step, one small panel per term.

    Args:
        losses: Values at each step, by term.
        path: PNG to write.
    """
    _save(losses_figure({name: (range(1, len(values) + 1), values) for name, values in losses.items()}), path)


def losses_figure(losses: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> "Figure":
    """Losses by term, in panels.

    Args:
        losses: Steps and values, by term.
    """
    from matplotlib.figure import Figure

    columns = min(4, len(losses))
    rows = -(-len(losses) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for panel, (name, (steps, values)) in zip(panels, losses.items(), strict=False):
        panel.plot(steps, values, color=COLOURS["unlearned"], linewidth=1.2)
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
    for panel in list(panels):
        panel.set_axis_off()
    figure.supxlabel("step", fontsize=8)
    return figure


def plot_cosines(metrics: Mapping[str, Mapping[str, float]], groups: Mapping[str, str], path: str | Path) -> None:
    """Draw the mean cosine of each group before and after the edit, with the level of unrelated pairs.

    Args:
        metrics: Figures by model.
        groups: Labels by group, in order.
        path: PNG to write.
    """
    _save(cosines_figure(metrics, groups), path)


def cosines_figure(metrics: Mapping[str, Mapping[str, float]], groups: Mapping[str, str]) -> "Figure":
    """Mean cosines of each group, as bars; the arguments are those of :func:`plot_cosines`."""
    from matplotlib.figure import Figure

    shown = [group for group in groups if all(figures.get(f"{group}/cosine") is not None for figures in metrics.values())]
    figure = Figure(figsize=(10, 0.42 * len(shown) + 1.2), layout="constrained")
    panel = figure.subplots()
    height = 0.8 / len(metrics)
    for position, (role, figures) in enumerate(metrics.items()):
        places = [row + (position - (len(metrics) - 1) / 2) * height for row in range(len(shown))]
        values = [figures[f"{group}/cosine"] for group in shown]
        panel.barh(places, values, height, label=role, color=COLOURS[role.partition("_")[0]])
    level = next(iter(metrics.values())).get("unrelated/cosine")
    if level is not None:
        panel.axvline(level, color="black", linestyle=":", linewidth=1, label="unrelated pairs, original")
    panel.set_yticks(range(len(shown)), [groups[group] for group in shown])
    panel.invert_yaxis()
    panel.axvline(0, color="black", linewidth=0.6)
    panel.set_xlabel("mean cosine of picture and caption")
    figure.legend(fontsize=8, loc="outside upper center", ncols=5)
    return figure


@literal_text()
def plot_closest(sheets: Mapping[str, Sequence[tuple[Any, str, str]]], title: str, path: str | Path) -> None:
    """Draw the pictures closest to a caption, in two rows of eight for each model.

    Args:
        sheets: By model: pictures (H, W, 3) uint8, each with its content and role (a key of ``ROLES``), closest first.
        title: The caption.
        path: PNG to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6 * len(sheets) + 0.5), layout="constrained")
    figure.suptitle(f"Pictures closest to: {label(title)}   (red: forgotten, green: neighbour)", fontsize=11)
    parts = figure.subfigures(len(sheets), 1, squeeze=False)[:, 0]
    for part, (role, pictures) in zip(parts, sheets.items(), strict=True):
        part.suptitle(role, fontsize=10, x=0.01, ha="left")
        for panel, (pixels, name, kind) in zip(part.subplots(2, 8).flat, pictures, strict=False):
            panel.imshow(pixels)
            panel.set_xticks([])
            panel.set_yticks([])
            panel.set_xlabel(textwrap.fill(label(name), 24), fontsize=6.5)
            for spine in panel.spines.values():
                spine.set(color=ROLES[kind], linewidth=3)
    _save(figure, path)


def _save(figure: Any, path: str | Path) -> None:
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
