"""The lines ``looks`` and ``recovery`` of a verdict. They compare the edited model with retrained models."""

import math
from collections.abc import Mapping, Sequence

from oro_unlearn.audit.findings import ATTACKS, LABELS, Finding
from oro_unlearn.audit.line import ERROR, Answer, Line, no_line
from oro_unlearn.metrics.reading import ENOUGH

AS_BEFORE = 0.02  # a figure of the features counts as the original's within this distance
APART = 0.05  # distance to the retrained models' common value that is too large for a difference of a few images
FEW_RETRAINED = "three retrained models are needed"


def holm(p: Mapping[str, float], error: float) -> list[str]:
    """Test several hypotheses together by Holm's step-down procedure.

    Args:
        p: The p-value of each hypothesis.
        error: Probability of rejecting at least one true hypothesis.

    Returns:
        The rejected hypotheses, by increasing p-value.

    Example:
        >>> holm({"a": 0.04, "b": 0.01, "c": 0.02}, 0.05)
        ['b', 'c', 'a']
        >>> holm({"a": 0.04, "b": 0.03}, 0.05)
        []
    """
    rejected: list[str] = []
    for name in sorted(p, key=lambda name: p[name]):
        if p[name] * (len(p) - len(rejected)) > error:
            break
        rejected.append(name)
    return rejected


def looks(groups: Sequence[Sequence[Finding]], retrained: int, unmeasured: str = "") -> Line:
    """Judge whether the edited model looks like one more retrained model, in its outputs and in its features.

    Every figure is compared with the same figure of the retrained models (95 % prediction interval, Student's t). The figures
    of the outputs are one group, those of the features another. The groups share an error of 5 % equally. Within a group,
    Holm's procedure is used. A retrained model gets ``no`` in at most 5 % of cases, if figures are normal over seeds. ``yes``
    means only that no difference was seen. With three retrained models only large differences are seen. If all retrained
    models have the same value of a figure, there is no range. If the edited model differs clearly from that value, the answer
    is ``not decided`` instead of ``yes``.

    Args:
        groups: Figures of the outputs and, if features were asked for, figures of the features.
        retrained: Number of retrained models.
        unmeasured: Why features were not measured; empty if they were.
    """
    if retrained < ENOUGH:
        return no_line("not decided", "", f"{FEW_RETRAINED} and {retrained} given.")
    judged = [_judged(group) for group in groups]
    readings = {key: finding for group in judged for key, finding in group.items()}
    outside = [key for group in judged for key in holm(p_values(group), ERROR / len(groups))]
    if not readings:
        return no_line("not decided", "", "no figure can be judged: the retrained models agree in all of them.")
    worst = outside[0] if outside else min(readings, key=lambda key: p_values(readings)[key])
    if outside:
        return _line("no", readings[worst], f"outside the retrained models' range: {figure_names(outside)}.")
    if not all(judged):
        return _line("not measured", readings[worst], f"outputs are inside; features were not measured: {unmeasured}.")
    apart = [finding.key for group in groups for finding in group if finding.key not in readings and _apart(finding)]
    if apart:
        return _line("not decided", readings[worst], f"retrained models agree in, and the edit differs: {figure_names(apart)}.")
    return _line("yes", readings[worst], f"none of {len(readings)} figures is outside the retrained models' range.")


def _judged(found: Sequence[Finding]) -> dict[str, Finding]:
    """Figures that can be judged: they have a range, or the edited model has the value that all retrained models have."""
    compared = {finding.key: finding for finding in found if finding.reading and finding.reading.retrained >= ENOUGH}
    return {key: finding for key, finding in compared.items() if not math.isnan(p_values({key: finding})[key])}


def _apart(finding: Finding) -> bool:
    """Whether a figure without a range differs clearly from the value that all retrained models have."""
    return finding.reading is not None and finding.reading.retrained >= ENOUGH and finding.reading.gap > APART


def p_values(found: Mapping[str, Finding], above: bool = False) -> dict[str, float]:
    """The p-value of each figure: two-sided, or one-sided if ``above`` is True.

    It is 1 if the edited model and all retrained models agree, and NaN if there is no range.
    """
    values = {}
    for key, finding in found.items():
        beside = finding.reading
        assert beside is not None
        same = beside.floor == 0 and finding.edited == beside.ideal
        one_sided = beside.p / 2 if beside.deviations > 0 else 1 - beside.p / 2
        values[key] = 1.0 if same else one_sided if above else beside.p
    return values


def recovery(found: Sequence[Finding], retrained: int, unmeasured: str = "") -> Line:
    """Judge whether the edited model relearns the forgotten classes no faster than a retrained model learns them.

    Relearning is compared with that of the retrained models, one-sided, by Holm's procedure over the numbers of steps. A
    retrained model gets ``no`` in at most 5 % of cases, if figures are normal over seeds. With fewer than three retrained
    models, ``no`` is given in one clear case only: after the first number of steps the balanced accuracy is as high as in the
    original, and the silhouette of the forgotten images is as high as there, both to within 0.02. The error rate of this rule
    is not known. Therefore every other case is ``not decided``.

    Args:
        found: Figures that :func:`~oro_unlearn.audit.findings` returns.
        retrained: Number of retrained models.
        unmeasured: Why weights were not attacked; empty if they were.
    """
    measured = {finding.key: finding for finding in found if finding.key in ATTACKS}
    if not measured:
        return no_line("not measured", "", f"weights were not attacked{f': {unmeasured}' if unmeasured else ''}.")
    first = measured[next(key for key in ATTACKS if key in measured)]
    if retrained < ENOUGH:
        if _as_original(first) and any(_as_original(finding) for finding in found if finding.key == "silhouette"):
            return _line("no", first, "it comes back as fast as in the original, and its features lie as close together.")
        return _line("not decided", first, f"{FEW_RETRAINED} and {retrained} given.")
    judged = _judged(list(measured.values()))
    p = p_values(judged, above=True)
    faster = holm(p, ERROR)
    if faster:
        return _line("no", judged[faster[0]], f"it comes back faster than in retrained models: {figure_names(faster)}.")
    if not judged:
        return _line("not decided", first, "the retrained models agree: there is no range.")
    return _line("yes", judged[min(p, key=lambda key: p[key])], "it comes back no faster than in retrained models.")


def _as_original(finding: Finding) -> bool:
    return finding.original is not None and finding.edited >= finding.original - AS_BEFORE


def _line(answer: Answer, finding: Finding, reason: str) -> Line:
    """Make a line whose limits are the retrained models' range."""
    low, high = (finding.reading.low, finding.reading.high) if finding.reading else (math.nan, math.nan)
    return Line(answer, finding.key, finding.edited, low, high, reason)


def figure_names(keys: Sequence[str]) -> str:
    """The labels of figures in the table, in one line."""
    return ", ".join(LABELS.get(key, (key,))[0].strip() for key in keys)
