"""The lower bound on epsilon: it stays below what is known, and comes near it."""

import math

import pytest
import torch

from benchmarks.epsilon_calibration import gaussian, gaussian_delta, parser, randomised_response, rows_of
from oro_unlearn.attacks import epsilon_bound
from oro_unlearn.metrics.chance import share_limits
from oro_unlearn.user_error import UserError


def test_it_exceeds_a_known_epsilon_in_few_runs_and_grows_with_it():
    rows = rows_of(parser().parse_args(["--runs", "40", "--samples", "600"]))
    assert len(rows) == 10
    assert max(row["exceeded"] for row in rows) <= 0.05
    for name in ("randomised response", "Gaussian"):
        means = [row["mean"] for row in rows if row["mechanism"] == name]
        assert means == sorted(means)
        assert means[-1] > 1, "the bound is not empty"
    assert gaussian_delta(0.7, 0) == pytest.approx(2 * 0.76247 - 1, abs=1e-4), "the total variation of two normals"


def test_it_follows_from_the_limits_of_both_rates():
    members, others = torch.arange(200.0) + 1000, torch.arange(200.0)
    bound = epsilon_bound({"score": (members, others)}, delta=0.01)
    each = 0.05 / 12
    low, high = share_limits(100, 100, each).low, share_limits(0, 100, each).high
    assert bound.most == pytest.approx(max(math.log((low - 0.01) / high), math.log((1 - high - 0.01) / (1 - low))))
    ratios = ((bound.tpr_low - 0.01) / bound.fpr_high, (1 - bound.fpr_high - 0.01) / (1 - bound.tpr_low))
    assert bound.epsilon == pytest.approx(math.log(max(ratios)))
    assert 2 < bound.epsilon < bound.most


def test_the_best_attack_counts_and_a_model_less_sure_of_members_leaks_as_much():
    members, others = randomised_response(2.0, 500, seed=0)
    weak = gaussian(20.0, 500, seed=1)
    found = epsilon_bound({"weak": weak, "strong": (members, others), "nan": (members * math.nan, others)})
    assert found.attack == "strong"
    assert 0.8 < found.epsilon < 2
    assert epsilon_bound({"strong": (-members, -others)}).epsilon == pytest.approx(found.epsilon)
    assert epsilon_bound({"same": (torch.zeros(50), torch.zeros(50))}).epsilon == 0


@pytest.mark.parametrize(
    ("scores", "delta", "message"),
    [
        ((torch.rand(9), torch.rand(9)), 1.0, r"delta is a probability in \[0, 1\)"),
        ((torch.rand(9), torch.rand(1)), 0.0, "two members and two non-members or more, not 9 and 1"),
        ((torch.full((9,), math.nan), torch.rand(9)), 0.0, "every attack has NaN scores"),
    ],
)
def test_mistakes(scores, delta, message):
    with pytest.raises(UserError, match=message):
        epsilon_bound({"score": scores}, delta)
