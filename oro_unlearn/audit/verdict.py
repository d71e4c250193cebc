"""The verdict of an audit: four lines, and from them whether something may be called forgotten.

Yes is always the good side. ``answers``: it no longer answers with what was to be forgotten. ``collateral``: the rest is as
before. ``looks``: it looks like one more retrained model. ``recovery``: what was forgotten comes back no faster than in one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oro_unlearn.audit.counted_lines import answers, collateral
from oro_unlearn.audit.findings import FEATURES, OUTPUTS, Finding
from oro_unlearn.audit.line import Answer, Line
from oro_unlearn.audit.range_lines import looks, recovery
from oro_unlearn.audit.tallies import Tallies

NEEDED = {"outputs": ("answers", "collateral", "looks")}  # at the other levels all four
Lines = dict[str, Line]


def class_lines(
    found: Sequence[Finding], tallies: Tallies, classes: int, level: str, retrained: int, unmeasured: str = ""
) -> Lines:
    """The four lines of an edited classifier.

    Args:
        found: Of :func:`~oro_unlearn.audit.findings`.
        tallies: Of the classes; without forgotten ones where single images were to be forgotten, which may be recognised still.
        classes: Number of classes K.
        level: That was asked for.
        retrained: Number of retrained models.
        unmeasured: Why features were not measured; empty if they were.
    """
    groups = [OUTPUTS] if level == "outputs" else [OUTPUTS, FEATURES]
    return {
        "answers": answers(tallies.forgotten, 1 / classes),
        "collateral": collateral(tallies.others),
        "looks": looks([[one for one in found if one.key in keys] for keys in groups], retrained, unmeasured),
        "recovery": recovery(found, retrained, unmeasured),
    }


def forgotten(lines: Mapping[str, Line], level: str) -> Answer:
    """Whether it may be called forgotten: every line that the level needs says yes.

    At level ``outputs`` these are ``answers``, ``collateral`` and ``looks``, and the free control passes them: it answers no
    more, and what it answers instead is normal. At every other level ``recovery`` is needed too, and ``looks`` is of features.

    Args:
        lines: The four.
        level: That was asked for.

    Returns:
        ``no`` if any says no; ``not decided`` if none does, and not all say yes.
    """
    said = [lines[name].answer for name in NEEDED.get(level, tuple(lines))]
    return "no" if "no" in said else "yes" if set(said) == {"yes"} else "not decided"


def sentence(lines: Mapping[str, Line], level: str) -> str:
    """The verdict in a line: first what is against it.

    Args:
        lines: The four.
        level: That was asked for.
    """
    needed = NEEDED.get(level, tuple(lines))
    order = ("no", "not decided", "not measured", "yes")
    against = sorted((name for name in needed if lines[name].answer != "yes"), key=lambda name: order.index(lines[name].answer))
    parts = [f"{name}: {lines[name].answer}" for name in against] or [f"{', '.join(needed)}: yes"]
    return f"Verdict: forgotten at level {level}: {forgotten(lines, level)} ({'; '.join(parts)})"


def verdict_json(lines: Mapping[str, Line], level: str) -> dict[str, Any]:
    """The verdict for a file.

    Args:
        lines: The four.
        level: That was asked for.
    """
    about = {"level": level, "forgotten": forgotten(lines, level), "words": sentence(lines, level)}
    return {**about, "lines": {name: line._asdict() for name, line in lines.items()}}
