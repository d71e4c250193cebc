"""Pictures of a run that forgets people: figures by model, paths of neurons, and the answer's probability by layer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oro_unlearn.audit.persona_groups import GROUPS, METRICS, MODALITIES
from oro_unlearn.files import replacing
from oro_unlearn.report.names import label
from oro_unlearn.report.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"original": "original", "unlearned": "edited", "retrained": "retrained", "filtered": "name filter"}
LOOKS: dict[str, dict[str, Any]] = {  # of the bars of each model; the filter is told by its hatching
    **{role: {"color": colour} for role, colour in COLOURS.items()},
    "filtered": {"color": "white", "edgecolor": "#5f6368", "hatch": "////", "linewidth": 0.8},
}
SHOWN = ("cloze_accuracy", "choice_accuracy", "exact_match", "rougeL", "answer_probability", "truth_ratio")
MARKERS = {"original": "o", "unlearned": "s", "retrained": "^"}
NEURONS: dict[str, dict[str, Any]] = {  # looks of the neurons on the paths of each group of people
    "retain": {"marker": "x", "s": 20, "color": COLOURS["retrained"], "linewidth": 1, "label": "path of the people who stay"},
    "forget": {"marker": "o", "s": 14, "color": COLOURS["unlearned"], "linewidth": 0, "label": "edited"},
}
OFFSETS = {"forget": 0.15, "retain": -0.15}  # of the two rows of a layer
MANY = 800  # neurons that are drawn as pixels, not as shapes
Metrics = Mapping[str, Mapping[str, Any]]


def people_figure(metrics: Metrics) -> "Figure":
    """Figures of the people to forget and of those who stay, by modality and model, as bars.

    Args:
        metrics: Figures by model; of the retrained models ``mean`` and, as error bars, ``std``.
    """
    from matplotlib.figure import Figure

    panels = [(group, modality) for group in ("forget", "retain") for modality in MODALITIES]
    roles = [role for role in NAMES if role in metrics]
    figure = Figure(figsize=(10, 1.4 + 0.12 * len(SHOWN) * max(2, len(roles)) * 2), layout="constrained")
    for panel, (group, modality) in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, panels, strict=True):
        for position, role in enumerate(roles):
            _bars(panel, metrics[role], f"{group}/{modality}", role, position, len(roles))
        panel.set_title(f"{GROUPS[group]}, {MODALITIES[modality]}")
        panel.set_yticks(range(len(SHOWN)), [METRICS[metric] for metric in SHOWN])
        panel.set_xlim(0, 1.02)
    panel.invert_yaxis()
    handles, names = panel.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return figure


def _bars(panel: Any, figures: Mapping[str, Any], name: str, role: str, position: int, roles: int) -> None:
    """The bars of one model in one panel."""
    means, spreads = figures.get("mean", figures), figures.get("std", {})
    height = 0.8 / roles
    places = [row + (position - (roles - 1) / 2) * height for row in range(len(SHOWN))]
    values = [means.get(f"{name}/{metric}") or 0.0 for metric in SHOWN]
    errors = [spreads.get(f"{name}/{metric}") or 0.0 for metric in SHOWN]
    known = {"xerr": errors, "error_kw": {"linewidth": 1, "capsize": 2}} if any(errors) else {}
    panel.barh(places, values, 0.92 * height, label=NAMES[role], **LOOKS[role], **known)
    for place, metric in zip(places, SHOWN, strict=True):
        if means.get(f"{name}/{metric}") is None:
            panel.text(0.005, place, "not measured", fontsize=6, va="center", color="#5f6368")


def paths_figure(towers: Mapping[str, Mapping[str, Any]]) -> "Figure":
    """Neurons on the paths, layer by neuron, of each tower.

    Args:
        towers: By tower: ``layers`` (names), ``widths``, and ``forget`` and ``retain``, indices of neurons by layer.
    """
    from matplotlib.figure import Figure

    tallest = max(len(tower["layers"]) for tower in towers.values())
    figure = Figure(figsize=(5.2 * len(towers), 1.6 + 0.3 * tallest), layout="constrained")
    for panel, (name, tower) in zip(figure.subplots(1, len(towers), squeeze=False)[0], towers.items(), strict=True):
        for split, style in NEURONS.items():
            rows = enumerate(tower.get(split, []), 1)
            places = [(neuron, row + OFFSETS[split]) for row, neurons in rows for neuron in neurons]
            if places:
                panel.scatter(*zip(*places, strict=True), **style, rasterized=len(places) > MANY)
        panel.set(title=f"{label(name)} tower", xlabel="neuron", xlim=(-1, max(tower["widths"])))
        panel.set(ylim=(0.4, len(tower["layers"]) + 0.6), yticks=range(1, 1 + len(tower["layers"])))
        panel.grid(axis="y", color="#e8eaed")
        panel.set_axisbelow(True)
        panel.set_ylabel("layer")
    drawn = {name: part for panel in figure.axes for part, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(drawn.values(), drawn.keys(), loc="outside upper center", ncols=2)
    return figure


def lens_figure(lens: Mapping[str, Mapping[str, Sequence[float]]]) -> "Figure":
    """Probability of the answer if a layer's hidden state is read as the last one, for forgotten people and for others.

    Args:
        lens: By model: ``layers``, and ``forget`` and ``retain``, a value a layer.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    groups = [group for group in ("forget", "retain") if any(group in found for found in lens.values())]
    figure = Figure(figsize=(4.6 * len(groups) + 0.6, 3.4), layout="constrained")
    for panel, group in zip(figure.subplots(1, len(groups), sharey=True, squeeze=False)[0], groups, strict=True):
        named: set[str] = set()
        shown = sorted((name for name in lens if group in lens[name]), key=lambda name: not name.startswith("retrained"))
        for name in shown:  # the edited model's line lies above those of retrained models
            found = lens[name]
            role = name.partition("_")[0]
            title = NAMES.get(role, role) if role not in named else None
            named.add(role)
            look = {"color": COLOURS.get(role, "#202124"), "marker": MARKERS.get(role, "."), "markersize": 4}
            panel.plot(found["layers"], found[group], label=title, linewidth=1.4, **look)
        panel.set(title=GROUPS[group], xlabel="layer", ylim=(-0.02, 1.02))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.axes[0].set_ylabel("probability of the answer")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=max(1, len(names)))
    return figure


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure as PNG.

    Args:
        figure: The figure.
        path: File to write.
    """
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
