"""One line of a verdict."""

import math
from typing import Literal, NamedTuple

Answer = Literal["yes", "no", "not decided", "not measured"]
ERROR = 0.05  # of each line


class Line(NamedTuple):
    """One line of a verdict."""

    answer: Answer
    figure: str  # its name in the audit
    value: float  # of the edited model; NaN where there is none
    low: float  # its limits, each wrong in at most 5 % of cases; of ``looks`` and ``recovery`` the retrained models' range
    high: float
    reason: str


def no_line(answer: Answer, figure: str, reason: str) -> Line:
    """A line without a value."""
    return Line(answer, figure, math.nan, math.nan, math.nan, reason)
