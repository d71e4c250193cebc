"""The option ``oro-unlearn audit --criteria``: report as lines, JUnit XML and exit code whether an audit meets criteria."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.audit import Criterion, Line, Measure, Result


class Limits(NamedTuple):
    """The criteria that an audit must meet, and the file for JUnit XML. The default has no criteria."""

    criteria: "Sequence[Criterion]" = ()
    junit: Path | None = None

    def results(self, measures: "Mapping[str, Measure]", lines: "Mapping[str, Line]", level: str) -> "list[Result]":
        """Decide for every criterion whether the audit meets it."""
        from oro_unlearn.audit import forgotten, judged

        return judged(self.criteria, measures, lines, forgotten(lines, level))

    def end(self, results: "Sequence[Result]") -> None:
        """Print one line for each criterion, write JUnit XML if it was asked for, and end with the exit code.

        Raises:
            SystemExit: With code 1 if a criterion is not met; with code 3 if none is not met, but one is not decided.
        """
        from oro_unlearn.audit import exit_code
        from oro_unlearn.report.junit import write_junit

        for result in results:
            print(f"Criterion {result}")
        if self.junit is not None:
            write_junit(results, "oro-unlearn audit", self.junit)
            print(f"written to {self.junit}")
        code = exit_code(results)
        if code:
            raise SystemExit(code)


def limits_of(criteria: str | None, junit: Path | None, figures: Collection[str]) -> Limits:
    """Read the criteria and check the options, before anything is measured.

    Args:
        criteria: Value of ``--criteria``.
        junit: Value of ``--junit``.
        figures: Names of the figures that the audit may have.

    Raises:
        UserError: If the criteria file is wrong, JUnit XML is asked for without criteria, or its library is missing.
    """
    from oro_unlearn.audit import read_criteria
    from oro_unlearn.report.junit import check_junit

    if criteria is None:
        if junit is not None:
            raise UserError("audit: --junit writes what became of criteria: name them with --criteria")
        return Limits()
    if junit is not None:
        check_junit()
    return Limits(read_criteria(criteria, figures), junit)
