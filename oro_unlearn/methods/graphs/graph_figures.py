"""Figures of the scores of nodes, edges or graphs."""

import math

from torch import Tensor

from oro_unlearn.metrics.chance import share_limits

ERROR = 0.025  # how often each limit may be wrong: both together are a 95 % interval


def best_of(scores: Tensor, labels: Tensor) -> float:
    """The figure that chooses an epoch: accuracy of scores (M, K), or the area under the ROC curve of scores (M,)."""
    found = figures_of(scores, labels)
    return found["auc" if scores.ndim == 1 else "accuracy"]


def figures_of(scores: Tensor, labels: Tensor) -> dict[str, float]:
    """``auc`` and ``ap`` of edges, ``accuracy`` of classes with the ends of its exact 95 % interval, and ``samples``.

    Edges that all exist have no ``auc`` and no ``ap``; both are NaN if a score of an edge is.

    Args:
        scores: Logits (M, K) of classes, or (M,) of edges.
        labels: (M,) int64.

    Example:
        >>> import torch
        >>> figures_of(torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0]))["accuracy"]
        0.5
    """
    count = len(labels)
    if scores.ndim == 1 and labels.unique().numel() < 2:
        return {"samples": float(count)}  # of the training split, which has only edges that exist
    if scores.ndim == 1:
        from torchmetrics.functional.classification import binary_auroc, binary_average_precision

        if scores.isnan().any():  # nothing is ranked; torchmetrics would give 1
            return {"auc": math.nan, "ap": math.nan, "samples": float(count)}
        ranked = scores.sigmoid().double()
        return {
            "auc": float(binary_auroc(ranked, labels)),
            "ap": float(binary_average_precision(ranked, labels)),
            "samples": float(count),
        }
    hits = int((scores.argmax(1) == labels).sum())
    low, high = share_limits(hits, count, ERROR)
    return {"accuracy": hits / max(1, count), "low": low, "high": high, "samples": float(count)}
