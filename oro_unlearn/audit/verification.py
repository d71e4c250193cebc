"""Verification models: small models that never saw the forgotten classes, in place of retrained models.

They are trained from random weights on a part of the retained data. They are cheap, but not like retrained models: fewer images
make a weaker network, and a class comes back faster or slower in it. So only a one-sided question is asked: does the forgotten
class come back faster, or lie closer together, than in both kinds of verification model? The answer is never that a model
looks like a retrained one.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from oro_unlearn.audit.figures import Figures
from oro_unlearn.audit.findings import ATTACKS, Finding, findings
from oro_unlearn.audit.line import ERROR, Line
from oro_unlearn.audit.range_lines import figure_names, holm, p_values
from oro_unlearn.audit.scoring import RETAINED_TESTS
from oro_unlearn.metrics.reading import ENOUGH, LEVEL

SHARES = (0.15, 0.4)  # shares of the retained training images that verification models are trained on
VERIFIED = (*ATTACKS, "silhouette", "probe_5_shot")
FOUND, NOT_FOUND = "residue found", "no residue found by this test"


class Beside(NamedTuple):
    """One figure of the edited model beside those of the verification models."""

    key: str
    edited: float
    limits: dict[float, float]  # by share: upper 95 % prediction limit of one more such model
    p: float  # largest, over the shares, of the probability that one more such model is at least as high

    @property
    def limit(self) -> float:
        """The highest of the upper limits."""
        return max(self.limits.values())


class Residue(NamedTuple):
    """The result of the test."""

    figures: dict[str, Beside]  # figures that can be judged
    found: list[str]  # figures that are too high, by Holm's procedure

    @property
    def answer(self) -> str:
        """The result in words."""
        return FOUND if self.found else NOT_FOUND if self.figures else "not judged"


def residue(edited: Figures, groups: Mapping[float, Sequence[Figures]], forgotten: int, others: int) -> Residue:
    """Test whether the edited model knows more of the forgotten classes than models that never saw them.

    For each figure and each share, one more verification model is below mean + t sd sqrt(1 + 1 / n) in 95 % of cases (Student's
    t with n - 1 degrees of freedom), if figures are normal over seeds. The variance of a figure that is an accuracy includes
    the binomial variance of the test images. The edited model must be above the limits of both shares: the p-value is the
    larger one. Holm's procedure is used over the figures, at 5 %. So figures that are above their limits alone may not be
    enough.

    Args:
        edited: Figures of the edited model.
        groups: Figures of the verification models, by share.
        forgotten: Number of forgotten test images.
        others: Number of other test images.
    """
    samples = samples_of(forgotten, others)
    by_share = {share: _judged(findings(edited, None, models, samples)) for share, models in groups.items()}
    keys = [key for key in VERIFIED if by_share and all(key in found for found in by_share.values())]
    figures = {key: _beside(key, {share: found[key] for share, found in by_share.items()}) for key in keys}
    return Residue(figures, holm({key: figure.p for key, figure in figures.items()}, ERROR))


def samples_of(forgotten: int, others: int) -> dict[str, int]:
    """Number of images for the binomial variance of each figure that is an accuracy.

    Relearning is the mean of two accuracies: on n_f forgotten and on n_r other images. Its variance is at most
    b (1 - b) / (2 n) for the balanced accuracy b and the smaller number n.

    Args:
        forgotten: Number of forgotten test images.
        others: Number of other test images.
    """
    balanced = 2 * min(forgotten, others, RETAINED_TESTS)
    return dict.fromkeys(ATTACKS, balanced) | {"probe_5_shot": forgotten}


def _judged(found: Sequence[Finding]) -> dict[str, Finding]:
    """The figures for which there are enough models, and a p-value."""
    known = {finding.key: finding for finding in found if finding.key in VERIFIED and finding.reading}
    known = {key: one for key, one in known.items() if one.reading and one.reading.retrained >= ENOUGH}
    return {key: one for key, one in known.items() if not math.isnan(p_values({key: one}, above=True)[key])}


def _beside(key: str, found: Mapping[float, Finding]) -> Beside:
    """Put the comparisons with the models of each share together."""
    largest = max(p_values({key: finding}, above=True)[key] for finding in found.values())
    edited = next(iter(found.values())).edited
    return Beside(key, edited, {share: _upper_limit(finding) for share, finding in found.items()}, largest)


def _upper_limit(finding: Finding) -> float:
    """The one-sided limit, from the two-sided interval."""
    beside = finding.reading
    assert beside is not None
    return beside.ideal + (beside.high - beside.ideal) * _one_sided(beside.retrained)


@cache
def _one_sided(models: int) -> float:
    """The one-sided quantile of Student's t for one more model, as a part of the two-sided one."""
    from scipy.stats import t

    one_sided, two_sided = t.ppf([LEVEL, (1 + LEVEL) / 2], models - 1)
    return float(one_sided / two_sided)


def verified_recovery(line: Line, result: Residue) -> Line:
    """The line ``recovery`` of a verdict, with verification models in place of retrained models.

    Residue gives ``no``. Without it the line stays what it was without verification models, which is never ``yes``: the test
    is one-sided, and verification models are no retrained models.

    Args:
        line: The line without verification models.
        result: Result of :func:`residue`.
    """
    if result.found:
        worst = result.figures[result.found[0]]
        reason = f"{FOUND}: above the limits of models that never saw it: {figure_names(result.found)}."
        return Line("no", worst.key, worst.edited, math.nan, worst.limit, reason)
    if line.answer == "no" or not result.figures:
        return line
    nearest = min(result.figures.values(), key=lambda figure: figure.p)
    reason = f"{NOT_FOUND}, which is one-sided: verification models cannot show that it looks retrained."
    return Line("not decided", nearest.key, nearest.edited, math.nan, nearest.limit, reason)


def verification_words(result: Residue, counts: Mapping[float, int]) -> str:
    """One line of text.

    Args:
        result: Result of :func:`residue`.
        counts: Number of verification models by share.
    """
    models = " and ".join(f"{count} models trained on {100 * share:g} %" for share, count in counts.items())
    figures = [result.figures[key] for key in result.found]
    if not figures and result.figures:
        figures = [min(result.figures.values(), key=lambda figure: figure.p)]
    shown = "; ".join(f"{figure_names([one.key])} {one.edited:.2f}, limit alone {one.limit:.2f}" for one in figures)
    told = f" ({shown}; {len(result.figures)} figures judged together)" if shown else ""
    return f"Verification (experimental, one-sided): {result.answer}{told}; beside {models} of the retained images."


def verification_json(result: Residue, groups: Mapping[float, Mapping[str, Figures]]) -> dict[str, Any]:
    """The result, ready for a JSON file.

    Args:
        result: Result of :func:`residue`.
        groups: Figures of the verification models by share and file.
    """
    figures = {
        key: {"edited": one.edited, "limit": one.limit, "limits": {str(k): v for k, v in one.limits.items()}, "p": one.p}
        for key, one in result.figures.items()
    }
    models = {
        str(share): {file: {key: found[key] for key in VERIFIED if key in found} for file, found in models.items()}
        for share, models in groups.items()
    }
    return {"experimental": True, "answer": result.answer, "residue": result.found, "figures": figures, "models": models}
