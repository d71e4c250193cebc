"""Figures beside the retrained models', and those of MIA-NN in particular."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from oro_unlearn.metrics import left_out_distances, nn_auc_vs_retrain, reading

RETRAINED = [0.30, 0.34, 0.38]


def test_reading_of_three_models():
    found = reading(0.25, RETRAINED)
    assert found.ideal == pytest.approx(0.34)
    assert found.gap == pytest.approx(0.09)
    assert found.floor == pytest.approx(math.sqrt(8 / 9) * np.mean([0.36 - 0.30, 0.0, 0.38 - 0.32]))
    assert (found.value, found.rank, found.retrained) == (0.25, 0, 3)


def simulated(n, pairwise, models=1.0, noise=0.5):
    """Values of n retrained models and of one more, over many repetitions: numbers of its own, or means over pairs."""
    draw = np.random.default_rng(n)
    if not pairwise:
        values = draw.normal(size=(20_000, n + 1))
        return torch.from_numpy(values[:, :n]), torch.from_numpy(values[:, n])
    own, between = models * draw.normal(size=(20_000, n + 1)), noise * draw.normal(size=(20_000, n + 1, n + 1))
    distances = own[:, :, None] + own[:, None] + np.triu(between, 1) + np.triu(between, 1).transpose(0, 2, 1)
    apart = distances[:, :n, :n] * (1 - np.eye(n))
    return torch.from_numpy(apart.sum(2) / (n - 1)), torch.from_numpy(distances[:, n, :n].mean(1))


@pytest.mark.parametrize("n", [3, 4, 6])
@pytest.mark.parametrize("pairwise", [False, True])
def test_the_gap_of_one_more_retrained_model_is_the_floor(n, pairwise):
    """Its ratio is 1.00 within three standard errors, whatever the number of models: tables of different n can be compared."""
    retrained, another = simulated(n, pairwise, noise=0.0)
    gaps = (another - retrained.mean(1)).abs()
    floors = math.sqrt(1 - 1 / n**2) * left_out_distances(retrained, pairwise).abs().mean(1)
    ratio = float(gaps.mean() / floors.mean())
    error = float((gaps - ratio * floors).std() / floors.mean() / len(gaps) ** 0.5)
    assert error < 0.01
    assert abs(ratio - 1) < 3 * error
    single = reading(float(another[0]), retrained[0], pairwise)
    assert (single.gap, single.floor) == pytest.approx((float(gaps[0]), float(floors[0])))


@pytest.mark.parametrize(("n", "expected"), [(3, 0.95), (4, 0.99), (6, 1.00)])
def test_noise_of_the_pairs_makes_the_floor_of_few_models_a_little_large(n, expected):
    """With the pair noise of the published check the ratio is a little below 1: no model looks worse than it is."""
    retrained, another = simulated(n, pairwise=True)
    floors = math.sqrt(1 - 1 / n**2) * left_out_distances(retrained, pairwise=True).abs().mean(1)
    ratio = float((another - retrained.mean(1)).abs().mean() / floors.mean())
    assert ratio == pytest.approx(expected, abs=0.03)


def test_a_pairwise_model_is_left_out_with_its_pairs():
    draw = np.random.default_rng(0)
    n, pairs = 5, np.triu(draw.uniform(size=(5, 5)), 1)
    pairs = pairs + pairs.T
    means = pairs.sum(1) / (n - 1)
    expected = []
    for place in range(n):
        others = np.delete(np.delete(pairs, place, 0), place, 1)
        expected.append(means[place] - others.sum() / ((n - 1) * (n - 2)))
    assert left_out_distances(torch.from_numpy(means), pairwise=True).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("n", "pairwise"), [(3, False), (6, False), (3, True), (6, True)])
def test_one_more_retrained_model_is_outside_in_a_twentieth(n, pairwise):
    retrained, another = (values[:600] for values in simulated(n, pairwise, noise=0.0))
    found = [reading(float(value), models, pairwise) for value, models in zip(another, retrained, strict=True)]
    outside = np.mean([one.verdict == "outside" for one in found])
    assert 0.01 < outside < 0.075
    assert all((one.low <= one.value <= one.high) == one.inside for one in found)


def test_the_interval_is_student_s():
    found = reading(0.25, RETRAINED)
    half = 4.302653 * 0.04 * math.sqrt(4 / 3)
    assert (found.low, found.high) == pytest.approx((0.34 - half, 0.34 + half), abs=1e-6)
    assert found.deviations == pytest.approx(-0.09 / (0.04 * math.sqrt(4 / 3)))
    assert (found.verdict, reading(0.6, RETRAINED).verdict) == ("inside", "outside")


@pytest.mark.parametrize(
    ("values", "pairwise", "has_floor"), [([0.3], False, False), ([0.3, 0.4], False, True), ([0.3, 0.4], True, False)]
)
def test_few_models_are_not_judged(values, pairwise, has_floor):
    found = reading(0.4, torch.tensor(values), pairwise)
    assert math.isfinite(found.floor) is has_floor
    assert (found.verdict, found.inside) == ("not judged", False)


def test_models_that_agree_are_no_yardstick_unless_chance_is_known():
    assert reading(0.5, [0.5, 0.5, 0.5]).verdict == "not judged"
    judged = reading(0.6, [0.5, 0.5, 0.5], samples=36)
    assert judged.verdict == "inside"
    assert judged.deviations == pytest.approx(0.1 / math.sqrt(0.25 / 36 * 4 / 3))


@pytest.mark.parametrize("pairwise", [False, True])
@pytest.mark.parametrize("value", [0.1, 0.7, 0.9])
@pytest.mark.parametrize("count", [3, 6, 7])
def test_models_that_agree_have_no_floor_by_rounding(value, count, pairwise):
    """A mean by a sum is an ulp beside some of these values, and any other figure is then outside a range of 1e-17."""
    found = reading(value + 0.1, [value] * count, pairwise)
    assert (found.ideal, found.floor, found.verdict) == (value, 0.0, "not judged")


def test_gap_has_two_sides():
    assert reading(0.30, RETRAINED).gap == pytest.approx(reading(0.38, RETRAINED).gap)


@pytest.mark.parametrize(("value", "values"), [(math.nan, RETRAINED), (0.3, [0.3, math.nan, 0.4])])
def test_nan_goes_through(value, values):
    found = reading(value, values)
    assert math.isnan(found.gap)
    assert found.verdict == "not judged"


def test_reading_needs_a_retrained_model():
    with pytest.raises(ValueError, match="at least one retrained model"):
        reading(0.3, [])


def test_auc_against_retrained_models():
    generator = np.random.default_rng(0)
    unlearned, retrained = generator.uniform(size=60).round(1), generator.uniform(size=(3, 60)).round(1)
    single = [roc_auc_score(np.repeat([1, 0], 60), np.concatenate([unlearned, values])) for values in retrained]
    assert nn_auc_vs_retrain(torch.tensor(unlearned), torch.tensor(retrained)) == pytest.approx(np.mean(single))
    assert nn_auc_vs_retrain(torch.tensor(unlearned), torch.tensor(retrained[1])) == pytest.approx(single[1])
    assert nn_auc_vs_retrain(torch.tensor(unlearned), torch.tensor(unlearned)) == 0.5
    assert math.isnan(nn_auc_vs_retrain(torch.empty(0), torch.empty(2, 0)))


def test_auc_needs_the_same_images():
    with pytest.raises(ValueError, match="the same images"):
        nn_auc_vs_retrain(torch.zeros(3), torch.zeros(2, 4))
