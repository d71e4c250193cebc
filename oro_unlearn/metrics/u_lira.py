"""U-LIRA: can an unlearned model be distinguished from a retrained model, for single examples?"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.metrics.ranking import auc, tpr_at_fpr

FEW = 16  # with fewer models on a side, "auto" pools the variance


class ULira(NamedTuple):
    """Results of the attack. The ideal accuracy and AUC are 0.5, their value between two groups of retrained models."""

    accuracy: float  # share of right decisions; unlearned and retrained targets each have weight 1/2
    auc: float  # of the log ratios, unlearned against retrained
    tpr: dict[float, float]  # true positive rate at each false positive rate; NaN with too few ratios
    standard_error: float  # of the accuracy, over models; NaN with too few
    auc_standard_error: float
    log_ratios: Tensor  # (M, N): first the unlearned, then the retrained targets; sigmoid gives p(unlearned)
    dropped: int  # number of values that were not finite


def logit_margin(logits: Tensor, labels: Tensor, excluding: Sequence[int] = ()) -> Tensor:
    """The statistic of U-LIRA: log p(y|x) - log(1 - p(y|x)), in float64.

    It is computed as z_y minus the logsumexp of the other logits. A softmax in float32 would lose every margin above about 17.

    Args:
        logits: (N, K).
        labels: (N,) the class y of each sample: its own label, or its nearest retained class.
        excluding: Classes to leave out, as if they did not exist. For the conditional statistic these are the forgotten
            classes.

    Returns:
        (N,) in float64. NaN if logits are NaN; -inf if the logit of the class is -inf (the head lacks the class).

    Raises:
        ValueError: If shapes do not fit, a label is out of range or excluded, or fewer than two classes remain.

    Example:
        >>> import torch
        >>> margins = logit_margin(torch.tensor([[1., 2., -3.], [-1., 1., 0.]]), torch.tensor([1, 2]))
        >>> [round(float(margin), 6) for margin in margins]
        [0.98185, -1.126928]
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} must be (N, K) and (N,)")
    allowed = torch.ones(logits.shape[1], dtype=torch.bool, device=logits.device)
    allowed[list(excluding)] = False
    if allowed.sum() < 2:
        raise ValueError(f"a margin needs two classes: {int(allowed.sum())} of {len(allowed)} remain")
    if len(labels) and not (0 <= int(labels.min()) <= int(labels.max()) < len(allowed) and allowed[labels].all()):
        raise ValueError(f"labels must lie in 0 to {len(allowed) - 1} without the excluded {sorted(excluding)}")
    logits = logits.detach().double()
    others = logits.masked_fill(~allowed, -math.inf).scatter(1, labels[:, None], -math.inf)
    return logits.gather(1, labels[:, None]).squeeze(1) - others.logsumexp(1)


