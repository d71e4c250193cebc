"""The pytest plugin ``oro_unlearn``: every criterion of an audit, and every part of it, is a test.

pytest imports this module wherever the package is installed. It imports nothing heavy before its options are given.
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.audit import Result

SAVED = pytest.StashKey[Path]()  # the file of the audit
RESULTS = pytest.StashKey["list[tuple[str, str, Result]]"]()
GRAPH_CONFIG = "scenes/relation_unlearning.yaml"
HELP = {
    "run": "folder of a finished run or of an audit, with report.json or audit.json: each of its criteria is a test",
    "graph": "relation graph (YAML): audit the model of --oro-model; each tuple, attack, neighbour and node is a test",
    "model": "weights of the edited CLIP model, or the folder of its adapter, for --oro-graph",
    "config": f"preset or YAML with pictures and architecture, for --oro-graph; default: {GRAPH_CONFIG}",
    "criteria": "YAML file, or strict, outputs, clip or graph; default: the verdict's lines; with --oro-graph: graph",
}
UNDECIDED = "what becomes of a criterion that is not decided or not measured: fail or skip; default: fail"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("oro_unlearn", "audits of unlearning")
    for name, text in HELP.items():
        group.addoption(
            f"--oro-{name}", metavar="RUN" if name == "run" else "NAME" if name == "criteria" else "FILE", help=text
        )
    group.addoption("--oro-undecided", choices=("fail", "skip"), default="fail", help=UNDECIDED)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options. Without a path on the command line, run no other tests.

    Raises:
        UsageError: If options are missing or exclude each other.
    """
    option = config.option
    if not hasattr(config, "workerinput"):  # a process of pytest-xdist has the options of the first one, which checked them
        _check(option)
    if (option.oro_run or option.oro_graph) and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []


def _check(option: Any) -> None:
    if option.oro_run and option.oro_graph:
        raise pytest.UsageError("--oro-run and --oro-graph: give one of them")
    if bool(option.oro_graph) != bool(option.oro_model):
        raise pytest.UsageError("--oro-graph and --oro-model: give both, the relation graph and the edited model")
    if option.oro_config and not option.oro_graph:
        raise pytest.UsageError("--oro-config is for --oro-graph: give both, or leave it out")
    if (option.oro_criteria or option.oro_undecided == "skip") and not (option.oro_run or option.oro_graph):
        raise pytest.UsageError("--oro-criteria and --oro-undecided need an audit: name it with --oro-run or --oro-graph")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Read the audit and hold the criteria against it. With ``--oro-graph``, audit the model first.

    Raises:
        UsageError: If the model cannot be audited, or the audit or the criteria cannot be read.
    """
    config, option = session.config, session.config.option
    try:
        if option.oro_graph and not hasattr(config, "workerinput"):
            option.oro_criteria = option.oro_criteria or "graph"
            option.oro_run = str(_audited(config))  # processes of pytest-xdist get this option, and audit nothing
        if option.oro_run:
            _judge(config)
    except UserError as error:
        raise pytest.UsageError(str(error)) from None


def _judge(config: pytest.Config) -> None:
    from oro_unlearn.audit import judged_apart, read_audit, saved_criteria

    saved = read_audit(config.option.oro_run)
    criteria = saved_criteria(saved, config.option.oro_criteria or "")
    config.stash[SAVED], config.stash[RESULTS] = saved.path.resolve(), list(judged_apart(criteria, saved))


def _audited(config: pytest.Config) -> Path:
    """Audit the CLIP model as ``oro-unlearn audit`` does, with its output shown. Returns the folder of ``audit.json``."""
    from oro_unlearn.cli import audit_command, settle
    from oro_unlearn.cli.errors import explain

    settle()
    option, capture = config.option, config.pluginmanager.getplugin("capturemanager")
    output: Path = audit_command.parser().get_default("output")
    words = ["--edited", option.oro_model, "--config", option.oro_config or GRAPH_CONFIG, "--data.graph", option.oro_graph]
    if capture:
        capture.suspend_global_capture()
    try:
        audit_command.main([*words, "--output", str(output)])
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        raise UserError(message) from None
    finally:
        if capture:
            capture.resume_global_capture()
    return output


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the file of the audit to what the session has collected."""
    report = yield
    saved = collector.config.stash.get(SAVED, None)
    if saved is not None and isinstance(collector, pytest.Session) and report.passed:
        report.result = [*report.result, AuditFile.from_parent(collector, path=saved)]
    return report


class AuditFile(pytest.File):
    """``report.json`` or ``audit.json``."""

    def collect(self) -> Iterator["AuditTest"]:
        """One test for each criterion and each of its parts."""
        for figure, part, result in self.config.stash[RESULTS]:
            name = figure.removeprefix("verdict.")
            yield AuditTest.from_parent(self, name=f"{name}[{_plain(part)}]" if part else name, result=result)


class AuditTest(pytest.Item):
    """A criterion, or a part of it.

    Args:
        result: What became of it.
        kwargs: Arguments of :class:`pytest.Item`.
    """

    def __init__(self, *, result: "Result", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.result = result

    def runtest(self) -> None:
        """Fail with the result in words, unless the criterion is met."""
        if self.result.state == "not decided" and self.config.option.oro_undecided == "skip":
            pytest.skip(str(self.result))
        if self.result.state != "met":
            pytest.fail(str(self.result), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """File and name."""
        return self.path, None, self.name


def _plain(name: str) -> str:
    """A name without spaces and signs, so that it can be typed after ``-k`` or as a part of a test's name."""
    return re.sub(r"\W+", "-", name).strip("-")
