"""Criteria as JUnit XML, which CI services show."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from oro_unlearn.audit import Result
from oro_unlearn.files import replacing
from oro_unlearn.user_error import UserError


def check_junit() -> None:
    """Find the library before anything is measured.

    Raises:
        UserError: If it is not installed.
    """
    if find_spec("junitparser") is None:
        raise UserError("--junit needs the library junitparser: pip install 'oro_unlearn[junit]'")


def write_junit(results: Sequence[Result], suite: str, path: Path) -> None:
    """One test case a criterion: a failure if it is not met, an error if it is not decided.

    Args:
        results: Of :func:`~oro_unlearn.audit.judged`.
        suite: Name of the test suite.
        path: The file.

    Raises:
        UserError: If it cannot be written.
    """
    from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

    cases = TestSuite(suite)
    for result in results:
        case = TestCase(str(result.criterion), "oro_unlearn.audit")
        kind = {"not met": Failure, "not decided": Error}.get(result.state)
        if kind is not None:
            case.result = [kind(str(result), result.state)]
        cases.add_testcase(case)
    whole = JUnitXml()
    whole.add_testsuite(cases)
    try:
        with replacing(path) as partial:
            whole.write(str(partial), pretty=True)
    except OSError as error:
        raise UserError(f"--junit: {path} cannot be written: {error.strerror or error}") from None
