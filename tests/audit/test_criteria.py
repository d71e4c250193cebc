"""Criteria: what is met, the exit code of the command, JUnit XML, and one line for every mistake in a file."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml

from oro_unlearn.audit import CLASS_FIGURES, Criterion, Line, Measure, criteria_names, exit_code, judged, read_criteria
from oro_unlearn.audit.criteria import PRESETS
from oro_unlearn.audit.persona_verdict import persona_figures
from oro_unlearn.audit.relation_verdict import relation_figures
from oro_unlearn.cli import main
from oro_unlearn.user_error import UserError
from tests.cli.test_audit_command import outputs
from tests.small_world import ONE_BATCH

LINES = {name: Line("yes", "", 0, 0, 0, "As it should be.") for name in ("answers", "collateral", "looks", "recovery")}


def write(text: str) -> str:
    Path("limits.yaml").write_text(text)
    return "limits.yaml"


def states(text: str, measures: dict[str, Measure], lines=LINES, whole="yes") -> list[str]:
    return [result.state for result in judged(read_criteria(write(text), CLASS_FIGURES), measures, lines, whole)]


def test_a_file_names_figures_with_or_without_headings():
    text = 'answers: {acc_f: "<= 0.01"}\nfeatures: {relearn_10: inside}\nsilhouette: "< .5"\n'
    text += "verdict: {answers: yes, forgotten: no}\n"
    assert read_criteria(write(text), CLASS_FIGURES) == [
        Criterion("acc_f", "<=", 0.01),
        Criterion("relearn_10", "inside", ""),
        Criterion("silhouette", "<", 0.5),
        Criterion("verdict.answers", "is", "yes"),
        Criterion("verdict.forgotten", "is", "no"),
    ]
    assert [str(one) for one in read_criteria("limits.yaml", CLASS_FIGURES)][:2] == ["acc_f <= 0.01", "relearn_10 inside"]


@pytest.mark.parametrize(
    ("limit", "measure", "state"),
    [
        ('"<= 0.1"', Measure(0.0, 0.0, 0.08), "met"),
        ('"<= 0.01"', Measure(0.0, 0.0, 0.08), "not decided"),  # too few images for such a limit
        ('"<= 0.01"', Measure(0.2, 0.1, 0.3), "not met"),
        ('"<= 0.08"', Measure(0.0, 0.0, 0.08), "met"),
        ('"< 0.08"', Measure(0.0, 0.0, 0.08), "not decided"),
        ('">= 0.9"', Measure(0.95, 0.91, 0.98), "met"),
        ('"> 0.99"', Measure(0.95, 0.91, 0.98), "not met"),
        ('"<= 1e-1"', Measure(0.05), "met"),  # a figure without limits
        ('">= 0.06"', Measure(0.05), "not met"),
        ("inside", Measure(0.05, beside="inside"), "met"),
        ("inside", Measure(0.05, beside="outside"), "not met"),
        ("inside", Measure(0.05), "not decided"),
    ],
)
def test_a_limit_holds_for_the_limits_of_the_figure_too(limit, measure, state):
    assert states(f"acc_f: {limit}", {"acc_f": measure}) == [state]
    assert states(f"acc_f: {limit}", {}) == ["not decided"], "not measured"


def test_lines_of_the_verdict_and_exit_codes():
    for answer, expected in (
        ("yes", "met"),
        ("no", "not met"),
        ("not decided", "not decided"),
        ("not measured", "not decided"),
    ):
        lines = LINES | {"looks": LINES["looks"]._replace(answer=answer)}
        assert states("verdict: {looks: yes}", {}, lines) == [expected]
        results = judged(read_criteria("strict", CLASS_FIGURES), {}, lines, "yes")
        assert exit_code(results) == {"met": 0, "not met": 1, "not decided": 3}[expected]
    assert states("verdict: {looks: no, forgotten: yes}", {}, whole="no") == ["not met", "not met"]


def test_every_preset_can_be_read():
    assert criteria_names() == ["clip", "graph", "outputs", "persona", "strict"]
    for name in criteria_names():
        known = {"clip": relation_figures(), "graph": relation_figures(), "persona": persona_figures()}
        assert read_criteria(name, known.get(name, CLASS_FIGURES))
    assert (PRESETS / "strict.yaml").is_file()
    Path("strict").write_text('acc_f: "<= 0.5"')
    assert [str(one) for one in read_criteria("strict", CLASS_FIGURES)] == ["acc_f <= 0.5"], "a file comes first"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it must name figures with their limits"),
        ("- acc_f", "it must name figures with their limits"),
        ("acc_q: inside", "this audit has no figure acc_q; did you mean acc_"),
        ("quality: inside", "this audit has no figure quality; known: acc_f, "),
        ("1: inside", "this audit has no figure 1; "),
        ("unsafe_recall_at_5: inside", "this audit has no figure unsafe_recall_at_5"),
        ("acc_f: 0.01", 'acc_f: 0.01 is not a limit; allowed: "<= NUMBER"'),
        ("acc_f: '<= many'", "acc_f: <= many is not a limit"),
        ("acc_f: '<= nan'", "is not a limit"),
        ("acc_f: '<= 1e999'", "is not a limit"),
        ("acc_f: '= 0.1'", "is not a limit"),
        ("acc_f: ['<= 0.1']", "is not a limit"),
        ("acc_f:", "acc_f: None is not a limit"),
        ("answers:", "answers: a section must have entries"),
        ("answers: {}", "answers: a section must have entries"),
        ("verdict: yes", "verdict: a section must have entries, such as {answers: yes}"),
        ("verdict: {answer: yes}", "verdict: unknown line answer; known: answers, collateral"),
        ("verdict: {answers: maybe}", "verdict.answers: yes or no is allowed, not maybe"),
        ("verdict: {answers: 1}", "verdict.answers: yes or no is allowed, not 1"),
        ("acc_f: inside\nacc_f: '<= 0.1'", "acc_f is given twice"),
        ("answers: {acc_f: inside, acc_f: inside}", "acc_f is given twice"),
        ("acc_r: >= 0.9", "cannot be read as YAML"),
        ("acc_f: [", "cannot be read as YAML"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(text, message):
    with pytest.raises(UserError) as error:
        read_criteria(write(text), CLASS_FIGURES)
    assert message in str(error.value)
    assert "limits.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_no_text():
    Path("limits.yaml").write_bytes(b"\xff\xfe\x00")
    for name, message in (
        ("limits.yaml", "cannot be read as YAML"),
        ("nope", "not found: name a YAML file, or one of clip"),
        (".", "not found"),
    ):
        with pytest.raises(UserError, match=message):
            read_criteria(name, CLASS_FIGURES)


@pytest.fixture
def audit(capsys):
    """Audit outputs of a model, ``good`` or ``kept``; exit code, what was printed, and ``audit.json``."""
    for seed in range(3):
        outputs(f"retrained{seed}.npz", knows=False, seed=10 + seed)
    for name, knows, seed in (("original", True, 1), ("good", False, 2), ("kept", True, 3)):
        outputs(f"{name}.npz", knows=knows, seed=seed)
    given = [
        "--original",
        "original.npz",
        "--retrained",
        "[retrained0.npz, retrained1.npz, retrained2.npz]",
        "--output",
        "audit",
    ]

    def run(name: str, *words: str):
        code = 0
        try:
            main(["audit", "--edited", f"{name}.npz", *given, *words])
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        file = Path("audit/audit.json")
        return code, said.out + said.err, json.loads(file.read_text()) if file.is_file() else None

    return run


def test_the_exit_code_says_what_became_of_the_criteria(audit):
    code, said, content = audit("good", "--criteria", "outputs")
    assert (code, content["verdict"]["forgotten"]) == (0, "yes"), said
    assert "Verdict: forgotten at level outputs: yes (answers, collateral, looks: yes)" in said
    assert said.count("Criterion ") == len(content["criteria"]) == 3
    code, said, content = audit("kept", "--criteria", "outputs")
    assert (code, content["verdict"]["lines"]["answers"]["answer"]) == (1, "no")
    assert "Criterion verdict.answers is yes: not met (no: " in said
    code, said, _ = audit("good", "--criteria", "strict")
    assert code == 3
    assert "Criterion verdict.recovery is yes: not decided (not measured: weights were not attacked" in said
    assert audit("good")[0] == audit("kept")[0] == 0, "without criteria the audit has no opinion"


def test_junit_says_the_same(audit):
    write('answers: {acc_f: "<= 0.5"}\nacc_r: "<= 0.5"\nrelearn_10: inside\n')
    code, said, _ = audit("good", "--criteria", "limits.yaml", "--junit", "new/junit.xml")
    assert (code, "written to new/junit.xml" in said) == (1, True)
    (suite,) = JUnitXml.fromfile("new/junit.xml")
    assert [case.name for case in suite] == ["acc_f <= 0.5", "acc_r <= 0.5", "relearn_10 inside"]
    kinds = [[type(result) for result in case.result] for case in suite]
    assert kinds == [[], [Failure], [Error]]
    assert (suite.tests, suite.failures, suite.errors) == (3, 1, 1)
    assert "not measured" in list(suite)[2].result[0].message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--criteria", "none.yaml"], "criteria none.yaml not found"),
        (["--criteria", "clip"], "criteria clip: this audit has no figure unsafe_recall_at_5"),
        (["--junit", "junit.xml"], "--junit writes what became of criteria: name them with --criteria"),
    ],
)
def test_a_mistake_ends_before_anything_is_measured(words, message, audit):
    code, said, content = audit("good", *words)
    assert (code, content, said.count("oro-unlearn: error: ")) == (2, None, 1)
    assert message in said


def test_a_missing_library_is_one_line_that_names_the_extra(audit, monkeypatch):
    monkeypatch.setattr("oro_unlearn.report.junit.find_spec", lambda name: None if name == "junitparser" else find_spec(name))
    code, said, _ = audit("good", "--criteria", "strict", "--junit", "junit.xml")
    assert (code, "pip install 'oro_unlearn[junit]'" in said) == (2, True)


def test_a_relation_is_held_to_criteria(finished, relational, capsys):
    """From merged weights: no attack on weights is tried; from the adapter: it can be taken off."""
    words = relational("--data.forget", "child eating hamburger", *ONE_BATCH)
    given = [word for word in words if word not in ("--force", "true")]
    for edited, answer in (("model.safetensors", "not measured"), ("adapter", "no")):
        with pytest.raises(SystemExit) as stop:
            main(["audit", "--edited", str(finished / edited), *given, "--criteria", "clip", "--output", "audit"])
        content = json.loads(Path("audit/audit.json").read_text())
        assert stop.value.code == {"not met": 1}.get(content["criteria"][0]["state"], stop.value.code)
        assert stop.value.code in (1, 3)
        assert content["verdict"]["lines"]["recovery"]["answer"] == answer
        assert content["verdict"]["lines"]["looks"]["answer"] == "not decided"
        assert "Verdict: forgotten at level features: " in capsys.readouterr().out
    own = json.loads((finished / "report.json").read_text())["audit"]["verdict"]
    assert own["lines"].keys() == LINES.keys()
