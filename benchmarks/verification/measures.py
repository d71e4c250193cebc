"""Compares metrics of the package with transcribed equations, scikit-learn, SciPy and torchmetrics, on random inputs."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.verification import metrics as transcribed
from benchmarks.verification.metrics import Floats
from benchmarks.verification.rows import Row, apart, figures_apart
from oro_unlearn import metrics

FORGOTTEN = [1, 3]


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers, float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_number(values: Any) -> dict[str, float]:
    """Values of a vector by their place."""
    return {str(number): float(value) for number, value in enumerate(np.asarray(values).ravel())}


def ranking() -> list[Row]:
    """Areas and rates, ties among the scores included."""
    from sklearn.metrics import roc_auc_score, roc_curve

    positive, negative = (draw(60, seed=1) + 0.7).round(decimals=1), draw(90, seed=2).round(decimals=1)
    labels, scores = np.repeat([1, 0], [60, 90]), torch.cat([positive, negative]).numpy()
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    rates = (0.02, 0.1, 0.5)
    found = {str(rate): metrics.tpr_at_fpr(positive, negative, rate) for rate in rates}
    expected = {str(rate): float(true[false <= rate].max()) for rate in rates}
    several = torch.rand(3, 40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    mean = np.mean([roc_auc_score(np.repeat([1, 0], 40), np.concatenate([several[0], other])) for other in several[1:]])
    return [
        Row(
            "auc",
            "auc",
            "sklearn.metrics.roc_auc_score",
            "area, with ties",
            figures_apart({"auc": metrics.auc(positive, negative)}, {"auc": roc_auc_score(labels, scores)}),
        ),
        Row(
            "tpr_at_fpr",
            "tpr_at_fpr",
            "sklearn.metrics.roc_curve",
            "rates at three limits, with ties",
            figures_apart(found, expected),
        ),
        Row(
            "nn_auc_vs_retrain",
            "nn_auc_vs_retrain",
            "sklearn.metrics.roc_auc_score",
            "mean area against two retrained models",
            figures_apart({"auc": metrics.nn_auc_vs_retrain(several[0], several[1:])}, {"auc": mean}),
        ),
    ]


def accuracy() -> Row:
    """From one confusion matrix."""
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_confusion_matrix

    logits, labels = draw(200, 5), torch.randint(5, (200,), generator=torch.Generator().manual_seed(4))
    metric = metrics.ForgetRetainAccuracy(5, FORGOTTEN)
    for part in range(0, 200, 60):
        metric.update(logits[part : part + 60], labels[part : part + 60])
    gone = torch.isin(labels, torch.tensor(FORGOTTEN))
    expected = {
        name: float(multiclass_accuracy(logits[rows], labels[rows], 5, average="micro"))
        for name, rows in (("acc_f", gone), ("acc_r", ~gone))
    }
    found: Mapping[str, float] = {name: float(value) for name, value in metric.compute().items()}
    matrix = multiclass_confusion_matrix(logits, labels, 5)
    classes = multiclass_accuracy(logits, labels, 5, average="none")
    return Row(
        "ForgetRetainAccuracy",
        "ForgetRetainAccuracy",
        "torchmetrics: multiclass_accuracy, multiclass_confusion_matrix",
        "ACC_f, ACC_r, accuracy of each class, confusion matrix",
        max(
            figures_apart(found, expected),
            figures_apart(by_number(metric.per_class()), by_number(classes)),
            figures_apart(by_number(metric.confusion_matrix()), by_number(matrix)),
        ),
    )


def variation() -> list[Row]:
    """Of logits, of the retained classes alone, and in parts."""
    a, b = 2 * draw(30, 5, seed=5), 2 * draw(30, 5, seed=6)
    p, q = transcribed.softmax(a.numpy()), transcribed.softmax(b.numpy())
    conditional = transcribed.total_variation(transcribed.without(p, FORGOTTEN), transcribed.without(q, FORGOTTEN))
    metric = metrics.UnlearningTotalVariation()
    for rows in (slice(0, 20), slice(20, 30)):
        metric.update(a[rows].softmax(1), b[rows].softmax(1))
    paper = "RWFT (arXiv 2506.20893), section 5.3"
    whole = transcribed.total_variation(p, q)
    found = [metrics.total_variation(a, b), metrics.total_variation(a, b, FORGOTTEN, conditional=True)]
    return [
        Row(
            "total_variation",
            "total_variation",
            paper,
            "of each sample; over all, and over the retained classes",
            figures_apart(by_number(torch.cat(found)), by_number(np.concatenate([whole, conditional]))),
        ),
        Row(
            "UnlearningTotalVariation",
            "UnlearningTotalVariation",
            paper,
            "mean over two batches",
            figures_apart({"utv": float(metric.compute())}, {"utv": whole.mean()}),
        ),
    ]


def counting() -> list[Row]:
    """Tests on counts: yes or no, for all counts."""
    from scipy.stats import binom, hypergeom

    hits = [(n, trials, chance) for trials in (0, 3, 8, 20) for chance in (0.1, 0.3) for n in range(trials + 1)]
    wrong = sum(
        metrics.above_chance(*case) != bool(case[1] and binom.sf(case[0] - 1, case[1], case[2]) < 0.05) for case in hits
    )
    pairs = [
        (before, after, trials) for trials in (1, 6, 12) for before, after in itertools.product(range(trials + 1), repeat=2)
    ]
    others = sum(metrics.fewer(b, a, n) != bool(hypergeom.sf(b - 1, 2 * n, a + b, n) < 0.05) for b, a, n in pairs)
    return [
        Row("above_chance", "above_chance", "tail of scipy.stats.binom", f"answers to {len(hits)} counts that differ", wrong),
        Row("fewer", "fewer", "tail of scipy.stats.hypergeom", f"answers to {len(pairs)} pairs of counts that differ", others),
    ]


def reading() -> list[Row]:
    """Beside retrained models' figures."""
    values = np.array([0.31, 0.34, 0.29, 0.36])
    read = metrics.reading(0.25, values.tolist())
    mean = values.mean()
    probabilities = draw(6, seed=9).softmax(0)
    kept = {label: float(probabilities[label]) for label in range(6) if label not in FORGOTTEN}
    nearest = {"class": metrics.nearest_class(probabilities, FORGOTTEN)}
    return [
        Row(
            "reading",
            "reading",
            "its definition, in NumPy",
            "ideal and gap",
            figures_apart({"ideal": read.ideal, "gap": read.gap}, {"ideal": mean, "gap": abs(0.25 - mean)}),
        ),
        Row(
            "nearest_class",
            "nearest_class",
            "its definition, in Python",
            "index",
            figures_apart(nearest, {"class": max(kept, key=kept.__getitem__)}),
        ),
    ]


