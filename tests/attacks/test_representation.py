"""CKA and silhouettes: hand values, invariances, and other people's implementations."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_samples
from torch import nn

from oro_unlearn.attacks import cka, separation_margin, silhouette

LINE = torch.tensor([[0.0], [1.0], [4.0], [6.0], [9.0]])  # classes 0 0 | 1 1 | 2
CLASSES = torch.tensor([0, 0, 1, 1, 2])


def clusters(count: int = 60, width: int = 8, spread: float = 1.0, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    centres = 3 * torch.randn(4, width, generator=generator)
    return centres[labels] + spread * torch.randn(count, width, generator=generator), labels


def turned(features: torch.Tensor, seed: int = 3) -> torch.Tensor:
    """Rotated and scaled."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(features.shape[1], features.shape[1], generator=generator, dtype=torch.float64)).Q
    return 7 * features.double() @ basis


def gram_hsic(x: np.ndarray, y: np.ndarray, debiased: bool) -> float:
    """From the (N, N) matrices: Gretton et al. 2005, and the unbiased estimator of Song et al. 2012, up to its factor."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    if not debiased:
        centre = np.eye(n) - 1 / n
        return np.trace(k @ centre @ m @ centre)
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    ones = np.ones(n)
    return np.trace(k @ m) + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * ones @ k @ m @ ones


def test_cka_value():
    """Centred columns (1, -1, 0, 0) and (1, -1, 1, -1): (1 + 1)^2 / (2 * 4)."""
    a, b = torch.tensor([[3.0], [1.0], [2.0], [2.0]]), torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    assert cka(a, b) == pytest.approx(0.5)


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_against_gram_matrices(debiased):
    a, b = torch.randn(40, 6), torch.rand(40, 3)
    b[:, 0] += a[:, 0]
    x, y = (values.double().numpy() for values in (a, b))
    terms = [gram_hsic(p, q, debiased) for p, q in ((x, y), (x, x), (y, y))]
    assert cka(a, b, debiased) == pytest.approx(terms[0] / math.sqrt(terms[1] * terms[2]), rel=1e-9)


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_does_not_change_with_rotation_scale_shift_and_order(debiased):
    a, b = torch.randn(50, 6, dtype=torch.float64), torch.rand(50, 4, dtype=torch.float64)
    b[:, 0] += a[:, 0]
    order = torch.randperm(50)
    value = cka(a, b, debiased)
    assert cka(a, a, debiased) == pytest.approx(1)
    assert cka(turned(a) + 5, a, debiased) == pytest.approx(1)
    assert cka(b, a, debiased) == pytest.approx(value)
    assert cka(turned(a), b[:, [2, 0, 1, 3]] - 1, debiased) == pytest.approx(value)
    assert cka(a[order], b[order], debiased) == pytest.approx(value)
    assert abs(cka(a[order], b, debiased) - value) > 0.01  # but with the pairing
    stretched = a * torch.tensor([9.0, 1, 1, 1, 1, 1])
    assert cka(stretched, a, debiased) < 0.95  # and not invariant to any linear map


def test_independent_features_are_aligned_by_the_biased_form_only():
    values = [[cka(torch.randn(30, 40), torch.randn(30, 40), debiased) for _ in range(20)] for debiased in (False, True)]
    biased, debiased = np.mean(values, axis=1)
    assert biased > 0.5
    assert abs(debiased) < 0.05


def test_cka_of_features_that_do_not_vary_is_nan():
    assert math.isnan(cka(torch.ones(5, 2), torch.randn(5, 2)))


@pytest.mark.parametrize(
    ("a", "b", "debiased", "message"),
    [
        (torch.zeros(3, 2), torch.zeros(4, 2), False, "of the same samples"),
        (torch.zeros(3), torch.zeros(3), False, "of the same samples"),
        (torch.zeros(1, 2), torch.zeros(1, 2), False, "1 samples are too few to align: give at least 2"),
        (torch.zeros(3, 2), torch.zeros(3, 2), True, "at least 4"),
        (torch.full((3, 2), math.nan), torch.zeros(3, 2), False, "NaN or infinite"),
        (torch.zeros(3, 2), torch.full((3, 2), math.inf), False, "NaN or infinite"),
    ],
)
def test_cka_rejects(a, b, debiased, message):
    with pytest.raises(ValueError, match=message):
        cka(a, b, debiased)


def test_silhouette_values():
    """0: a = 1, b = min((4 + 6) / 2, 9) = 5. 1: a = 1, b = 4. 4: a = 2, b = min(3.5, 5). 6: a = 2, b = 3. 9: alone."""
    assert separation_margin(LINE, CLASSES, [0], "euclidean").tolist() == pytest.approx([4 / 5, 3 / 4])
    assert separation_margin(LINE, CLASSES, [1], "euclidean").tolist() == pytest.approx([1.5 / 3.5, 1 / 3])
    assert separation_margin(LINE, CLASSES, [2], "euclidean").tolist() == [0]
    assert silhouette(LINE, CLASSES, 0, "euclidean") == pytest.approx(0.775)


def test_cosine_value():
    """Directions of 0, 60, 180 degrees, classes 0 0 1: a = 1/2; b = 2 and 3/2. Lengths do not count."""
    points = torch.tensor([[2.0, 0.0], [0.5, 0.75**0.5], [-3.0, 0.0]])
    assert separation_margin(points, torch.tensor([0, 0, 1]), [0]).tolist() == pytest.approx([3 / 4, 2 / 3])


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("forgotten", [[2], [0, 3]])
def test_margins_are_silhouette_samples(distance, forgotten):
    features, labels = clusters(spread=3.0)
    expected = silhouette_samples(features.double().numpy(), labels.numpy(), metric=distance)
    rows = np.isin(labels, forgotten)
    found = separation_margin(features, labels, forgotten, distance)
    assert found.numpy() == pytest.approx(expected[rows], abs=1e-6)
    for label in forgotten:
        assert silhouette(features, labels, label, distance) == pytest.approx(expected[labels == label].mean(), abs=1e-6)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_margins_do_not_change_with_rotation_scale_and_names(distance):
    features, labels = clusters(spread=3.0)
    margins = separation_margin(features, labels, [1], distance)
    assert torch.allclose(separation_margin(turned(features), labels, [1], distance), margins, atol=1e-6)
    assert torch.allclose(separation_margin(features, 50 - 3 * labels, [47], distance), margins)
    order = torch.randperm(len(labels))
    shuffled = separation_margin(features[order], labels[order], [1], distance)
    assert torch.allclose(shuffled.sort().values, margins.sort().values)
    assert not torch.allclose(separation_margin(features * torch.arange(1, 9), labels, [1], distance), margins, atol=0.01)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_a_scattered_class_has_a_low_silhouette(distance):
    features, labels = clusters(count=400, width=16)
    before = silhouette(features, labels, 2, distance)
    scattered = features.clone()
    members = labels == 2
    scattered[members] = features[labels != 2][: int(members.sum())] + 0.1  # each beside a sample of another class
    assert before > 0.5
    assert silhouette(scattered, labels, 2, distance) < 0
    assert silhouette(scattered, labels, 1, distance) < silhouette(features, labels, 1, distance)  # it has company


def test_equal_features_have_no_margin():
    """0 would be what many retrained models have."""
    labels = torch.tensor([0, 0, 1, 1])
    assert separation_margin(torch.ones(4, 2), labels, [0], "euclidean").isnan().all()
    assert separation_margin(torch.zeros(4, 2), labels, [0]).isnan().all()


def test_a_mask_on_the_head_changes_no_margin_and_noise_does():
    """What outputs cannot tell: the features of a masked model are the original's."""
    features, labels = clusters()
    head = nn.Linear(8, 4)
    with torch.no_grad():
        head.bias[2] = -math.inf
    assert (head(features).argmax(1) != 2).all()
    assert silhouette(features, labels, 2) - silhouette(features + 5 * torch.randn(60, 8), labels, 2) > 0.3


@pytest.mark.parametrize(
    ("features", "labels", "forgotten", "message"),
    [
        (torch.zeros(3), torch.zeros(3), [0], r"must be \(N, D\) and \(N,\)"),
        (torch.zeros(3, 2), torch.tensor([0, 1]), [0], r"must be \(N, D\) and \(N,\)"),
        (torch.zeros(3, 2), torch.tensor([0, 1, 1]), [2], "no features of class 2"),
        (torch.zeros(3, 2), torch.tensor([0, 1, 1]), [], "at least one class"),
        (torch.zeros(3, 2), torch.tensor([1, 1, 1]), [1], "of one class only"),
        (torch.full((3, 2), math.nan), torch.tensor([0, 1, 1]), [0], "NaN or infinite"),
    ],
)
def test_margins_reject(features, labels, forgotten, message):
    with pytest.raises(ValueError, match=message):
        separation_margin(features, labels, forgotten)


def test_unknown_distance():
    with pytest.raises(ValueError, match="'cosine' or 'euclidean', not 'manhattan'"):
        silhouette(LINE, CLASSES, 0, "manhattan")
