"""The pytest plugin ``oro_unlearn``: every criterion of an audit, and every part of it, is a test.

pytest imports this module wherever the package is installed. It imports nothing heavy before its options are given.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from oro_unlearn.user_error import UserError

Found = tuple[str, list[tuple[str, str, str]]]  # path of the audit; name, state and words of every result
FOUND = pytest.StashKey[Found]()
KEY = "oro_unlearn"  # of what a process of pytest-xdist receives
GRAPH_CONFIG = "scenes/shield.yaml"
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
    received = getattr(config, "workerinput", None)  # a process of pytest-xdist gets what the first one has found
    try:
        if received is None and (option.oro_run or option.oro_graph):
            run = option.oro_run or _audited(config)
            config.stash[FOUND] = _judged(run, option.oro_criteria or ("graph" if option.oro_graph else ""))
        elif received and KEY in received:
            config.stash[FOUND] = received[KEY]
    except UserError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a process of pytest-xdist what was found: the model is audited once."""
    if FOUND in node.config.stash:
        node.workerinput[KEY] = node.config.stash[FOUND]


def _judged(run: str | Path, criteria: str) -> Found:
    from oro_unlearn.audit import judged_apart, read_audit, saved_criteria

    saved = read_audit(run)
    results = judged_apart(saved_criteria(saved, criteria), saved)
    return str(saved.path.resolve()), [(_named(figure, part), result.state, str(result)) for figure, part, result in results]


def _named(figure: str, part: str) -> str:
    """Name of a test, without spaces and signs in the part, so that it can be typed after ``-k``."""
    name = figure.removeprefix("verdict.")
    words = "-".join(re.findall(r"\w+", part))
    return f"{name}[{words}]" if part else name


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
    if FOUND in collector.config.stash and isinstance(collector, pytest.Session) and report.passed:
        path, results = collector.config.stash[FOUND]
        report.result = [*report.result, AuditFile.from_parent(collector, path=Path(path), results=results)]
    return report


class AuditFile(pytest.File):
    """``report.json`` or ``audit.json``.

    Args:
        results: Name, state and words of every result.
        kwargs: Arguments of :class:`pytest.File`.
    """

    def __init__(self, *, results: Sequence[tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.results = results

    def collect(self) -> Iterator["AuditTest"]:
        """One test for each criterion and each of its parts."""
        for name, state, words in self.results:
            nodeid = f"{self.nodeid}::{name}"  # as text: pytest takes the part as a parameter, and --lf finds it again
            yield AuditTest.from_parent(self, name=name, nodeid=nodeid, state=state, words=words)


class AuditTest(pytest.Item):
    """A criterion, or a part of it.

    Args:
        state: ``met``, ``not met`` or ``not decided``.
        words: The criterion, its state and the reason.
        kwargs: Arguments of :class:`pytest.Item`.
    """

    def __init__(self, *, state: str, words: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state, self.words = state, words

    def runtest(self) -> None:
        """Fail with the result in words, unless the criterion is met."""
        if self.state == "not decided" and self.config.option.oro_undecided == "skip":
            pytest.skip(self.words)
        if self.state != "met":
            pytest.fail(self.words, pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """File and name."""
        return self.path, None, self.name