def u_lira(
    unlearned: Tensor,
    retrained: Tensor,
    target_unlearned: Tensor | None = None,
    target_retrained: Tensor | None = None,
    protocol: Literal["example", "class"] = "example",
    variance: Literal["auto", "pooled", "example"] = "auto",
    fpr: Sequence[float] = (0.1, 0.01, 0.001),
    ddof: int = 0,
) -> ULira:
    """Fit a Gaussian to unlearned and one to retrained shadow models, and classify held-out models of both kinds.

    The attack is from Hayes et al. (2024), with the statistics of Carlini et al. (IEEE S&P 2022). The log ratio of an example
    under a target model is log N(o; unlearned) - log N(o; retrained). A positive ratio means unlearned; 0 counts one half.
    Without targets, each model is the target once, and the Gaussians are fitted to the other models. The model at the same
    position on the other side is then left out too, since it may share its data. So both Gaussians are fitted to equally many
    models: otherwise the accuracy between equal groups would be below 0.5.

    Args:
        unlearned: (T_u, N) statistic, such as :func:`logit_margin`, of N examples under T_u unlearned shadow models.
        retrained: (T_r, N) of the same examples under retrained shadow models, as many if possible.
        target_unlearned: (M_u, N) under other unlearned models, which are attacked.
        target_retrained: (M_r, N) under other retrained models. Without these the accuracy would be a hit rate alone.
        protocol: ``example``: a Gaussian on each side for each example. ``class``: one Gaussian on each side for all examples
            together, as in Fan et al. (2024) with three shadow models; this is much weaker.
        variance: The variance in the ``example`` protocol. ``example``: the variance of each example. ``pooled``: the mean of
            these variances on each side, which is far stronger with few models. ``auto``: ``pooled`` with fewer than 16 models
            on a side, else ``example``.
        fpr: False positive rates at which to compute the true positive rate.
        ddof: With 0, variances are divided by the number n of values; with 1, by n - 1.

    Returns:
        The figures. Values that are not finite are left out and counted. A ratio is NaN if too few values of its example are
        left. The standard errors come from the jackknife over models: the attack is repeated without each pair of models, and
        without each pair of targets. They are NaN if too few models are left, and tend to be too large rather than too small.

    Raises:
        ValueError: If shapes do not fit, one kind of target is given without the other, there are fewer than two models on a
            side (three without targets in the ``example`` protocol), or nothing can be compared.

    Example:
        >>> import torch
        >>> sides = torch.tensor([[-2.], [0.]]), torch.tensor([[2.], [4.]])
        >>> result = u_lira(*sides, torch.tensor([[0.]]), torch.tensor([[2.]]))
        >>> [round(float(ratio), 6) for ratio in result.log_ratios], result.accuracy
        ([4.0, -4.0], 1.0)
    """
    if protocol not in ("example", "class") or variance not in ("auto", "pooled", "example"):
        raise ValueError(f"protocol {protocol!r} must be example or class, variance {variance!r} auto, pooled or example")
    targets = _targets(unlearned, retrained, target_unlearned, target_retrained, least=2 if protocol == "class" else 3)
    if variance == "auto":
        variance = "pooled" if min(len(unlearned), len(retrained)) < FEW else "example"
    sides = [values.detach().double() for values in (unlearned, retrained)]
    options = _Options("class" if protocol == "class" else variance, ddof, *_level(torch.cat(sides)))
    first, second = _ratios(sides, targets, options)
    positive, negative = first[~first.isnan()], second[~second.isnan()]
    if not len(positive) or not len(negative):
        raise ValueError("no example has enough finite values: where a head lacks the class, use logit_margin(excluding=...)")
    errors = _jackknife(sides, targets, options)
    return ULira(
        *_figures(first, second),
        {rate: tpr_at_fpr(positive, negative, rate) for rate in fpr},
        *errors,
        torch.cat([first, second]),
        sum(int((~values.isfinite()).sum()) for values in (*sides, *targets)),
    )


class _Options(NamedTuple):
    """How the Gaussians are fitted."""

    sharing: str  # source of a variance: "example", "pooled" (mean over examples) or "class" (all values together)
    ddof: int
    centre: float  # subtracted from all values, so that their squares stay small
    least: float  # smallest standard deviation: with exactly equal models it would be 0, and ratios infinite


def _level(values: Tensor) -> tuple[float, float]:
    """Centre of all values, and smallest allowed standard deviation."""
    finite = values[values.isfinite()]
    return (float(finite.mean()), max(1e-6 * float(finite.max() - finite.min()), 1e-12)) if len(finite) else (0.0, 1.0)


def _figures(unlearned: Tensor, retrained: Tensor) -> tuple[float, float]:
    """Accuracy and AUC of log ratios (M_u, N) and (M_r, N)."""
    positive, negative = unlearned[~unlearned.isnan()], retrained[~retrained.isnan()]
    hits, misses = (float(((ratios > 0) + 0.5 * (ratios == 0)).mean()) for ratios in (positive, negative))
    return (hits + 1 - misses) / 2, auc(positive, negative)


def _jackknife(sides: Sequence[Tensor], targets: Sequence[Tensor], options: _Options) -> tuple[float, float]:
    """Standard errors of accuracy and AUC over models."""
    rounds = max(len(side) for side in sides)
    repeated = [_figures(*_ratios([_without(side, row) for side in sides], targets, options)) for row in range(rounds)]
    variance = _spread(repeated)
    if targets:
        first, second = _ratios(sides, targets, options)
        rounds = max(len(first), len(second)) if min(len(first), len(second)) > 1 else 0
        variance += _spread([_figures(_without(first, row), _without(second, row)) for row in range(rounds)])
    accuracy, area = variance.sqrt().tolist()
    return accuracy, area


