"""Total variation of single samples: hand values, its parts, and the metric that averages it."""

import math

import numpy as np
import pytest
import torch

from oro_unlearn.metrics import UnlearningTotalVariation, total_variation

UNLEARNED, RETRAINED = torch.tensor([[0.5, 0.4, 0.1], [0.1, 0.6, 0.3]]), torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.9, 0.0]])
HEADLESS = torch.tensor([[0.75, 0.25], [0.1, 0.9]])


def logits(seed, samples=40, classes=7):
    return 3 * torch.randn(samples, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("retrained", "options", "values"),
    [
        (RETRAINED, {}, [0.2, 0.3]),
        (HEADLESS, {"forget_classes": [2]}, [0.25, 0.3]),
        (HEADLESS, {"forget_classes": [2], "conditional": True}, [0.194444, 0.042857]),
    ],
)
def test_values(retrained, options, values):
    assert total_variation(UNLEARNED.log(), retrained.log(), **options).tolist() == pytest.approx(values, abs=1e-6)
    metric = UnlearningTotalVariation(**options)
    metric.update(UNLEARNED, retrained)
    assert float(metric.compute()) == pytest.approx(np.mean(values), abs=1e-6)


def softmax(values):
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def test_oracle():
    a, b, forgotten = logits(0), logits(1), [1, 4]
    difference = np.abs(softmax(a.numpy()) - softmax(b.numpy())) / 2
    assert np.allclose(total_variation(a, b), difference.sum(1))
    p, q = (np.delete(softmax(values.numpy()), forgotten, 1) for values in (a, b))
    expected = np.abs(p / p.sum(1, keepdims=True) - q / q.sum(1, keepdims=True)).sum(1) / 2
    assert np.allclose(total_variation(a, b, forgotten, conditional=True), expected)


def test_metric_is_the_mean():
    a, b = logits(0), logits(1)
    for options in ({}, {"forget_classes": [1, 4], "conditional": True}):
        metric = UnlearningTotalVariation(**options)
        for rows in torch.arange(40).split(7):
            metric.update(a[rows].softmax(1), b[rows].softmax(1))
        assert float(metric.compute()) == pytest.approx(float(total_variation(a, b, **options).mean()))


def test_properties():
    a, b, c = logits(0), logits(1), logits(2)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
    assert not total_variation(a, a).any()
    assert torch.allclose(total_variation(a, b), total_variation(b, a))
    assert torch.allclose(total_variation(a + 5, b), total_variation(a, b))
    assert torch.allclose(total_variation(a[:, order], b[:, order]), total_variation(a, b))
    assert (total_variation(a, c) <= total_variation(a, b) + total_variation(b, c) + 1e-12).all()
    assert total_variation(torch.eye(2).log(), torch.eye(2).flip(1).log()).tolist() == [1, 1]
    assert total_variation(a[:0], b[:0]).shape == (0,)
    assert total_variation(a.float(), b.float()).dtype == torch.float64


def test_conditional_is_defined_where_the_forgotten_class_has_everything():
    certain = torch.tensor([[2.0, 1.0, 500.0]])
    expected = abs(1 / (1 + math.exp(-1)) - 0.5)
    assert float(total_variation(certain, torch.zeros(1, 3), [2], conditional=True)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 2), {}, "must both be"),
        (torch.zeros(2, 3), torch.zeros(2, 2), {"forget_classes": [0, 1]}, "must both be"),
        (torch.zeros(2, 3), torch.zeros(1, 3), {}, "must both be"),
        (torch.zeros(3), torch.zeros(3), {}, "must both be"),
        (torch.zeros(1, 3), torch.full((1, 3), math.nan), {}, "a row has NaN"),
        (torch.full((1, 3), -math.inf), torch.zeros(1, 3), {}, "a row has NaN"),
        (torch.zeros(1, 3), torch.zeros(1, 3), {"forget_classes": [3]}, "must lie in 0 to 2"),
        (torch.zeros(1, 3), torch.zeros(1, 3), {"conditional": True}, "needs forget_classes"),
        (torch.zeros(1, 2), torch.zeros(1, 2), {"conditional": True, "forget_classes": [0]}, "two others"),
    ],
)
def test_rejects(a, b, options, message):
    with pytest.raises(ValueError, match=message):
        total_variation(a, b, **options)
