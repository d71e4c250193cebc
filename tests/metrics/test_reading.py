"""Figures beside the retrained models', and those of MIA-NN in particular."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from oro_unlearn.metrics import nearest_class_gap, nn_auc_vs_retrain, reading

RETRAINED = [0.30, 0.34, 0.38]


def test_reading_of_three_models():
    found = reading(0.25, RETRAINED)
    assert found.ideal == pytest.approx(0.34)
    assert found.gap == pytest.approx(0.09)
    assert found.floor == pytest.approx(np.mean([0.36 - 0.30, 0.0, 0.38 - 0.32]))
    assert (found.value, found.direction, found.inside) == (0.25, "equal", False)


@pytest.mark.parametrize(("value", "inside"), [(0.29, False), (0.30, True), (0.35, True), (0.38, True), (0.381, False)])
def test_inside_is_the_range_itself(value, inside):
    assert reading(value, RETRAINED).inside is inside


def test_gap_has_two_sides():
    assert reading(0.30, RETRAINED).gap == pytest.approx(reading(0.38, RETRAINED).gap)


def test_a_retrained_model_is_read_as_one():
    """Its distance from the others, averaged, is the floor."""
    values = [0.1, 0.5, 0.2, 0.7]
    gaps = [reading(value, values[:place] + values[place + 1 :]).gap for place, value in enumerate(values)]
    assert reading(0.3, values).floor == pytest.approx(np.mean(gaps))


def test_one_model_has_no_floor():
    found = reading(0.4, torch.tensor([0.3]))
    assert math.isnan(found.floor)
    assert found.gap == pytest.approx(0.1)


def test_nan_goes_through():
    found = reading(math.nan, RETRAINED)
    assert math.isnan(found.gap)
    assert not found.inside
    assert math.isnan(reading(0.3, [0.3, math.nan]).ideal)


def test_description():
    assert reading(0.35, RETRAINED).describe() == "0.350, retrained 0.340: gap 0.010, floor 0.040, within their range"
    assert "outside their range" in reading(0.1, RETRAINED).describe()


def test_reading_needs_a_retrained_model():
    with pytest.raises(ValueError, match="at least one retrained model"):
        reading(0.3, [])


def test_nearest_class_gap_value():
    found = nearest_class_gap(0.25, [0.30, 0.34])
    assert found["nn_gap"] == pytest.approx(0.07)
    assert found["nn_z"] == pytest.approx((0.25 - 0.32) / np.std([0.30, 0.34], ddof=1))
    assert nearest_class_gap(0.39, [0.30, 0.34])["nn_gap"] == pytest.approx(0.07)
    assert nearest_class_gap(0.39, [0.30, 0.34])["nn_z"] == pytest.approx(-found["nn_z"])


def test_nearest_class_gap_of_one_model_has_no_deviations():
    found = nearest_class_gap(0.25, [0.30])
    assert found["nn_gap"] == pytest.approx(0.05)
    assert math.isnan(found["nn_z"])


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