def leaving_out() -> Row:
    """Pairwise distances of five models: each against the pairs of the others, pair by pair."""
    count = 5
    pairs = draw(count, count, seed=12).abs().numpy()
    pairs = pairs + pairs.T
    own = [np.mean([pairs[i, j] for j in range(count) if j != i]) for i in range(count)]
    ideals = [np.mean([pairs[i, j] for i in range(count) for j in range(i) if out not in (i, j)]) for out in range(count)]
    found = metrics.left_out_distances(torch.tensor(own), pairwise=True)
    return Row(
        "left_out_distances",
        "left_out_distances",
        "its definition, in NumPy",
        "five models, pairwise",
        apart(found, torch.tensor(np.array(own) - np.array(ideals))),
    )


def ties() -> list[Row]:
    """Ranks over every order of the ties."""
    from scipy.stats import rankdata

    own, rivals = torch.tensor([0.5, 0.9, 0.1]), torch.tensor([[0.9, 0.5, 0.5, 0.1]]).expand(3, 4)
    joined = [np.array([float(value), *rivals[0].tolist()]) for value in own]
    ranks = torch.tensor([rankdata(-scores, method="average")[0] - 1 for scores in joined])
    beaten = torch.tensor([[(a > b) + 0.5 * (a == b) for b in rivals[0].tolist()] for a in own.tolist()])
    return [
        Row(
            "tied_ranks",
            "tied_ranks",
            "scipy.stats.rankdata (average)",
            "expected ranks",
            apart(metrics.tied_ranks(own, rivals).expected, ranks),
        ),
        Row("wins", "wins", "its definition, in Python", "scores", apart(metrics.wins(own, rivals), beaten)),
    ]


def drift() -> Row:
    """Over two batches."""
    base, edited = (draw(50, seed=seed).tanh() for seed in (10, 11))
    metric = metrics.CosineDrift()
    for rows in (slice(0, 30), slice(30, 50)):
        metric.update(base[rows], edited[rows])
    x, y = base.numpy(), edited.numpy()
    expected = {"base": x.mean(), "edited": y.mean(), "drift": x.mean() - y.mean(), "absolute_drift": np.abs(x - y).mean()}
    return Row(
        "CosineDrift",
        "CosineDrift",
        "Relationship-aware unlearning (arXiv 2603.14185), section 4",
        "means over two batches",
        figures_apart({name: float(value) for name, value in metric.compute().items()}, expected),
    )


def rows() -> list[Row]:
    """All of them."""
    return [*ranking(), accuracy(), *variation(), *counting(), *reading(), leaving_out(), *ties(), drift()]


__all__ = ["FORGOTTEN", "Floats", "by_number", "draw", "rows"]