def _without(values: Tensor, row: int) -> Tensor:
    row %= len(values)
    return torch.cat([values[:row], values[row + 1 :]])


def _spread(repeated: Sequence[tuple[float, float]]) -> Tensor:
    """Jackknife variances (2,) of figures that were computed again with one model less."""
    figures = torch.tensor(repeated, dtype=torch.float64).view(-1, 2)
    return ((figures - figures.mean(0)) ** 2).mean(0) * (len(figures) - 1)


def _ratios(sides: Sequence[Tensor], targets: Sequence[Tensor], options: _Options) -> tuple[Tensor, Tensor]:
    """Log ratios of unlearned and of retrained targets. Without targets, of the shadow models, by leave-one-out."""
    sides = [(side - options.centre).where(side.isfinite(), math.nan) for side in sides]
    # counts, sums and sums of squares for each model; those of several models, or of all but one, are sums and differences
    moments = [torch.stack([(~side.isnan()).double(), side.nan_to_num(0.0), side.nan_to_num(0.0) ** 2]) for side in sides]
    totals = [moment.sum(1, keepdim=True) for moment in moments]
    if targets:
        first, second = (target.detach().double() - options.centre for target in targets)
        return _log_ratios(first, totals[0], totals[1], options), _log_ratios(second, totals[0], totals[1], options)
    others = [total - moment for total, moment in zip(totals, moments, strict=True)]
    partners = [torch.arange(len(sides[own])) % len(sides[1 - own]) for own in (0, 1)]
    return (
        _log_ratios(sides[0], others[0], others[1][:, partners[0]], options),
        _log_ratios(sides[1], others[0][:, partners[1]], others[1], options),
    )


def _log_ratios(targets: Tensor, unlearned: Tensor, retrained: Tensor, options: _Options) -> Tensor:
    """Log ratios (M, N) of targets (M, N), given the moments (3, M or 1, N) of the models that they are compared with."""
    (mean_u, deviation_u), (mean_r, deviation_r) = (_gaussian(side, options) for side in (unlearned, retrained))
    standard_u, standard_r = (targets - mean_u) / deviation_u, (targets - mean_r) / deviation_r
    ratios = (standard_r**2 - standard_u**2) / 2 + deviation_r.log() - deviation_u.log()
    return ratios.where(targets.isfinite(), math.nan)


def _gaussian(moments: Tensor, options: _Options) -> tuple[Tensor, Tensor]:
    """Means and standard deviations (M, N) or (M, 1); NaN where there are fewer than two values."""
    count, total, square = moments.sum(2, keepdim=True) if options.sharing == "class" else moments
    usable, mean = count >= 2, total / count
    squares, freedom = (square - count * mean**2).clamp(min=0), count - options.ddof
    if options.sharing == "pooled":
        squares, freedom = (values.where(usable, 0.0).sum(1, keepdim=True) for values in (squares, freedom))
    return mean.where(usable, math.nan), (squares / freedom).sqrt().clamp(min=options.least)


def _targets(
    unlearned: Tensor, retrained: Tensor, target_unlearned: Tensor | None, target_retrained: Tensor | None, least: int
) -> tuple[Tensor, ...]:
    """Check the shapes and return the targets: both kinds or none. Without targets each side needs ``least`` models."""
    if (target_unlearned is None) != (target_retrained is None):
        raise ValueError("give unlearned and retrained targets, or neither: of one kind alone, a constant answer is right")
    targets = () if target_unlearned is None or target_retrained is None else (target_unlearned, target_retrained)
    shapes = [tuple(values.shape) for values in (unlearned, retrained, *targets)]
    if any(len(shape) != 2 or shape[1] != shapes[0][1] or not all(shape) for shape in shapes):
        raise ValueError(f"each statistic must be (models, examples), of the same examples, not {shapes}")
    least = 2 if targets else least
    if min(len(unlearned), len(retrained)) < least:
        raise ValueError(f"{len(unlearned)} unlearned and {len(retrained)} retrained models: U-LIRA needs {least} of each here")
    return targets
