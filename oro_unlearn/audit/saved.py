"""Write what criteria are held against into the JSON of an audit, and hold criteria against it later."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oro_unlearn.audit.criteria import CLASS_FIGURES, Criterion, Measure, Result, judged, read_criteria
from oro_unlearn.audit.line import Answer, Line
from oro_unlearn.audit.persona_verdict import persona_figures
from oro_unlearn.audit.relation_verdict import relation_figures
from oro_unlearn.audit.verdict import NEEDED
from oro_unlearn.files import first_line
from oro_unlearn.user_error import UserError

FILES = ("report.json", "audit.json")
AGAIN = "measure it again with this version: oro-unlearn test --config RUN/config.yaml --report FOLDER, or oro-unlearn audit"


class SavedAudit(NamedTuple):
    """An audit that was read from a file."""

    path: Path
    level: str
    lines: Mapping[str, Line]
    forgotten: Answer
    measures: Mapping[str, Measure]


def judged_json(measures: Mapping[str, Measure], lines: Mapping[str, Line]) -> dict[str, Any]:
    """What criteria are held against, ready for a JSON file. Limits that do not exist are left out.

    Args:
        measures: Figures by name.
        lines: Lines of the verdict by name.

    Returns:
        ``measures``; and ``parts``, the lines of single classes or groups by line of the verdict.
    """
    parts = {name: {part: _plain(line) for part, line in whole.parts.items()} for name, whole in lines.items() if whole.parts}
    return {"measures": {name: _plain(measure) for name, measure in measures.items()}, "parts": parts}


def _plain(value: Measure | Line) -> dict[str, Any]:
    """The fields that have a value."""
    content = value._asdict()
    parts = {name: _plain(part) for name, part in content.pop("parts").items()}
    known = {key: field for key, field in content.items() if not (isinstance(field, float) and math.isnan(field))}
    return known | ({"parts": parts} if parts and isinstance(value, Measure) else {})


def read_audit(run: str | Path) -> SavedAudit:
    """Read the audit of a finished run or of ``oro-unlearn audit``.

    Args:
        run: Folder with ``report.json`` or ``audit.json``, or one of these files.

    Raises:
        UserError: If there is no such file, or it has no audit that criteria can be held against.
    """
    places = [Path(run), *(Path(run) / name for name in FILES)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"{run}: no {' and no '.join(FILES)} there: name the folder of a finished run or of an audit")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({first_line(error)})") from None
    try:
        audit = content.get("audit", content)
        verdict = audit["verdict"]
        lines = {name: _line(line, audit["parts"].get(name, {})) for name, line in verdict["lines"].items()}
        measures = {name: _measure(measure) for name, measure in audit["measures"].items()}
        return SavedAudit(path, str(verdict["level"]), lines, verdict["forgotten"], measures)
    except (KeyError, TypeError, AttributeError):
        raise UserError(f"{path} has no audit that criteria can be held against: {AGAIN}") from None


def _line(content: Mapping[str, Any], parts: Mapping[str, Any]) -> Line:
    missing = {"value": math.nan, "low": math.nan, "high": math.nan}
    known = {key: value for key, value in content.items() if value is not None}
    return Line(**{**missing, **known, "parts": {name: _line(part, {}) for name, part in parts.items()}})


def _measure(content: Mapping[str, Any]) -> Measure:
    parts = {name: _measure(part) for name, part in content.get("parts", {}).items()}
    return Measure(**{**content, "parts": parts})


def saved_criteria(audit: SavedAudit, name: str) -> list[Criterion]:
    """The criteria that an audit is held against.

    Args:
        audit: The audit.
        name: Path of a YAML file, or name of installed criteria. Empty: the lines of the verdict that the audit's level needs.

    Raises:
        UserError: If the criteria cannot be read, or name a figure that such an audit never has.
    """
    if not name:
        return [Criterion(f"verdict.{line}", "is", "yes") for line in NEEDED.get(audit.level, tuple(audit.lines))]
    kinds = (CLASS_FIGURES, persona_figures(), relation_figures())
    return read_criteria(name, next((figures for figures in kinds if set(audit.measures) <= set(figures)), kinds[-1]))


def judged_apart(criteria: Sequence[Criterion], audit: SavedAudit) -> Iterator[tuple[str, str, Result]]:
    """Decide for every criterion, and for every part of its figure or line, whether the audit meets it.

    A figure has parts if it is the worst of several, for example of all neighbours. A line of the verdict has parts if it
    judges several classes, tuples or groups. If a criterion is met, its parts are met too.

    Args:
        criteria: The criteria.
        audit: The audit.

    Yields:
        Name of the figure or line, name of the part (empty for the whole), and the result.
    """
    for criterion, result in zip(criteria, judged(criteria, audit.measures, audit.lines, audit.forgotten), strict=True):
        yield criterion.figure, "", result
        measure = audit.measures.get(criterion.figure)
        for part, own in (measure.parts if measure and criterion.relation[0] == "<" else {}).items():
            named = criterion._replace(figure=f"{criterion.figure}[{part}]")
            yield criterion.figure, part, judged([named], {named.figure: own}, {}, audit.forgotten)[0]
        line = audit.lines.get(criterion.figure.removeprefix("verdict."))
        for part, answer in (line.parts if line and (criterion.relation, criterion.bound) == ("is", "yes") else {}).items():
            named = criterion._replace(figure=f"{criterion.figure}[{part}]")
            yield criterion.figure, part, judged([named], {}, {named.figure.partition(".")[2]: answer}, audit.forgotten)[0]
