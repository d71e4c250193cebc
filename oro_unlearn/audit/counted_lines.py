"""The lines ``answers`` and ``collateral`` of a verdict. They count recognised images and need no retrained models."""

from collections.abc import Sequence
from statistics import mean

from oro_unlearn.audit.line import ERROR, Answer, Line, no_line
from oro_unlearn.audit.tallies import Tally, together
from oro_unlearn.metrics import above_chance, reading
from oro_unlearn.metrics.chance import change_limits, share_limits
from oro_unlearn.metrics.reading import ENOUGH

TOLERANCE = 0.02  # share of the other images that may be lost; 2,000 images are enough to tell it from no loss
CLASS_TOLERANCE = 0.1  # share of the images of a single class that may be lost


def answers(tallies: Sequence[Tally], chance: float, figure: str = "acc_f", what: str = "test images") -> Line:
    """Judge whether the edited model no longer recognises the forgotten classes.

    Each class is judged by its own images, and the worst class decides. The allowed share is chance. With three or more
    retrained models it is the share that one more retrained model may reach (95 % interval), if that is higher; or the share
    that a tally allows, if that is the highest.

    - ``no``: More images are recognised than the allowed share explains, by the exact one-sided binomial test. A model at the
      allowed share gets ``no`` in at most 5 % of cases, over all classes together (Bonferroni).
    - ``yes``: Otherwise, if the upper limit of the recognised share is not above the allowed share, or not above half of the
      original's lower limit. A model that still recognises half as many images as the original gets ``yes`` in at most 5 % of
      cases. For 10 to 1,000 images these are 0.2 to 4.1 %, computed exactly.
    - ``not decided``: Otherwise. With fewer than eight images the answer is nearly always ``not decided``.

    Args:
        tallies: Counts of the forgotten classes.
        chance: Probability of being right by chance.
        figure: Name of the figure.
        what: Name of the images that are counted, for the reason.

    Returns:
        The line of the worst class. Its parts are the lines of all classes.
    """
    shown = [tally for tally in tallies if tally.total]
    if not shown:
        return no_line("not measured", figure, f"no {what} show it.")
    lines = {tally.name: _answered(tally, chance, ERROR / len(shown), figure, what) for tally in shown}
    order = ("no", "not decided", "yes")
    worst = min(lines.values(), key=lambda line: (order.index(line.answer), -line.value))
    return worst._replace(parts=lines)


def can_tell(tally: Tally, chance: float) -> bool:
    """Whether :func:`answers` can give ``yes`` or ``no`` for a class. It cannot with few images or a weak original.

    Args:
        tally: Counts of the class.
        chance: Probability of being right by chance.
    """
    best = _answered(tally._replace(after=0), chance, ERROR, "", "")
    return best.answer == "yes" or above_chance(tally.after, tally.total, max(chance, _reach(tally), tally.allowed), ERROR)


def _answered(tally: Tally, chance: float, error: float, figure: str, what: str) -> Line:
    """The line that :func:`answers` gives for one class."""
    sources = {tally.allowed: "what the foil allows", _reach(tally): "the retrained models' range", chance: "chance"}
    limit = max(sources)
    limits = share_limits(tally.after, tally.total)
    bar, source = limit, sources[limit]
    if tally.before is not None:
        half = share_limits(tally.before, tally.total).low / 2
        bar, source = (half, "half of the original's") if half > limit else (bar, source)
    reason = f"{tally.after} of {tally.total} {what} of {tally.name} are recognised"
    if above_chance(tally.after, tally.total, limit, error):
        answer: Answer = "no"
        reason += f", more than {_percent(limit)} explains"
    else:
        answer = "yes" if limits.high <= bar else "not decided"
        under = "not above" if answer == "yes" else "above"
        reason += f"; the upper limit {_percent(limits.high)} is {under} {_percent(bar)} ({source})"
    return Line(answer, figure, tally.share, *limits, f"{reason}.")


def _reach(tally: Tally) -> float:
    """Share that one more retrained model may recognise; 0 with fewer than three retrained models."""
    if len(tally.retrained) < ENOUGH:
        return 0.0
    return min(1.0, reading(tally.share, tally.retrained, samples=tally.total).high)


