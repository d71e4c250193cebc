"""Whether an edit has removed a tuple or only shields it from its wordings, by the figures of the searching attacker."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from oro_unlearn.files import printable

AUC_AT_CHANCE = 0.6  # up to this AUC, the strongest searched caption does not tell the tuple from its neighbours
PROBE_REMOVED = 0.75  # up to this AUC, a linear probe of the pictures does not tell it
EXCESS_ALLOWED = 0.05  # R@5 by which the strongest searched caption may find the tuple better than its foil
FORGOTTEN_R5 = 0.1  # up to this R@5, plain captions do not find it
Figures = Mapping[str, float | None]


class Removal(NamedTuple):
    """What a search for captions says about an edit."""

    answer: Literal["removed", "shield", "not removed", "not searched"]
    words: str  # one sentence


def removal(before: Figures, after: Figures, caption: str = "") -> Removal:
    """Judge an edit by the figures of the searching attacker. All figures are of pictures that the search did not see.

    - ``removed``: plain captions fail (R@5 at most 0.1), and so does every search: the best AUC is at most 0.60, and no found
      caption has an R@5 more than 0.05 above that of the foil's pictures. A linear probe of the pictures has at most 0.75.
    - ``shield``: plain captions fail, and a searched caption works.
    - ``not removed``: plain captions work, or only the probe does.

    Args:
        before: Figures of the original.
        after: Figures of the edited model.
        caption: The strongest caption that was found against the edited model.
    """
    keys = ("direct/r5", "search/auc", "search/excess_r5", "probe_picture/auc")
    known = [value for value in map(after.get, keys) if value is not None]
    if len(known) < len(keys):
        text = "no search for captions was made, so it is not known whether the tuple is removed or only shielded."
        return Removal("not searched", f"Not searched: {text}")

    def beside(key: str) -> str:
        return f"{_two(after.get(key))} (original {_two(before.get(key))})"

    plain, area, excess, probe = known

    found = f"R@5 {beside('search/r5')} and AUC {beside('search/auc')}"
    fails = f"R@5 of plain captions is {beside('direct/r5')}"
    told = f"a linear probe of the pictures has AUC {beside('probe_picture/auc')}"
    named = f" “{printable(caption)}”" if caption else ""
    if plain > FORGOTTEN_R5:
        return Removal("not removed", f"Not removed: {fails}; the strongest searched caption has {found}.")
    if area > AUC_AT_CHANCE or excess > EXCESS_ALLOWED:
        return Removal("shield", f"A shield, not removal: {fails}, but the searched caption{named} has {found}.")
    if probe > PROBE_REMOVED:
        return Removal("not removed", f"Hidden from captions, not removed: no searched caption works ({found}), but {told}.")
    return Removal("removed", f"Removed, as far as was searched: the strongest searched caption has {found}; {told}.")


def removal_score(before: Figures, after: Figures) -> float | None:
    """Suppression of the searching attacker: 1 - (AUC of the edited model - 0.5) / (AUC of the original - 0.5), in [0, 1].

    Args:
        before: Figures of the original.
        after: Figures of the edited model.

    Returns:
        The score; None if no captions were searched, or if the original's AUC is at most 0.6.

    Example:
        >>> removal_score({"search/auc": 0.9}, {"search/auc": 0.6})
        0.75
    """
    was, now = before.get("search/auc"), after.get("search/auc")
    if was is None or now is None or was <= AUC_AT_CHANCE:
        return None
    return round(max(0.0, 1 - max(0.0, now - 0.5) / (was - 0.5)), 12)


def strongest_caption(details: Mapping[str, Any], role: str = "unlearned") -> str:
    """The strongest caption that was found against a model; empty if none was searched.

    Args:
        details: ``details`` of the measurements, or ``search`` of a report, by model.
        role: The model.
    """
    own = details.get(role, {})
    return str(own.get("search", own).get("strongest", {}).get("caption", ""))


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
