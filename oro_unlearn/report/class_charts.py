"""Drawings of the page of a classifier: predictions, confidences, and the membership attack on the forgotten images."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from oro_unlearn.report.names import label as label_of
from oro_unlearn.report.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROLES = {"original": "original", "unlearned": "edited", "retrained": "retrained"}
GROUPS = {  # groups of images by their name in the report: name, colour, line style
    "retain": ("members: training images of kept classes", "#5f6b7a", "solid"),
    "test_retain": ("non-members: test images of kept classes", "#1a73e8", "dashed"),
    "forget": ("forgotten training images", "#d2480a", "solid"),
}
MOST = 12  # most classes in the drawing of predictions
Counts = Mapping[str, Mapping[str, Sequence[int]]]


def redirection_chart(shares: Mapping[str, Mapping[str, float]]) -> "Figure":
    """Where each model puts the test images of the forgotten classes, as bars. The largest 12 classes are drawn.

    Args:
        shares: Share of the images by class, by role.
    """
    from matplotlib.figure import Figure

    roles = [role for role in ROLES if role in shares]
    names = sorted(shares[roles[0]], key=lambda name: -max(shares[role][name] for role in roles))[:MOST]
    figure = Figure(figsize=(5.4, 0.75 + 0.36 * len(names)), layout="constrained")
    panel, height = figure.subplots(), 0.8 / len(roles)
    for place, role in enumerate(roles):
        rows = [row + (place - (len(roles) - 1) / 2) * height for row in range(len(names))]
        panel.barh(rows, [100 * shares[role][name] for name in names], height, label=ROLES[role], color=COLOURS[role])
    panel.set_yticks(range(len(names)), [label_of(name) for name in names])
    panel.invert_yaxis()
    panel.set(xlabel="% of the forgotten test images", xlim=(0, 100))
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def confusion_chart(confusion: Sequence[Sequence[int]], names: Sequence[str], forgotten: Sequence[str]) -> "Figure":
    """The confusion matrix of the measured model; each row adds up to 1, and forgotten classes are coloured.

    Args:
        confusion: Counts (K, K): rows are labels, columns predictions.
        names: K names.
        forgotten: Names of the forgotten classes.
    """
    from matplotlib.figure import Figure

    shown = [label_of(name) for name in names]
    side = 2.6 + 0.17 * len(names)
    figure = Figure(figsize=(side + 0.9, side), layout="constrained")
    panel = figure.subplots()
    rows = [[count / (sum(row) or 1) for count in row] for row in confusion]
    mesh = panel.pcolormesh(rows, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.4)
    panel.invert_yaxis()
    panel.set(xlabel="predicted", ylabel="label", aspect="equal")
    places = [place + 0.5 for place in range(len(names))]
    longest = max(map(len, shown))
    panel.set_xticks(places, shown, rotation=60 if longest > 2 else 0, ha="right" if longest > 2 else "center")
    panel.set_yticks(places, shown)
    for tick, name in zip(panel.get_yticklabels(), names, strict=True):
        if name in forgotten:
            tick.set(color="#b84f00", fontweight="bold")
    figure.colorbar(mesh, ax=panel, label="share of the row", shrink=0.8)
    return figure


def confidence_chart(counts: Counts, limit: float) -> "Figure":
    """How sure each model is of the true class, for members, non-members and forgotten images; one panel per model.

    Args:
        counts: Histograms by role and group of images, over logits in [-limit, limit].
        limit: The largest logit.
    """
    from matplotlib.figure import Figure

    roles = [role for role in ROLES if role in counts]
    figure = Figure(figsize=(5.4, 0.9 + 1.15 * len(roles)), layout="constrained")
    panels = figure.subplots(len(roles), 1, sharex=True, squeeze=False)[:, 0]
    for panel, role in zip(panels, roles, strict=True):
        for group, (name, colour, style) in GROUPS.items():
            row = counts[role].get(group, ())
            if sum(row):
                edges = [limit * (2 * place / len(row) - 1) for place in range(len(row) + 1)]
                heights = [100 * count / sum(row) for count in row]
                panel.stairs(heights, edges, label=name, color=colour, linestyle=style, linewidth=1.4)
        panel.set_title(ROLES[role], loc="left", color="#3a404a")
        panel.set(ylabel="% of images", xlim=(-limit, limit), ylim=(0, None))
    panels[-1].set_xticks([-13.8, -6.9, 0, 6.9, 13.8], ["0.000001", "0.001", "0.5", "0.999", "0.999999"])
    panels[-1].set_xlabel("probability of the true class (logit scale)")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left")
    return figure


def roc_points(members: Sequence[int], others: Sequence[int]) -> tuple[list[float], list[float]]:
    """ROC of the attack that calls an image a member if its confidence is high.

    Args:
        members: Counts (B,) of forgotten training images by increasing confidence.
        others: Counts (B,) of images that no model was trained on.

    Returns:
        False and true positive rates, from 0 to 1, for every threshold between bins.

    Example:
        >>> roc_points([0, 1, 3], [2, 1, 1])
        ([0.0, 0.25, 0.5, 1.0], [0.0, 0.75, 1.0, 1.0])
    """
    rates: tuple[list[float], list[float]] = ([0.0], [0.0])
    for found, row in zip(rates, (others, members), strict=True):
        seen = 0
        for count in reversed(row):
            seen += count
            found.append(seen / sum(row))
    return rates


def roc_chart(counts: Counts, unseen: str) -> "Figure":
    """ROC of the membership attack on the forgotten images, on logarithmic axes: what it finds with few false alarms.

    Args:
        counts: Histograms by role and group of images.
        unseen: The group of images that no model was trained on.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(5.4, 4.6), layout="constrained")
    panel = figure.subplots()
    panel.grid(color="#e6e8ec", linewidth=0.6)
    least = min(0.5 / sum(groups[unseen]) for groups in counts.values())
    least = min(least, *(0.5 / sum(groups["forget"]) for groups in counts.values()))
    styles: Mapping[str, Any] = {"original": "dashed", "unlearned": "solid", "retrained": "dashdot"}
    for role in (role for role in ROLES if role in counts):
        false, true = roc_points(counts[role]["forget"], counts[role][unseen])
        lowest = [[max(rate, least) for rate in rates] for rates in (false, true)]
        panel.plot(
            *lowest, drawstyle="steps-post", label=ROLES[role], color=COLOURS[role], linestyle=styles[role], linewidth=1.8
        )
    panel.plot([least, 1], [least, 1], color="#3a404a", linewidth=0.8, linestyle="dotted", label="chance")
    panel.set(xscale="log", yscale="log", xlim=(least, 1), ylim=(least, 1.1))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(NullFormatter())
    panel.set(xlabel="false positive rate (log)", ylabel="true positive rate (log)")
    panel.legend(loc="lower right")
    return figure
