"""Limits for an audit, from a YAML file: each is met, not met or not decided."""

import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from oro_unlearn.audit.findings import LABELS, Finding
from oro_unlearn.audit.line import Answer, Line
from oro_unlearn.files import first_line, shortened
from oro_unlearn.metrics.chance import share_limits
from oro_unlearn.user_error import UserError

PRESETS = Path(__file__).parent / "presets"
SECTIONS = ("answers", "collateral", "looks", "recovery", "outputs", "features")  # headings, for the reader
LINES = ("answers", "collateral", "looks", "recovery", "forgotten")  # that ``verdict`` may ask for
LIMIT = re.compile(r"(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
ALLOWED = '"<= NUMBER", "< NUMBER", ">= NUMBER", "> NUMBER" or inside'
State = Literal["met", "not met", "not decided"]


class Criterion(NamedTuple):
    """One limit."""

    figure: str  # of the audit, or ``verdict.LINE``
    relation: str  # <=, <, >=, >, inside or is
    bound: float | str  # a number; yes or no of a line of the verdict; empty for inside

    def __str__(self) -> str:
        bound = f"{self.bound:g}" if isinstance(self.bound, float) else self.bound
        return " ".join(part for part in (self.figure, self.relation, bound) if part)


class Measure(NamedTuple):
    """A figure of the edited model."""

    value: float
    low: float = math.nan  # limits, each wrong in at most 5 % of cases; NaN where the figure has none
    high: float = math.nan
    beside: str = "not judged"  # the retrained models: inside, outside or not judged


class Result(NamedTuple):
    """A criterion and what became of it."""

    criterion: Criterion
    state: State
    reason: str  # figure and limits, or why it is not decided

    def __str__(self) -> str:
        return f"{self.criterion}: {self.state} ({self.reason})"


def criteria_names() -> list[str]:
    """Names of the criteria that are shipped."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def read_criteria(name: str, figures: Collection[str]) -> list[Criterion]:
    """Read limits.

    Args:
        name: A YAML file, or a name of :func:`criteria_names`. A file of that name comes first.
        figures: Names of the figures that the audit may have.

    Raises:
        UserError: If there is no such file, it cannot be read, or it asks for something that is unknown.
    """
    content = _loaded(name)
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"criteria {name}: it must name figures with their limits, such as acc_f: {ALLOWED}")
    found: list[Criterion] = []
    for key, value in content.items():
        if key == "verdict":
            found += [_of_verdict(name, line, wanted) for line, wanted in _section(name, key, value)]
        elif key in SECTIONS:
            found += [_of_figure(name, figure, limit, figures) for figure, limit in _section(name, key, value)]
        else:
            found.append(_of_figure(name, key, value, figures))
    return found


def _loaded(name: str) -> Any:
    """Content of a file or preset."""
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
    """YAML takes the last of two values, and says nothing."""
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
    """A line of the verdict; YAML reads yes and no as true and false."""
    if line not in LINES:
        raise UserError(f"criteria {name}: verdict: unknown line {shortened(str(line))}; known: {', '.join(LINES)}")
    text = {True: "yes", False: "no"}.get(wanted, wanted) if isinstance(wanted, bool) else wanted
    if text not in ("yes", "no"):
        raise UserError(f"criteria {name}: verdict.{line}: yes or no is allowed, not {shortened(str(wanted))}")
    return Criterion(f"verdict.{line}", "is", text)


def _of_figure(name: str, figure: Any, limit: Any, figures: Collection[str]) -> Criterion:
    """A figure with its limit."""
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
        raise UserError(f"criteria {name}: {figure}: {shortened(str(limit))} is no limit; allowed: {ALLOWED}")
    return Criterion(figure, match[1], float(match[2]))


def class_measures(found: Sequence[Finding], samples: Mapping[str, int]) -> dict[str, Measure]:
    """Figures of an edited classifier; accuracies have limits.

    Args:
        found: Of :func:`~oro_unlearn.audit.findings`.
        samples: Of how many images a figure is the share; those of accuracies are read.
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
    """What became of every criterion.

    A limit is met if the figure keeps it, and where the figure has limits of its own, both of these do; not met if none does;
    otherwise it is not decided. A figure that was not measured, or that is not judged beside retrained models, is not decided.

    Args:
        criteria: Of :func:`read_criteria`.
        measures: Figures by name.
        lines: Of the verdict.
        whole: Whether it may be called forgotten.
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
    said = f"{measure.value:.3f}"
    if criterion.relation == "inside":
        states: dict[str, State] = {"inside": "met", "outside": "not met"}
        return Result(criterion, states.get(measure.beside, "not decided"), f"{said}, {measure.beside}")
    ends = [end for end in (measure.low, measure.high) if not math.isnan(end)]
    said += f", limits {ends[0]:.3f} to {ends[1]:.3f}" if ends else ""
    kept = {_keeps(value, criterion) for value in (measure.value, *ends)}
    state: State = "not decided" if len(kept) > 1 else "met" if True in kept else "not met"
    return Result(criterion, state, said)


def _keeps(value: float, criterion: Criterion) -> bool:
    bound = float(criterion.bound)
    return {"<=": value <= bound, "<": value < bound, ">=": value >= bound, ">": value > bound}[criterion.relation]


def exit_code(results: Sequence[Result]) -> int:
    """0: all are met. 1: one is not met. 3: none of these, but one is not decided."""
    states = {result.state for result in results}
    return 1 if "not met" in states else 3 if "not decided" in states else 0


def results_json(results: Sequence[Result]) -> list[dict[str, str]]:
    """Criteria and what became of them, for a file."""
    return [{"criterion": str(result.criterion), "state": result.state, "reason": result.reason} for result in results]
