"""Metrics and attacks, transcribed in NumPy, with loops where these are clearest. Imports nothing of the package."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def softmax(logits: Floats) -> Floats:
    """Along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def total_variation(a: Floats, b: Floats) -> Floats:
    """Half the sum of absolute differences of probabilities (N, K), sample by sample."""
    return np.array([sum(abs(p - q) for p, q in zip(x, y, strict=True)) / 2 for x, y in zip(a, b, strict=True)])


def without(probabilities: Floats, forgotten: Sequence[int]) -> Floats:
    """Probabilities (N, K - |F|) given that the class is retained."""
    kept = np.delete(probabilities, list(forgotten), axis=1)
    return kept / kept.sum(1, keepdims=True)


def log_odds(probabilities: Floats, labels: Sequence[int]) -> Floats:
    """Of each sample, log p(y) - log(1 - p(y)) (Carlini et al.)."""
    p = probabilities[np.arange(len(labels)), list(labels)]
    return np.log(p) - np.log(1 - p)


def relative_likelihood(p: Floats, outside: Floats, inside: Floats | None, a: float) -> Floats:
    """Of each sample, p / P, P = (P_out + P_in) / 2, P_in = a P_out + 1 - a if not known (Zarifzadeh et al.)."""
    out = outside.mean(0)
    return p / ((out + (a * out + (1 - a) if inside is None else inside.mean(0))) / 2)


def dominated(x: Floats, z: Floats, gamma: float) -> Floats:
    """Share of the population with LR(x, z) >= gamma (Zarifzadeh et al.)."""
    return np.array([np.mean([one / other >= gamma for other in z]) for one in x])


def gaussian(models: Floats, sharing: str) -> tuple[Any, Any]:
    """Mean and standard deviation of statistics (T, N): of each example, with pooled variance, or of all as one."""
    if sharing == "class":
        return models.mean(), models.std()
    variance = models.var(0)
    return models.mean(0), np.sqrt(variance.mean() if sharing == "pooled" else variance)


def log_ratio(statistic: Floats, unlearned: Floats, retrained: Floats, sharing: str) -> Floats:
    """Of each example, log N(o; unlearned) - log N(o; retrained) (Hayes et al.)."""
    from scipy.stats import norm

    return norm.logpdf(statistic, *gaussian(unlearned, sharing)) - norm.logpdf(statistic, *gaussian(retrained, sharing))


def left_out(unlearned: Floats, retrained: Floats, sharing: str) -> tuple[Floats, Floats]:
    """Log ratios of each model, fitted without it and without the model in its place on the other side."""
    first = [
        log_ratio(model, np.delete(unlearned, n, 0), np.delete(retrained, n % len(retrained), 0), sharing)
        for n, model in enumerate(unlearned)
    ]
    second = [
        log_ratio(model, np.delete(unlearned, n % len(unlearned), 0), np.delete(retrained, n, 0), sharing)
        for n, model in enumerate(retrained)
    ]
    return np.array(first), np.array(second)


def balanced(positive: Floats, negative: Floats) -> float:
    """Balanced accuracy of the sign."""
    return float((np.mean(positive > 0) + np.mean(negative <= 0)) / 2)


def jackknife(figures: Sequence[float]) -> float:
    """Standard error from figures with one part left out each (Efron 1979)."""
    n = len(figures)
    return float(np.sqrt((n - 1) / n * np.sum((np.array(figures) - np.mean(figures)) ** 2)))


def centred_grams(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """H A A' H and H B B' H."""
    h = np.eye(len(a)) - 1 / len(a)
    return h @ a @ a.T @ h, h @ b @ b.T @ h


def kernel_cka(a: Floats, b: Floats) -> float:
    """Linear CKA from Gram matrices (Kornblith et al.)."""
    k, m = centred_grams(a, b)
    return float(np.sum(k * m) / np.sqrt(np.sum(k * k) * np.sum(m * m)))


def unbiased_hsic(k: Floats, m: Floats) -> float:
    """Of Gram matrices with their diagonals left out (Song et al. 2012)."""
    n, one = len(k), np.ones(len(k))
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    total = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    return float(total / (n * (n - 3)))


def unbiased_cka(a: Floats, b: Floats) -> float:
    """CKA of unbiased estimators."""
    k, m = a @ a.T, b @ b.T
    return unbiased_hsic(k, m) / np.sqrt(unbiased_hsic(k, k) * unbiased_hsic(m, m))
