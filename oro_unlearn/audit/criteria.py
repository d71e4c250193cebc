"""Criteria of an audit: limits from a YAML file. Each criterion is met, not met or not decided."""

import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from oro_unlearn.audit.findings import LABELS, Finding
from oro_unlearn.audit.line import Answer, Line
from oro_unlearn.files import first_line, shortened
from oro_unlearn.metrics.chance import share_limits
from oro_unlearn.user_error import UserError

PRESETS = Path(__file__).parent / "presets"
SECTIONS = ("answers", "collateral", "looks", "recovery", "outputs", "features")  # headings without effect
LINES = ("answers", "collateral", "looks", "recovery", "forgotten")  # lines that the section ``verdict`` may ask for
LIMIT = re.compile(r"(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
ALLOWED = '"<= NUMBER", "< NUMBER", ">= NUMBER", "> NUMBER" or inside'
State = Literal["met", "not met", "not decided"]


class Criterion(NamedTuple):
    """One limit for a figure or for a line of the verdict."""

    figure: str  # name of a figure of the audit, or ``verdict.LINE``
    relation: str  # <=, <, >=, >, inside or is
    bound: float | str  # a number; for a line of the verdict yes or no; for inside empty

    def __str__(self) -> str:
        bound = f"{self.bound:g}" if isinstance(self.bound, float) else self.bound
        return " ".join(part for part in (self.figure, self.relation, bound) if part)


class Measure(NamedTuple):
    """A figure of the edited model, with its limits."""

    value: float
    low: float = math.nan  # lower and upper limit, each wrong in at most 5 % of cases; NaN if the figure has no limits
    high: float = math.nan
    beside: str = "not judged"  # place in the retrained models' range: inside, outside or not judged
    parts: "Mapping[str, Measure]" = MappingProxyType({})  # the measures of which this is the worst, such as of each neighbour


class Result(NamedTuple):
    """A criterion, and whether the audit meets it."""

    criterion: Criterion
    state: State
    reason: str  # value and limits of the figure, or why it is not decided

    def __str__(self) -> str:
        return f"{self.criterion}: {self.state} ({self.reason})"


def criteria_names() -> list[str]:
    """Names of the criteria files in this package."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def read_criteria(name: str, figures: Collection[str]) -> list[Criterion]:
    """Read criteria from a YAML file.

    Args:
        name: Path of a YAML file, or one of :func:`criteria_names`. If both exist, the file is read.
        figures: Names of the figures that the audit may have.

    Raises:
        UserError: If the file does not exist, cannot be read, or names an unknown figure or line.
    """
    content = _loaded(name)
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"criteria {name}: it must name figures with their limits, such as acc_f: {ALLOWED}")
    criteria: list[Criterion] = []
    for key, value in content.items():
        if key == "verdict":
            criteria += [_of_verdict(name, line, wanted) for line, wanted in _section(name, key, value)]
        elif key in SECTIONS:
            criteria += [_of_figure(name, figure, limit, figures) for figure, limit in _section(name, key, value)]
        else:
            criteria.append(_of_figure(name, key, value, figures))
    return criteria


def _loaded(name: str) -> Any:
    """Content of a YAML file or of a preset."""
    import yaml

    preset = PRESETS / f"{name}.yaml"
    path = preset if not Path(name).is_file() and name in criteria_names() else Path(name)
    if not path.is_file():
        raise UserError(f"criteria {shortened(name)} not found: name a YAML file, or one of {', '.join(criteria_names())}")
    try:
        text = path.read_text(encoding="utf-8")
        node, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = first_line(error)
        raise UserError(f'criteria {name} cannot be read as YAML ({reason}); limits stand in quotes: acc_r: ">= 0.9"') from None
    _refuse_repetitions(name, node)
    return content


def _refuse_repetitions(name: str, node: Any, depth: int = 2) -> None:
    """Reject keys that are given twice. YAML would silently take the last value."""
    pairs = node.value if getattr(node, "id", "") == "mapping" else []
    keys = [str(key.value) for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UserError(f"criteria {name}: {shortened(twice)} is given twice: leave one out")
    for _, value in pairs if depth > 1 else ():
        _refuse_repetitions(name, value, depth - 1)


def _section(name: str, key: str, value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, Mapping) or not value:
        example = "answers: yes" if key == "verdict" else 'acc_f: "<= 0.01"'
        raise UserError(
            f"criteria {name}: {key}: a section must have entries, such as {{{example}}}, not {shortened(str(value))}"
        )
    return list(value.items())


def _of_verdict(name: str, line: Any, wanted: Any) -> Criterion:
    """Criterion for a line of the verdict. YAML reads yes and no as true and false."""
    if line not in LINES:
        raise UserError(f"criteria {name}: verdict: unknown line {shortened(str(line))}; known: {', '.join(LINES)}")
    text = {True: "yes", False: "no"}.get(wanted, wanted) if isinstance(wanted, bool) else wanted
    if text not in ("yes", "no"):
        raise UserError(f"criteria {name}: verdict.{line}: yes or no is allowed, not {shortened(str(wanted))}")
    return Criterion(f"verdict.{line}", "is", text)


def _of_figure(name: str, figure: Any, limit: Any, figures: Collection[str]) -> Criterion:
    """Criterion for a figure."""
    if figure not in figures:
        alike = difflib.get_close_matches(str(figure), list(figures), 1)
        help_text = f"did you mean {alike[0]}?" if alike else f"known: {shortened(', '.join(figures), 600)}"
        sections = "" if alike else f"; sections: {', '.join((*SECTIONS, 'verdict'))}"
        raise UserError(f"criteria {name}: this audit has no figure {shortened(str(figure))}; {help_text}{sections}")
    text = limit.strip() if isinstance(limit, str) else ""
    if text == "inside":
        return Criterion(figure, "inside", "")
    match = LIMIT.fullmatch(text)
    if not match or not math.isfinite(float(match[2])):
        raise UserError(f"criteria {name}: {figure}: {shortened(str(limit))} is not a limit; allowed: {ALLOWED}")
    return Criterion(figure, match[1], float(match[2]))


def class_measures(found: Sequence[Finding], samples: Mapping[str, int]) -> dict[str, Measure]:
    """Figures of an edited classifier by name. Only accuracies get limits.

    Args:
        found: Figures that :func:`~oro_unlearn.audit.findings` returns.
        samples: Number of images behind each figure. Only the numbers of accuracies are used.
    """
    measures = {}
    for finding in (finding for finding in found if not math.isnan(finding.edited)):
        count = samples.get(finding.key, 0) if "acc_" in finding.key else 0
        limits = share_limits(round(finding.edited * count), count) if count else (math.nan, math.nan)
        beside = finding.reading.verdict if finding.reading else "not judged"
        measures[finding.key] = Measure(finding.edited, *limits, beside)
    return measures


CLASS_FIGURES = tuple(LABELS)


def judged(
    criteria: Sequence[Criterion], measures: Mapping[str, Measure], lines: Mapping[str, Line], whole: Answer
) -> list[Result]:
    """Decide for every criterion whether the audit meets it.

    A criterion compares the figure and, if it has any, its lower and upper limit with the bound. It is met if all of them keep
    the bound, not met if none does, and otherwise not decided. It is also not decided if the figure was not measured.
    ``inside`` is not decided if the figure was not compared with retrained models.

    Args:
        criteria: Criteria that :func:`read_criteria` returns.
        measures: Figures by name.
        lines: Lines of the verdict by name.
        whole: Whether the edited model may be called forgotten, for ``verdict.forgotten``.
    """
    results = []
    for criterion in criteria:
        if criterion.relation == "is":
            results.append(_line_result(criterion, lines, whole))
        elif criterion.figure not in measures:
            results.append(Result(criterion, "not decided", "not measured"))
        else:
            results.append(_figure_result(criterion, measures[criterion.figure]))
    return results


def _line_result(criterion: Criterion, lines: Mapping[str, Line], whole: Answer) -> Result:
    name = criterion.figure.partition(".")[2]
    answer = whole if name == "forgotten" else lines[name].answer
    other = {"yes": "no", "no": "yes"}[str(criterion.bound)]
    state: State = "met" if answer == criterion.bound else "not met" if answer == other else "not decided"
    reason = f"{answer}: {lines[name].reason.rstrip('.')}" if name in lines else answer
    return Result(criterion, state, reason)


def _figure_result(criterion: Criterion, measure: Measure) -> Result:
    reason = f"{measure.value:.3f}"
    if criterion.relation == "inside":
        states: dict[str, State] = {"inside": "met", "outside": "not met"}
        return Result(criterion, states.get(measure.beside, "not decided"), f"{reason}, {measure.beside}")
    ends = [end for end in (measure.low, measure.high) if not math.isnan(end)]
    reason += f", limits {ends[0]:.3f} to {ends[1]:.3f}" if ends else ""
    kept = {_keeps(value, criterion) for value in (measure.value, *ends)}
    state: State = "not decided" if len(kept) > 1 else "met" if True in kept else "not met"
    return Result(criterion, state, reason)


def _keeps(value: float, criterion: Criterion) -> bool:
    bound = float(criterion.bound)
    return {"<=": value <= bound, "<": value < bound, ">=": value >= bound, ">": value > bound}[criterion.relation]


def exit_code(results: Sequence[Result]) -> int:
    """Exit code: 0 if all criteria are met, 1 if at least one is not met, 3 if none is not met but one is not decided."""
    states = {result.state for result in results}
    return 1 if "not met" in states else 3 if "not decided" in states else 0


def results_json(results: Sequence[Result]) -> list[dict[str, str]]:
    """Results of all criteria, ready for a JSON file."""
    return [{"criterion": str(result.criterion), "state": result.state, "reason": result.reason} for result in results]
