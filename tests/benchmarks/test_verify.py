"""The verification: every method, metric and attack has a row within its bound, and the page holds what was found."""

import ast
import inspect
import json
from pathlib import Path

import pytest
import torch

from benchmarks import verify
from benchmarks.verification import (
    closed_forms,
    graph_losses,
    losses,
    persona_losses,
    relation_figures,
    relation_losses,
    trained,
)
from benchmarks.verification import metrics as transcribed
from benchmarks.verification.rows import BOUND, apart, figures_apart, weights_apart
from benchmarks.verification.table import verified_table
from oro_unlearn import attacks, methods, metrics
from oro_unlearn.methods import SCRUB, NegGradPlus, UnlearningModule
from tests.conftest import ROOT

FILES = {"load_scores", "save_scores"}  # they compute nothing


@pytest.fixture(scope="module")
def found():
    """All rows, by table."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield verify.verified()
    torch.set_num_threads(threads)


def public(module) -> set[str]:
    """What computes something: no named tuples of results."""
    values = {name: getattr(module, name) for name in module.__all__}
    return {name for name, value in values.items() if not (inspect.isclass(value) and issubclass(value, tuple))} - FILES


def test_no_row_is_beyond_its_bound(found):
    assert {row.name: row.difference for row in verify.failed(found)} == {}


def test_a_bound_that_is_not_the_usual_one_has_a_reason(found):
    assert all((row.bound == BOUND) == (not row.reason) for rows in found.values() for row in rows)


def test_every_method_metric_and_attack_has_a_row(found):
    verified = {row.subject for rows in found.values() for row in rows}
    named = [getattr(methods, name) for name in methods.__all__]
    kinds = {
        kind.__name__
        for kind in named
        if inspect.isclass(kind) and issubclass(kind, UnlearningModule) and not inspect.isabstract(kind)
    }
    assert (kinds | public(metrics) | public(attacks)) - verified == set()


def test_the_page_holds_the_rows_of_now(found, monkeypatch):
    monkeypatch.chdir(ROOT)
    result = json.loads(Path("benchmarks/results/verify.json").read_text())
    assert {"command", "versions", "hardware"} <= result.keys()
    described = ("subject", "name", "reference", "compared", "bound", "reason")
    for part, rows in found.items():
        kept = [tuple(row[key] for key in described) for row in result["parts"][part]]
        assert kept == [tuple(getattr(row, key) for key in described) for row in rows], "run python -m benchmarks.verify"
        assert all(row["difference"] <= row["bound"] for row in result["parts"][part])
        assert verified_table(part) in Path("docs/verification.md").read_text(), "run make tables"


@pytest.mark.parametrize(
    "module", [losses, closed_forms, transcribed, relation_losses, relation_figures, persona_losses, graph_losses]
)
def test_transcriptions_know_nothing_of_the_product(module):
    tree = ast.parse(Path(module.__file__).read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [name for name in names if name.startswith(("oro_unlearn", "benchmarks"))]


def test_a_wrong_temperature_is_found(monkeypatch):
    right = SCRUB.divergence
    monkeypatch.setattr(SCRUB, "divergence", lambda self, *logits: right(self, *logits) / self.temperature)
    assert trained.scrub().difference > 1e-4


def test_a_weight_that_is_a_thousandth_off_is_found(monkeypatch):
    right = NegGradPlus.losses
    monkeypatch.setattr(NegGradPlus, "losses", lambda self, **batch: {n: v * 1.001 for n, v in right(self, **batch).items()})
    assert [row.difference > 1e-4 for row in trained.ascent()] == [False, False, True]


def test_differences_are_relative_and_miss_nothing():
    values = torch.tensor([3.0, 4.0])
    assert apart(values + torch.tensor([0.0, 0.05]), values) == pytest.approx(0.01, rel=1e-5)
    assert apart(torch.tensor([torch.inf, 1.0]), torch.tensor([torch.inf, 1.0])) == 0
    assert apart(torch.tensor([torch.nan]), torch.tensor([1.0])) == 1
    assert figures_apart({"a": 0.2, "b": 1.0}, {"a": 0.3}) == pytest.approx(0.1)
    assert figures_apart({"a": 202.0}, {"a": 200.0}) == pytest.approx(0.01)
    assert figures_apart({}, {"a": 0.3}) == figures_apart({"a": 0.3}, {}) == float("inf")
    still = torch.nn.Linear(2, 2)
    assert weights_apart(still, still, still) == float("inf"), "nothing has moved, so nothing is verified"
