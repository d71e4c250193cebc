"""What can be counted: whether the model still answers with what was to be forgotten, and whether the rest is as before."""

from collections.abc import Sequence
from statistics import mean

from oro_unlearn.audit.line import ERROR, Answer, Line, no_line
from oro_unlearn.audit.tallies import Tally, together
from oro_unlearn.metrics import above_chance, reading
from oro_unlearn.metrics.chance import change_limits, share_limits
from oro_unlearn.metrics.reading import ENOUGH

TOLERANCE = 0.02  # share of the other images that may be lost: what an audit of 2,000 images can tell from nothing
CLASS_TOLERANCE = 0.1  # of one class


def answers(tallies: Sequence[Tally], chance: float, figure: str = "acc_f", what: str = "test images") -> Line:
    """Does it no longer answer with what was to be forgotten?

    Each class is judged by its own images and the worst decides. The limit is chance, or what one more retrained model may
    reach (95 % interval, from three of them on), if that is more.

    - ``no``: more are recognised than the limit explains, by the exact one-sided binomial test. A model at the limit gets it in
      at most 5 % of cases, over all classes together (Bonferroni).
    - ``yes``: otherwise, if the upper limit of the share is not above the limit, or not above half of the original's lower
      limit. A model that still answers half as often as the original gets it in at most 5 % of cases: for 10 to 1,000 images
      0.2 to 4.1 %, computed exactly.
    - ``not decided``: otherwise; nearly always with fewer than eight images.

    Args:
        tallies: Of what was to be forgotten.
        chance: Probability of being right by chance.
        figure: Name of the figure.
        what: What is recognised.
    """
    shown = [tally for tally in tallies if tally.total]
    if not shown:
        return no_line("not measured", figure, f"no {what} show it.")
    lines = [_answered(tally, chance, ERROR / len(shown), figure, what) for tally in shown]
    order = ("no", "not decided", "yes")
    return min(lines, key=lambda line: (order.index(line.answer), -line.value))


def can_tell(tally: Tally, chance: float) -> bool:
    """Whether :func:`answers` can be more than ``not decided`` of a class: few images, or a weak original, show nothing.

    Args:
        tally: Of the class.
        chance: Probability of being right by chance.
    """
    best = _answered(tally._replace(after=0), chance, ERROR, "", "")
    return best.answer == "yes" or above_chance(tally.after, tally.total, max(chance, _reach(tally)), ERROR)


def _answered(tally: Tally, chance: float, error: float, figure: str, what: str) -> Line:
    """:func:`answers` of one class."""
    limit = max(chance, _reach(tally))
    found = share_limits(tally.after, tally.total)
    bar, source = limit, "chance" if limit == chance else "the retrained models' range"
    if tally.before is not None:
        half = share_limits(tally.before, tally.total).low / 2
        bar, source = (half, "half of the original's") if half > limit else (bar, source)
    said = f"{tally.after} of {tally.total} {what} of {tally.name} are recognised"
    if above_chance(tally.after, tally.total, limit, error):
        answer: Answer = "no"
        said += f", more than {_percent(limit)} explains"
    else:
        answer = "yes" if found.high <= bar else "not decided"
        under = "not above" if answer == "yes" else "above"
        said += f"; the upper limit {_percent(found.high)} is {under} {_percent(bar)} ({source})"
    return Line(answer, figure, tally.share, *found, f"{said}.")


def _reach(tally: Tally) -> float:
    """What one more retrained model may recognise; 0 with fewer than three."""
    if len(tally.retrained) < ENOUGH:
        return 0.0
    return min(1.0, reading(tally.share, tally.retrained, samples=tally.total).high)


def collateral(
    tallies: Sequence[Tally], tolerance: float = TOLERANCE, figure: str = "acc_r", what: str = "other test images"
) -> Line:
    """Is the rest as before?

    The limits of the change from the original are those of two shares; each is wrong in at most 5 % of cases.

    - ``no``: a class has lost more than ten points beyond chance (Bonferroni over the classes) and is not in the retrained
      models' range; or all images together have lost more than the tolerance beyond chance; or more than the tolerance may be
      lost and the share is below the retrained models' range. A model that lost nothing gets it in at most 10 % of cases.
    - ``yes``: otherwise, if no more than the tolerance is lost, or the share is not below the range of one more retrained
      model, from three of them on, and no more than the tolerance below their mean. Without retrained models, one that lost
      more than the tolerance gets it in at most 5 % of cases.
    - ``not decided``: otherwise, as where the limits are on both sides of the tolerance.

    Args:
        tallies: Of every class that is to be kept.
        tolerance: Share of images that may be lost.
        figure: Name of the figure.
        what: What is recognised.
    """
    every = together([tally for tally in tallies if tally.total])
    if not every.total:
        return no_line("not measured", figure, f"no {what} were given.")
    found, normal = share_limits(every.after, every.total), _normal(every)
    if every.before is None:
        answer: Answer = "no" if normal is False else "yes" if _near(every, tolerance) else "not decided"
        beside = "the original or three retrained models are needed" if normal is None else _beside(normal)
        return Line(answer, figure, every.share, *found, f"{_percent(every.share)} of the {what} are recognised; {beside}.")
    change, collapsed = change_limits(every.before, every.after, every.total), _collapsed(tallies)
    as_before, worse = change.low >= -tolerance, change.high < -tolerance
    said = (
        f"{every.after} of {every.total} {what} are recognised, {every.before} before: a change between "
        f"{100 * change.low:+.1f} and {100 * change.high:+.1f} points"
    )
    said += f"; {_beside(normal)}" if normal is not None else ""
    if collapsed:
        answer, said = "no", f"{said}; lost: {', '.join(collapsed)}"
    elif as_before or (normal and not worse and _near(every, tolerance)):
        answer = "yes"
    else:
        answer = "no" if normal is False or (worse and not normal) else "not decided"
    return Line(answer, figure, every.share, *found, f"{said}; {100 * tolerance:g} points may be lost.")


def _normal(tally: Tally) -> bool | None:
    """Whether a share is not below the range of one more retrained model; None with fewer than three."""
    if len(tally.retrained) < ENOUGH:
        return None
    return tally.share >= reading(tally.share, tally.retrained, samples=tally.total).low


def _near(tally: Tally, tolerance: float) -> bool:
    """Whether a share is no more than the tolerance below the mean of three or more retrained models."""
    return len(tally.retrained) >= ENOUGH and tally.share >= mean(tally.retrained) - tolerance


def _beside(normal: bool) -> str:
    return "not below the retrained models' range" if normal else "below the retrained models' range"


def _collapsed(tallies: Sequence[Tally]) -> list[str]:
    """Classes that have lost more than ten points beyond chance, and are not as in retrained models."""
    judged = [(tally, tally.before) for tally in tallies if tally.total and tally.before is not None]
    return [
        tally.name
        for tally, before in judged
        if not _normal(tally) and change_limits(before, tally.after, tally.total, ERROR / len(judged)).high < -CLASS_TOLERANCE
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
