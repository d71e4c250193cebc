"""A search moves on until its best setting is inside, by one rule for every method."""

import math
from types import SimpleNamespace

import pytest

from oro_unlearn.compare import audits
from oro_unlearn.compare.moving_grid import ROUNDS, Search, edges, unsettled
from oro_unlearn.compare.searches import EVERY, RATE, grid, rates


@pytest.mark.parametrize(
    ("best", "next_values"),
    [("0.001", ["0.0001"]), ("0.01", []), ("0.3", ["3"])],
)
def test_the_step_is_that_from_the_neighbour(best, next_values):
    found = edges(((RATE, best),), rates(1e-3, 1e-2, 3e-2, 0.3))
    assert [dict(setting)[RATE] for setting in found] == next_values


def test_every_option_at_an_end_moves_alone():
    tried = grid(lr=(1e-3, 3e-3, 1e-2), density=(0.1, 0.5))
    found = edges(((RATE, "0.01"), ("--model.density", "0.5")), tried)
    assert found == [
        ((RATE, "0.03333"), ("--model.density", "0.5")),
        ((RATE, "0.01"), ("--model.density", "0.9")),
    ], "odds of 1/9, 1 and 9"


def searched(monkeypatch, score):
    """The search of fine-tuning where ``score`` is that of a learning rate, NaN where it diverges."""
    monkeypatch.setattr(audits, "distance", lambda job, references: score(job.rate))

    def edits(name, request, setting, tuning):
        rate = float(dict(setting)[RATE])
        return [SimpleNamespace(rate=rate, finished=lambda: not math.isnan(score(rate)))]

    search = Search(SimpleNamespace(edits=edits, options=SimpleNamespace(tune_on=["8"])), "fine_tune")
    for _ in range(1 + ROUNDS):
        if search.trials():
            search.score({"8": []})
    return search


@pytest.mark.parametrize(("optimum", "runs"), [(1e-2, 5), (1.0, 7), (1e-4, 7)])
def test_the_best_ends_inside(optimum, runs, monkeypatch):
    search = searched(monkeypatch, lambda rate: abs(math.log(rate / optimum)))
    assert search.at_an_edge() == []
    assert len(search.jobs) == runs
    assert len(EVERY["fine_tune"].settings) == 5


def test_what_diverges_is_an_end(monkeypatch):
    search = searched(monkeypatch, lambda rate: math.nan if rate > 0.5 else -rate)
    assert (dict(search.best)[RATE], search.at_an_edge()) == ("0.3", [])


def test_what_is_still_at_an_edge_is_said(monkeypatch):
    search = searched(monkeypatch, lambda rate: -rate)
    assert search.at_an_edge() == ["lr"]
    assert len(search.jobs) == 5 + ROUNDS


def test_a_saved_result_says_what_was_not_tuned_to_the_inside():
    at_the_end = {"scores": {"fine_tune": {"0.001": 0.3, "0.01": 0.2, "0.1": 0.1}}, "chosen": {}}
    inside = {"scores": {"fine_tune": {"0.001": 0.3, "0.01": 0.1, "0.1": 0.2}}, "chosen": {}}
    assert unsettled(at_the_end, "fine_tune") == ["lr"]
    assert unsettled(inside, "fine_tune") == []
    assert unsettled({**at_the_end, "edges": {}}, "fine_tune") == [], "what lay beyond diverged"
    assert unsettled(inside, "logit_mask") == unsettled(inside, "retrained") == []
    assert unsettled({"scores": {"rwft_o": {"0.1": 1.0, "0.2": 0.5}}}, "rwft_o_max") == ["lr"], "tuned as another"
