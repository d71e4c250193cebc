"""Losses and figures of forgetting people, transcribed from the papers; nothing of the product is imported."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor


def log_probabilities(logits: Tensor, labels: Tensor) -> list[Tensor]:
    """Log-probabilities of the tokens of each answer; a token is predicted from the one before it.

    Args:
        logits: (B, T, V).
        labels: (B, T) int64, -100 for a token that does not count.
    """
    found = []
    for row, tokens in zip(logits, labels, strict=True):
        places = [place for place in range(1, len(tokens)) if tokens[place] >= 0]
        found.append(torch.stack([row[place - 1][tokens[place]] - row[place - 1].exp().sum().log() for place in places]))
    return found


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the answers of the mean negative log-probability of a token."""
    return -torch.stack([found.mean() for found in log_probabilities(logits, labels)]).mean()


def divergence(before: Tensor, now: Tensor, labels: Tensor) -> Tensor:
    """Mean over the tokens of all answers of sum p_before log(p_before / p_now) (TOFU, 4.1)."""
    terms = []
    for old, new, tokens in zip(before, now, labels, strict=True):
        for place in range(1, len(tokens)):
            if tokens[place] >= 0:
                p, q = old[place - 1].softmax(0), new[place - 1].softmax(0)
                terms.append((p * (p / q).log()).sum())
    return torch.stack(terms).mean()


def preference(before: Tensor, now: Tensor, labels: Tensor, beta: float) -> Tensor:
    """2 / beta mean log(1 + (p_now / p_before)^beta), with p the probability of a whole answer (Zhang et al., eq. 3)."""
    pairs = zip(log_probabilities(now, labels), log_probabilities(before, labels), strict=True)
    return torch.stack([2 / beta * (1 + (new.sum() - old.sum()).exp() ** beta).log() for new, old in pairs]).mean()


def pruning_scores(forget: Tensor, retain: Tensor) -> Tensor:
    """Scores (W,) of neurons: importance to forget over importance to retain, minus 1, summed over four forms (MANU, 3.2).

    Args:
        forget: Activations (N, W).
        retain: Activations (M, W).
    """
    total = torch.zeros(forget.shape[1], dtype=forget.dtype)
    for form in (
        lambda a: a.abs().mean(0),
        lambda a: (a.abs() > 0.1).to(a).mean(0),
        lambda a: a.std(0, correction=0),
        lambda a: a.square().mean(0).sqrt(),
    ):
        total += form(forget) / (form(retain) + 1e-5) - 1
    return total


def truth_ratio(right: float, wrong: Sequence[float]) -> float:
    """Mean probability of false answers over that of the right one, each to the power 1 / tokens (TOFU, 2.2.2)."""
    return sum(wrong) / len(wrong) / right


def words(text: str) -> list[str]:
    """Words of a text in small letters."""
    return re.findall(r"\w+", text.lower())
