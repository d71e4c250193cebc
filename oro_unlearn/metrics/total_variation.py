"""Total variation between the outputs of two models, sample by sample."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def total_variation(
    logits_a: Tensor, logits_b: Tensor, forget_classes: Sequence[int] = (), conditional: bool = False
) -> Tensor:
    """1/2 sum_k |p_a(k|x) - p_b(k|x)| of each sample; in [0, 1], symmetric.

    Args:
        logits_a: (N, K) logits or log-probabilities.
        logits_b: (N, K) of the same samples, or (N, K - |F|) from a head without the forgotten classes.
        forget_classes: Indices of the forgotten classes. Needed for ``conditional`` and for a head without these classes.
        conditional: Compare the distributions over the retained classes, by a softmax over the logits of these classes only.
            This is defined even if the forgotten classes have all the probability.

    Returns:
        (N,) in float64; its mean is the UTV.

    Raises:
        ValueError: If shapes do not fit; if a forgotten class does not exist; if a row gives no distribution; or if fewer than
            two classes are retained for a conditional distribution.

    Example:
        >>> import torch
        >>> a, b = torch.tensor([[.5, .4, .1], [.1, .6, .3]]), torch.tensor([[.7, .2, .1], [.1, .9, 0.]])
        >>> [round(value, 6) for value in total_variation(a.log(), b.log()).tolist()]
        [0.2, 0.3]
        >>> [round(value, 6) for value in total_variation(a.log(), b.log(), forget_classes=[2], conditional=True).tolist()]
        [0.222222, 0.042857]
    """
    retained = _retained(forget_classes, logits_a.shape[-1])
    if logits_b.shape == (len(logits_a), int(retained.sum())):
        logits_b = _with_forgotten(logits_b, retained)
    if logits_a.shape != logits_b.shape or logits_a.ndim != 2:
        raise ValueError(f"outputs must both be (N, K), of the same samples: {tuple(logits_a.shape)}, {tuple(logits_b.shape)}")
    kept = retained if conditional else torch.ones_like(retained)
    if conditional and not 2 <= int(kept.sum()) < len(kept):
        raise ValueError(f"conditional needs forget_classes, and two others: {int(kept.sum())} of {len(kept)} are retained")
    a, b = (logits.detach().double()[:, kept.to(logits.device)].softmax(1) for logits in (logits_a, logits_b))
    if a.isnan().any() or b.isnan().any():
        raise ValueError("a row has NaN, an infinite logit, or no probability on the retained classes")
    return (a - b).abs().sum(1) / 2


def _retained(forget_classes: Sequence[int], num_classes: int) -> Tensor:
    if any(not 0 <= label < num_classes for label in forget_classes):
        raise ValueError(f"forget_classes {list(forget_classes)} must lie in 0 to {num_classes - 1}")
    retained = torch.ones(num_classes, dtype=torch.bool)
    retained[list(forget_classes)] = False
    return retained


def _with_forgotten(logits: Tensor, retained: Tensor) -> Tensor:
    """Extend the logits of a head without the forgotten classes by -inf for these classes."""
    full = logits.new_full((len(logits), len(retained)), -math.inf)
    full[:, retained.to(logits.device)] = logits
    return full
