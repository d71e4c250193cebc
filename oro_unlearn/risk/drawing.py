"""Draw suggestions: the risk of each tuple, and how much of it hangs on subject, relation and object."""

from pathlib import Path
from typing import TYPE_CHECKING

from oro_unlearn.files import replacing
from oro_unlearn.report.names import label, literal_text
from oro_unlearn.risk.reasons import SLOTS
from oro_unlearn.risk.suggesting import Suggestions
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#1565c0", "#6a1b9a", "#2e7d32")  # subject, relation, object
RISK = "#c62828"


def draw_suggestions(suggestions: Suggestions, path: str | Path) -> None:
    """Draw a row for each suggestion: its score, and the score after each slot is replaced, as a mean over the other values.

    Args:
        suggestions: From :func:`oro_unlearn.risk.suggesting.suggest`.
        path: A .png or .svg file, written atomically.

    Raises:
        UserError: If the suffix is neither .png nor .svg.
    """
    path = check_name(path)
    suffix = path.suffix.lower()[1:]
    with literal_text():
        figure = _figure(suggestions)
        with replacing(path) as partial:
            figure.savefig(partial, format=suffix, dpi=100, metadata={"Date": None} if suffix == "svg" else None)


def check_name(path: str | Path) -> Path:
    """The path of a drawing. Raises UserError if its name ends neither in .png nor in .svg."""
    path = Path(path)
    if path.suffix.lower() not in {".png", ".svg"}:
        raise UserError(f"{path}: a drawing is a .png or a .svg: end its name so")
    return path


def _figure(suggestions: Suggestions) -> "Figure":
    from matplotlib.figure import Figure

    found = suggestions.found[::-1]  # the first is drawn at the top
    rows = range(len(found))
    figure = Figure(figsize=(10, 0.42 * len(found) + 1.8), layout="constrained")
    axes = figure.add_subplot()
    axes.hlines(rows, [each.score - max(0.0, *each.drops) for each in found], [each.score for each in found], color="#bdbdbd")
    axes.plot([each.score for each in found], rows, "o", color=RISK, label="the tuple")
    for slot, colour in enumerate(COLOURS):
        values = [each.score - each.drops[slot] for each in found]
        axes.plot(values, rows, "|", color=colour, markersize=12, markeredgewidth=2, label=f"another {SLOTS[slot]}")
    texts = [f"{label(str(each.triple))}\nlike {label(str(each.nearest))}" for each in found]
    axes.set_yticks(list(rows), texts, fontsize=7.5)
    axes.set_xlabel("risk" if suggestions.by == "network" else f"nearness by {suggestions.by}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 1.2 / (len(found) + 2)), ncols=4, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
