"""The verdict of an audit: four lines, and from them whether the edited model may be called forgotten.

``yes`` is always the good answer:

- ``answers``: The model no longer recognises what was to be forgotten.
- ``collateral``: The model recognises everything else as before.
- ``looks``: The model looks like one more retrained model.
- ``recovery``: What was forgotten comes back no faster than in a retrained model.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oro_unlearn.audit.counted_lines import answers, collateral
from oro_unlearn.audit.findings import FEATURES, OUTPUTS, Finding
from oro_unlearn.audit.line import Answer, Line
from oro_unlearn.audit.range_lines import looks, recovery
from oro_unlearn.audit.tallies import Tallies

NEEDED = {"outputs": ("answers", "collateral", "looks")}  # every other level needs all four lines
Lines = dict[str, Line]


def class_lines(
    found: Sequence[Finding], tallies: Tallies, classes: int, level: str, retrained: int, unmeasured: str = ""
) -> Lines:
    """The four lines of an edited classifier.

    Args:
        found: Figures that :func:`~oro_unlearn.audit.findings` returns.
        tallies: Counts of the classes. If single images were to be forgotten, there are no forgotten classes, because such
            images may still be recognised.
        classes: Number of classes K.
        level: Level of the audit.
        retrained: Number of retrained models.
        unmeasured: Why features were not measured; empty if they were.
    """
    groups = [OUTPUTS] if level == "outputs" else [OUTPUTS, FEATURES]
    return {
        "answers": answers(tallies.forgotten, 1 / classes),
        "collateral": collateral(tallies.others),
        "looks": looks([[finding for finding in found if finding.key in keys] for keys in groups], retrained, unmeasured),
        "recovery": recovery(found, retrained, unmeasured),
    }


def forgotten(lines: Mapping[str, Line], level: str) -> Answer:
    """Whether the edited model may be called forgotten: every line that the level needs must be ``yes``.

    Level ``outputs`` needs ``answers``, ``collateral`` and ``looks``. At this level the free control ``LogitMask`` may pass,
    because outputs alone cannot show that a class was removed. With three retrained models it can also fail. Every other level
    needs ``recovery`` too, and its ``looks`` includes the features. There the free control fails when the difference is seen,
    because its features are those of the original.

    Args:
        lines: The four lines by name.
        level: Level of the audit.

    Returns:
        ``yes`` if all needed lines are ``yes``; ``no`` if any of them is ``no``; otherwise ``not decided``.
    """
    needed = [lines[name].answer for name in NEEDED.get(level, tuple(lines))]
    return "no" if "no" in needed else "yes" if set(needed) == {"yes"} else "not decided"


def sentence(lines: Mapping[str, Line], level: str) -> str:
    """The verdict in one sentence. Lines that are not ``yes`` are named, the worst first.

    Args:
        lines: The four lines by name.
        level: Level of the audit.
    """
    needed = NEEDED.get(level, tuple(lines))
    order = ("no", "not decided", "not measured", "yes")
    against = sorted((name for name in needed if lines[name].answer != "yes"), key=lambda name: order.index(lines[name].answer))
    parts = [f"{name}: {lines[name].answer}" for name in against] or [f"{', '.join(needed)}: yes"]
    return f"Verdict: forgotten at level {level}: {forgotten(lines, level)} ({'; '.join(parts)})"


def verdict_json(lines: Mapping[str, Line], level: str) -> dict[str, Any]:
    """The verdict, ready for a JSON file.

    Args:
        lines: The four lines by name.
        level: Level of the audit.
    """
    about = {"level": level, "forgotten": forgotten(lines, level), "words": sentence(lines, level)}
    return {**about, "lines": {name: _without_parts(line) for name, line in lines.items()}}


def _without_parts(line: Line) -> dict[str, Any]:
    return {name: value for name, value in line._asdict().items() if name != "parts"}
