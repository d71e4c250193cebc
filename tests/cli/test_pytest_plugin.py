"""The pytest plugin: what becomes a test, when it fails, and one line for every wrong option."""

import json
from pathlib import Path

import pytest
import yaml

from oro_unlearn.cli import main
from tests import small_world
from tests.cli.test_audit_command import outputs

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "oro_unlearn.cli.pytest_plugin", "-p", "no:cacheprovider")


@pytest.fixture(autouse=True)
def without_installed_plugins(monkeypatch):
    """A run inside starts faster, and it does not matter whether the plugin is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def audit(pytester):
    """The folder of an audit of outputs at level outputs, of a model that forgot nothing."""
    for name, knows, seed in (("original", True, 1), ("kept", True, 3), *((f"r{n}", False, 10 + n) for n in range(3))):
        outputs(f"{name}.npz", knows=knows, seed=seed)
    main(
        [
            "audit",
            "--edited",
            "kept.npz",
            "--original",
            "original.npz",
            "--retrained",
            "[r0.npz, r1.npz, r2.npz]",
            "--output",
            "run",
        ]
    )
    Path("test_own.py").write_text("def test_own():\n    pass\n")
    return Path("run")


def test_every_criterion_and_every_class_is_a_test(audit, pytester):
    result = pytester.runpytest_inprocess(*PLUGIN, "--oro-run", str(audit), "-v")
    found = "\n".join(result.outlines)
    assert "run/audit.json::answers FAILED" in found
    assert "run/audit.json::answers[2] FAILED" in found
    assert "run/audit.json::collateral[0] PASSED" in found
    assert "verdict.answers[2] is yes: not met (no: 20 of 20" in found
    assert "Traceback" not in found
    assert "pytest_plugin.py" not in found
    assert "test_own" not in found, "a run alone is asked for"
    assert result.ret == 1
    Path("limits.yaml").write_text('acc_r: ">= 0.5"\nrelearn_10: "<= 0.1"\n')
    words = (*PLUGIN, "--oro-run", str(audit), "--oro-criteria", "limits.yaml", "test_own.py")
    pytester.runpytest_inprocess(*words).assert_outcomes(passed=2, failed=1)  # not measured is not passed
    pytester.runpytest_inprocess(*words, "--oro-undecided", "skip").assert_outcomes(passed=2, skipped=1)
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


WRONG = [
    ("--oro-run nowhere", "nowhere: no report.json and no audit.json there"),
    ("--oro-run run --oro-criteria clip", "criteria clip: this audit has no figure unsafe_recall_at_5"),
    ("--oro-run old.json", "old.json has no audit that criteria can be held against: measure it again"),
    ("--oro-run test_own.py", "test_own.py cannot be read as JSON"),
    ("--oro-run run --oro-graph graph.yaml", "give one of them"),
    ("--oro-graph graph.yaml", "--oro-graph and --oro-model: give both"),
    ("--oro-criteria strict", "name it with --oro-run or --oro-graph"),
]


def test_a_wrong_option_is_one_line(audit, pytester):
    Path("old.json").write_text(json.dumps({"audit": {"verdict": {"lines": {}}}}))
    for words, message in WRONG:
        result = pytester.runpytest_inprocess(*PLUGIN, *words.split())
        errors = [line for line in result.errlines if line]
        assert (result.ret, len(errors)) == (pytest.ExitCode.USAGE_ERROR, 1), errors
        assert message in errors[0]


def test_a_clip_model_is_audited_once_and_every_concept_is_a_test(finished, pytester):
    own = {
        "model": {
            "class_path": "RelationUnlearning",
            "init_args": {
                "network": {
                    "class_path": "OpenCLIP",
                    "init_args": {"name": "scenes", "pretrained": small_world.write_weights()},
                }
            },
        },
        "data": {"class_path": "Scenes", "init_args": {**small_world.SIZES, "listed": small_world.LISTED}},
        "trainer": {"accelerator": "cpu"},
        "audit": {"attacks": "none"},
    }
    Path("own.yaml").write_text(yaml.safe_dump(own))
    graph = [
        "--oro-graph",
        small_world.write_graph(),
        "--oro-model",
        str(finished / "model.safetensors"),
        "--oro-config",
        "own.yaml",
    ]
    result = pytester.runpytest_inprocess(*PLUGIN, *graph, "-v")
    found = [line.partition("::")[2] for line in result.outlines if line.startswith("runs/audit/audit.json::")]
    names = {line.split()[0] for line in found}
    assert {
        "worst_tuple_recall_at_5[child-eating-hamburger]",
        "attacked_recall_at_5[paraphrase]",
        "worst_neighbour_drop",
        "worst_neighbour_drop[child-eating-apple]",
        "worst_neighbour_drop[dog-eating-hamburger]",
        "worst_node_drop[child]",
    } <= names
    assert "worst_neighbour_drop[dog-eating-apple]" not in names, "no neighbour"
    assert result.ret == 1
    of_run = pytester.runpytest_inprocess(*PLUGIN, "--oro-run", str(finished), "--oro-criteria", "clip", "-v").stdout.str()
    assert "report.json::kept_recall_at_1_lost[single-node] FAILED" in of_run, "not decided"
    wrong = pytester.runpytest_inprocess(*PLUGIN, *graph[:3], "none.safetensors", *graph[4:])
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    assert "none.safetensors" in wrong.stderr.str()
