"""One line of a verdict."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Answer = Literal["yes", "no", "not decided", "not measured"]
ERROR = 0.05  # error probability of each line


class Line(NamedTuple):
    """One line of a verdict."""

    answer: Answer
    figure: str  # name of the figure in the audit
    value: float  # value of the edited model; NaN if there is none
    low: float  # lower limit of the value, wrong in at most 5 % of cases; ``looks``, ``recovery``: the retrained models' range
    high: float  # upper limit, likewise
    reason: str
    parts: "Mapping[str, Line]" = MappingProxyType({})  # lines of single classes or groups; if any is ``no``, this is too


def no_line(answer: Answer, figure: str, reason: str) -> Line:
    """Make a line without a value."""
    return Line(answer, figure, math.nan, math.nan, math.nan, reason)
