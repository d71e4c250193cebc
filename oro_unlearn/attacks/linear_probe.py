"""Linear probe: can a forgotten class still be read from the features?"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from oro_unlearn.user_error import UserError


class LinearProbe(NamedTuple):
    """How well a new linear classifier recognises the forgotten classes from test features."""

    recall: float  # share of forgotten samples predicted as their own class among K; 1/K by chance
    balanced_accuracy: float  # of forgotten against retained; 0.5 by chance


def linear_probe(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    forgotten: Sequence[int],
    shots: int | None = None,
    seed: int = 0,
    draws: int = 5,
) -> LinearProbe:
    """Fit a new linear classifier to frozen features, and measure how well it recognises the forgotten classes.

    Linear probes are from Alain and Bengio, ICLR workshop 2017. The classifier is a logistic regression over all K classes.
    Features are standardised with the statistics of the training samples. It uses scikit-learn's L2 penalty (C = 1), and equal
    weight for every class, so that small classes count as much as large ones. The ideal is the retrained model's value, which
    is far above chance: features that separate the other classes also separate a new class.

    Args:
        train_features: (N, D) of training samples of all classes, including the forgotten classes.
        train_labels: (N,).
        test_features: (M, D) of test samples of all classes.
        test_labels: (M,).
        forgotten: Indices of the forgotten classes.
        shots: Number of training samples of each forgotten class that the attacker gets, besides all samples of the retained
            classes. None: all samples.
        seed: Seed of the draws. The same seed draws the same rows for every model.
        draws: Number of draws of ``shots`` samples to average over.

    Returns:
        Means over the draws. If all features are equal, all classes are tied, and the values are those of chance, 1/K and 0.5.

    Raises:
        UserError: If shapes do not fit, features are not finite, a forgotten class has no test samples or fewer training
            samples than ``shots``, or there is no retained class.
    """
    _check(train_features, train_labels, "training")
    _check(test_features, test_labels, "test")
    _check_classes(train_labels, test_labels, forgotten, shots)
    if shots is None:
        rows = [torch.arange(len(train_labels))]
    else:
        generator = torch.Generator().manual_seed(seed)
        rows = [_few(train_labels.cpu(), forgotten, shots, generator) for _ in range(draws)]
    x, y, unseen, truth = (values.cpu().numpy() for values in (train_features, train_labels, test_features, test_labels))
    found = [
        _verdict(_predictions(x[part.numpy()], y[part.numpy()], unseen), truth, list(forgotten))
        if np.ptp(x[part.numpy()], axis=0).any()
        else LinearProbe(1 / len(np.unique(y)), 0.5)
        for part in rows
    ]
    return LinearProbe(*(float(value) for value in np.mean(found, axis=0)))


def _few(labels: Tensor, forgotten: Sequence[int], shots: int, generator: torch.Generator) -> Tensor:
    """All rows of the retained classes, and ``shots`` random rows of each forgotten class."""
    retained = (~torch.isin(labels, torch.tensor(list(forgotten)))).nonzero()[:, 0]
    members = [(labels == label).nonzero()[:, 0] for label in forgotten]
    return torch.cat([retained, *(rows[torch.randperm(len(rows), generator=generator)[:shots]] for rows in members)])


def _predictions(features: Any, labels: Any, unseen: Any) -> Any:
    """Predictions of a probe. If 500 iterations do not suffice for convergence, the last one counts, without a warning."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    mean, spread = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    spread[np.ptp(features, axis=0) == 0] = 1  # constant features: their standard deviation may be a rounding error
    # one thread: at these sizes, threads mostly wait for each other
    with threadpool_limits(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(class_weight="balanced", max_iter=500).fit((features - mean) / spread, labels)
        return probe.predict((unseen - mean) / spread)


def _verdict(predicted: Any, labels: Any, forgotten: list[int]) -> LinearProbe:
    members, claimed = np.isin(labels, forgotten), np.isin(predicted, forgotten)
    right = (claimed[members].mean() + (~claimed[~members]).mean()) / 2
    return LinearProbe(float((predicted == labels)[members].mean()), float(right))


def _check(features: Tensor, labels: Tensor, name: str) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise UserError(f"{name} features {tuple(features.shape)} and labels {tuple(labels.shape)} must be (N, D) and (N,)")
    if not features.isfinite().all():
        raise UserError(f"{name} features have NaN or infinite values: the model diverged")


def _check_classes(train_labels: Tensor, test_labels: Tensor, forgotten: Sequence[int], shots: int | None) -> None:
    if shots is not None and shots < 1:
        raise UserError(f"shots must be at least 1, or None for all samples, not {shots}")
    if not len(forgotten):
        raise UserError("name at least one forgotten class to probe for")
    for label in forgotten:
        count = int((train_labels == label).sum())
        if count < (shots or 1):
            raise UserError(f"class {label} has {count} training samples to probe with, not {shots or 1}: lower shots")
        if not (test_labels == label).any():
            raise UserError(f"class {label} has no test samples to probe")
    for name, labels in (("training", train_labels), ("test", test_labels)):
        if set(labels.tolist()) <= set(forgotten):
            raise UserError(f"the {name} features are of forgotten classes only: give those of the retained ones as well")
