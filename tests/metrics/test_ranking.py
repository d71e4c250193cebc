"""AUC and TPR at a small FPR against scikit-learn, and where they are not defined."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve

from oro_unlearn.metrics import auc, tpr_at_fpr


def scores(seed, ties):
    generator = np.random.default_rng(seed)
    positive, negative = generator.normal(0.7, 1, 211), generator.normal(0, 1.3, 400)
    return (positive.round(0), negative.round(0)) if ties else (positive, negative)


def sklearn(function, positive, negative):
    return function(np.repeat([1, 0], [len(positive), len(negative)]), np.concatenate([positive, negative]))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_auc_is_that_of_scikit_learn(seed, ties):
    positive, negative = scores(seed, ties)
    found = auc(torch.tensor(positive), torch.tensor(negative))
    assert found == pytest.approx(sklearn(roc_auc_score, positive, negative), abs=1e-12)
    assert auc(torch.tensor(negative), torch.tensor(positive)) == pytest.approx(1 - found, abs=1e-12)


def test_auc_anchor():
    """Losses of tensorflow-privacy's membership_inference_attack_test: members have the lower loss."""
    train, test = torch.tensor([0.1, 0.2, 1.3, 0.4, 0.5, 0.6]), torch.tensor([1.1, 1.2, 1.3, 0.4, 1.5, 1.6])
    assert auc(-train, -test) == pytest.approx(0.833333, abs=1e-6)


def test_auc_does_not_depend_on_scale_order_or_copies():
    positive, negative = (torch.tensor(values) for values in scores(0, True))
    value = auc(positive, negative)
    assert auc((positive / 3).exp() + 20, (negative / 3).exp() + 20) == value  # torchmetrics puts a sigmoid over such scores
    assert auc(positive.flip(0), negative[torch.randperm(len(negative))]) == value
    assert auc(positive.repeat(2), negative.repeat(3, 2)) == pytest.approx(value, abs=1e-12)


def test_auc_of_equal_and_infinite_scores():
    assert auc(torch.ones(3), torch.ones(5)) == 0.5
    assert auc(torch.tensor([math.inf]), torch.tensor([1e30, -math.inf])) == 1


def test_auc_of_an_empty_side_is_nan():
    for sides in ((torch.ones(3), torch.ones(0)), (torch.ones(0), torch.ones(3))):
        assert math.isnan(auc(*sides))


def test_nan_is_not_a_score():
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        auc(torch.tensor([math.nan, 1.0]), torch.zeros(2))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("fpr", [0.0025, 0.01, 0.1, 0.29, 1.0])
def test_tpr_is_the_best_of_all_thresholds(fpr, ties):
    positive, negative = scores(1, ties)
    rates, hits, _ = sklearn(lambda *values: roc_curve(*values, drop_intermediate=False), positive, negative)
    expected = hits[rates <= fpr + 1e-12].max()
    assert tpr_at_fpr(torch.tensor(positive), torch.tensor(negative), fpr) == pytest.approx(expected)


def test_tpr_counts_the_allowed_negatives_exactly():
    negative = torch.arange(100) / 100
    assert tpr_at_fpr(torch.tensor([0.705]), negative, 0.29) == 1  # 29 negatives are above; 0.29 * 100 is below 29
    assert tpr_at_fpr(torch.tensor([0.705]), negative, 0.28) == 0
    assert tpr_at_fpr(torch.zeros(3), torch.zeros(10), 0.5) == 0  # one threshold calls all positive, or none


def test_tpr_that_cannot_be_measured_is_nan():
    assert math.isnan(tpr_at_fpr(torch.ones(5), torch.zeros(999), 1e-3))
    assert tpr_at_fpr(torch.ones(5), torch.zeros(1000), 1e-3) == 1
    assert math.isnan(tpr_at_fpr(torch.ones(0), torch.zeros(1000), 1e-3))


@pytest.mark.parametrize("fpr", [0.0, 1.1, math.nan])
def test_tpr_rejects(fpr):
    with pytest.raises(ValueError, match="fpr must be in"):
        tpr_at_fpr(torch.ones(5), torch.zeros(5), fpr)
