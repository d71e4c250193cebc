"""RMIA: relative to reference models, is a sample more likely under the model than samples of the population?"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

LEAST = 1e-30  # smallest P(x), for samples to which the references give no probability


class RMIA(NamedTuple):
    """Results of RMIA. Larger scores and likelihoods both mean member."""

    scores: Tensor  # (N,) in [0, 1]: share of the population that the sample dominates
    likelihoods: Tensor  # (N,) p(x) / P(x): the scores before they are ranked, without ties
    unscored: int  # number of samples whose score is NaN


def rmia(
    target: Tensor,
    references_out: Tensor,
    population: Tensor,
    population_references: Tensor,
    references_in: Tensor | None = None,
    gamma: float = 1.0,
    offset: float = 0.3,
    out: Tensor | None = None,
) -> RMIA:
    """Robust membership inference (Zarifzadeh et al., ICML 2024), from probabilities of each sample's own label.

    The relative likelihood of a sample is P_x = p(x) / P(x). P(x) is (P_out + P_in) / 2, the mean probabilities under reference
    models trained without the sample and with it. With ``references_out`` alone, P_in is estimated as offset * P_out + 1 -
    offset. The score is the share of population samples z with P_x >= gamma * P_z. It is found by sorting, without a matrix of
    samples and population. Read the AUC of the scores of members against the other samples (:func:`auc`) beside the AUC of the
    retrained models (:func:`reading`): a value below theirs is as much of a leak as a value above. For forgotten samples, the
    references are other models retrained without them.

    Args:
        target: (N,) probabilities under the attacked model.
        references_out: (M, N) under reference models trained without the samples.
        population: (Z,) probabilities under the attacked model of at least some thousands of samples that are in no training
            set and are not attacked.
        population_references: (M, Z) probabilities of the population under the reference models, which are all trained without
            it.
        references_in: (M', N) probabilities under reference models trained with the samples. With them the attack is the online
            attack.
        gamma: At least 1. Above 1 there are more ties, which weaken the attack.
        offset: In [0, 1], called a by the authors.
        out: (M, N) True if a reference model was trained without the sample; by default everywhere. Entries with False are left
            out.

    Returns:
        Scores, relative likelihoods, and the number of NaNs in them. A sample's result is NaN if its probability is NaN or it
        has no reference. A reference with NaN for a sample is no reference for it. Population samples with NaN are left out.

    Raises:
        ValueError: If shapes do not fit, a value is outside [0, 1], gamma below 1, or no population sample is usable.

    Example:
        >>> import torch
        >>> population, references = torch.tensor([.6, .9, .5]), torch.tensor([[.6, .3, .9]])
        >>> result = rmia(torch.tensor([.8]), torch.tensor([[.5]]), population, references)
        >>> round(float(result.likelihoods), 6), round(float(result.scores), 6)
        (1.185185, 0.666667)
    """
    if not (gamma >= 1 and 0 <= offset <= 1):
        raise ValueError(f"gamma must be at least 1 and offset in [0, 1]: gamma {gamma}, offset {offset}")
    if out is not None and (out.shape != references_out.shape or out.dtype != torch.bool):
        raise ValueError(f"out {tuple(out.shape)} must be bool, in the shape of references_out, {tuple(references_out.shape)}")
    known_out = references_out if out is None else references_out.masked_fill(~out, torch.nan)
    own, outside = _probabilities("target", target, 1), _mean("references_out", known_out, target)
    mates = _probabilities("population", population, 1)
    others = _mean("population_references", population_references, population)
    inside = None if references_in is None else _mean("references_in", references_in, target)
    likelihoods, relative = own / _normaliser(outside, inside, offset), mates / _normaliser(others, None, offset)
    relative = relative[~relative.isnan()]
    if not len(relative):
        raise ValueError("no population sample has a probability under the target and a reference model")
    lost = likelihoods.isnan()
    ranks = _ranks(likelihoods.nan_to_num(0.0), gamma * relative)
    return RMIA((ranks.double() / len(relative)).masked_fill(lost, torch.nan), likelihoods, int(lost.sum()))


def _ranks(values: Tensor, among: Tensor) -> Tensor:
    """For each value (N,), how many of ``among`` (Z,) are at most the value. Sorting makes the search several times faster."""
    wanted, others = values.cpu().numpy(), np.sort(among.cpu().numpy())
    order, ranks = np.argsort(wanted), np.empty(len(wanted), dtype=np.int64)
    ranks[order] = np.searchsorted(others, wanted[order], side="right")
    return torch.from_numpy(ranks).to(values.device)


def _normaliser(outside: Tensor, inside: Tensor | None, offset: float) -> Tensor:
    """P(x), from the means over reference models trained without the samples and with them."""
    return ((outside + (offset * outside + 1 - offset if inside is None else inside)) / 2).clamp(min=LEAST)


def _mean(name: str, references: Tensor, of: Tensor) -> Tensor:
    """Mean (N,) over the entries of each column of (M, N) that are not NaN; NaN if there is none."""
    values = _probabilities(name, references, 2)
    if values.shape[1:] != of.shape:
        raise ValueError(f"{name} {tuple(values.shape)} must be (models, {len(of)})")
    return values.nanmean(0)


def _probabilities(name: str, values: Tensor, dimensions: int) -> Tensor:
    values = values.detach().double()
    if values.ndim != dimensions or ((values < 0) | (values > 1)).any():
        raise ValueError(f"{name} {tuple(values.shape)} must be probabilities in [0, 1] with {dimensions} dimension(s)")
    return values
