"""Write the results of criteria as JUnit XML, which CI services can show."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from oro_unlearn.audit import Result
from oro_unlearn.files import replacing
from oro_unlearn.user_error import UserError


def check_junit() -> None:
    """Check that the library for JUnit XML is installed, before anything is measured.

    Raises:
        UserError: If the library is not installed.
    """
    if find_spec("junitparser") is None:
        raise UserError("--junit needs the library junitparser: pip install 'oro_unlearn[junit]'")


def write_junit(results: Sequence[Result], suite: str, path: Path) -> None:
    """Write one test case for each criterion. A criterion that is not met is a failure; one that is not decided is an error.

    Args:
        results: Results that :func:`~oro_unlearn.audit.judged` returns.
        suite: Name of the test suite.
        path: Path of the XML file.

    Raises:
        UserError: If the file cannot be written.
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