def collateral(
    tallies: Sequence[Tally], tolerance: float = TOLERANCE, figure: str = "acc_r", what: str = "other test images"
) -> Line:
    """Judge whether the edited model still recognises all other classes as the original does.

    The change from the original has a lower and an upper limit, computed from two shares. Each limit is wrong in at most 5 %
    of cases.

    - ``no``: One of three things is true. A class has lost more than ten points beyond chance (Bonferroni over the classes) and
      is not in the retrained models' range. Or all images together have lost more than the tolerance beyond chance,
      and the share is not known to be in the retrained models' range. Or they may have lost more than the tolerance, and the
      share is below that range. A model that lost nothing gets ``no`` in at most 10 % of cases.
    - ``yes``: Otherwise, if no more than the tolerance is lost. With three or more retrained models ``yes`` is also given if
      the share is not below the range of one more retrained model and at most the tolerance below their mean. Without
      retrained models, a model that lost more than the tolerance gets ``yes`` in at most 5 % of cases.
    - ``not decided``: Otherwise, for example if the limits are on both sides of the tolerance.

    Args:
        tallies: Counts of every class that is to be kept.
        tolerance: Share of images that may be lost.
        figure: Name of the figure.
        what: Name of the images that are counted, for the reason.

    Returns:
        The line. If there is an original, its parts are the lines of single classes. They are ``no`` or ``yes``: with few
        images of a class, ``yes`` says only that no such loss was seen.
    """
    every = together([tally for tally in tallies if tally.total])
    if not every.total:
        return no_line("not measured", figure, f"no {what} were given.")
    limits, normal = share_limits(every.after, every.total), _normal(every)
    if every.before is None:
        answer: Answer = "no" if normal is False else "yes" if _near(every, tolerance) else "not decided"
        beside = "the original or three retrained models are needed" if normal is None else _beside(normal)
        return Line(answer, figure, every.share, *limits, f"{_percent(every.share)} of the {what} are recognised; {beside}.")
    change, collapsed = change_limits(every.before, every.after, every.total), _collapsed(tallies)
    as_before, worse = change.low >= -tolerance, change.high < -tolerance
    reason = (
        f"{every.after} of {every.total} {what} are recognised, {every.before} before: a change between "
        f"{100 * change.low:+.1f} and {100 * change.high:+.1f} points"
    )
    reason += f"; {_beside(normal)}" if normal is not None else ""
    if collapsed:
        answer, reason = "no", f"{reason}; lost: {', '.join(collapsed)}"
    elif as_before or (normal and not worse and _near(every, tolerance)):
        answer = "yes"
    else:
        answer = "no" if normal is False or (worse and not normal) else "not decided"
    parts = {tally.name: _class_line(tally, tally.name in collapsed, figure) for tally in tallies if tally.total}
    return Line(answer, figure, every.share, *limits, f"{reason}; {100 * tolerance:g} points may be lost.", parts)


def _class_line(tally: Tally, collapsed: bool, figure: str) -> Line:
    """The line of a single class that is to be kept."""
    counts = f"{tally.after} of {tally.total} images of {tally.name} are recognised, {tally.before} before"
    reason = f"{counts}: {'a' if collapsed else 'no'} loss of more than {100 * CLASS_TOLERANCE:g} points is shown."
    return Line("no" if collapsed else "yes", figure, tally.share, *share_limits(tally.after, tally.total), reason)


def _normal(tally: Tally) -> bool | None:
    """Whether a share is not below the range of one more retrained model; None with fewer than three retrained models."""
    if len(tally.retrained) < ENOUGH:
        return None
    return tally.share >= reading(tally.share, tally.retrained, samples=tally.total).low


def _near(tally: Tally, tolerance: float) -> bool:
    """Whether a share is no more than the tolerance below the mean of three or more retrained models."""
    return len(tally.retrained) >= ENOUGH and tally.share >= mean(tally.retrained) - tolerance


def _beside(normal: bool) -> str:
    return "not below the retrained models' range" if normal else "below the retrained models' range"


def _collapsed(tallies: Sequence[Tally]) -> list[str]:
    """Names of the classes that lost more than ten points beyond chance and are not in the retrained models' range."""
    judged = [(tally, tally.before) for tally in tallies if tally.total and tally.before is not None]
    return [
        tally.name
        for tally, before in judged
        if not _normal(tally) and change_limits(before, tally.after, tally.total, ERROR / len(judged)).high < -CLASS_TOLERANCE
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
