"""Losses on pairs of pictures and captions, transcribed in plain PyTorch. Imports nothing of the package.

Features are unit vectors: v for pictures, t for captions. Features of the reference have ``old`` in their names.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def mean_cosine(v: Tensor, t: Tensor) -> Tensor:
    """Of all pictures with all captions (L3, and Ladv with reworded captions)."""
    return torch.stack([torch.stack([(a * b).sum() for b in t]) for a in v]).mean()


def pulled(v: Tensor, t: Tensor) -> Tensor:
    """1 - cos of each pair, the mean (L1, L2, L4)."""
    return torch.stack([1 - (a * b).sum() for a, b in zip(v, t, strict=True)]).mean()


def held(v: Tensor, t: Tensor, old_v: Tensor, old_t: Tensor) -> Tensor:
    """(cos - cos_old)^2 of each pair, the mean: what is to be kept moves in no direction."""
    pairs = zip(v, t, old_v, old_t, strict=True)
    return torch.stack([((a * b).sum() - (c * d).sum()) ** 2 for a, b, c, d in pairs]).mean()


def unmoved(now: Sequence[Tensor], before: Sequence[Tensor]) -> Tensor:
    """1 - cos(e, e_old) of every picture and caption to keep, the mean (Lc)."""
    return torch.cat([1 - (a * b).sum(1) for a, b in zip(now, before, strict=True)]).mean()


def ranking(v: Tensor, t: Tensor, old_v: Tensor, old_t: Tensor, scale: float) -> Tensor:
    """KL of each picture's softmax over captions from the reference's, the mean over pictures."""
    p, q = (scale * v @ t.T).softmax(1), (scale * old_v @ old_t.T).softmax(1)
    return (q * (q / p).log()).sum(1).mean()


def huber(x: Tensor, delta: float) -> Tensor:
    """x^2 / (2 delta) near 0, |x| - delta / 2 beyond (Huber 1964, over delta), the mean."""
    return torch.where(x.abs() <= delta, x**2 / (2 * delta), x.abs() - delta / 2).mean()


def pushed(form: str, cosine: Tensor, others: Tensor, scale: float, tau: float, margin: float) -> Tensor:
    """Bounded forms of a push.

    Args:
        form: Its name.
        cosine: (B, N) of pictures and unsafe captions.
        others: (B, 1) of the same pictures with a caption of another group, under the reference.
        scale: Inverse temperature.
        tau: Cosine of unrelated pairs.
        margin: Of the hinge.
    """
    p = torch.exp(scale * cosine) / (torch.exp(scale * cosine) + torch.exp(scale * others).sum(1, keepdim=True))
    return {
        "cosine": cosine.mean(),
        "target": huber(cosine - tau, 0.1),
        "squared": ((cosine - tau) ** 2).mean(),
        "hinge": torch.clamp(cosine - (tau + margin), min=0).mean(),
        "repair": ((cosine - others) ** 2).mean(),
        "nce_against": -torch.log(1 - p).mean(),
    }[form]


def redirected(t: Tensor, old_t: Tensor, old_others: Tensor) -> Tensor:
    """1 - cos with the caption to keep that was nearest before, the mean."""
    nearest = [max(range(len(old_others)), key=lambda n, a=a: float(a @ old_others[n])) for a in old_t]
    return torch.stack([1 - a @ old_others[n] for a, n in zip(t, nearest, strict=True)]).mean()


def nearest(v: Tensor, foils: Tensor) -> Tensor:
    """1 - cos with the foil that is nearest now, the mean."""
    return torch.stack([1 - max((a * b).sum() for b in foils) for a in v]).mean()


def discrepancy(v: Tensor, foils: Tensor, widths: Sequence[float]) -> Tensor:
    """Squared maximum mean discrepancy with the mean of Gaussian kernels, all pairs counted (Gretton et al. 2012)."""

    def kernel(left: Tensor, right: Tensor) -> Tensor:
        return torch.stack([torch.exp(-((a - b) ** 2).sum() / w) for a in left for b in right for w in widths]).mean()

    return kernel(v, v) - 2 * kernel(v, foils) + kernel(foils, foils)


def told_apart(v: Tensor, foils: Tensor, layers: Sequence[Tensor]) -> Tensor:
    """Cross entropy of a discriminator with one hidden layer; its gradient reaches v reversed (Ganin and Lempitsky 2015)."""
    weight, bias, last, shift = layers

    def unsafe(rows: Tensor) -> Tensor:
        hidden = torch.clamp(rows.shape[1] ** 0.5 * rows @ weight.T + bias, min=0)
        return 1 / (1 + torch.exp(-(hidden @ last.T + shift)))

    reversed_rows = 2 * v.detach() - v  # the same values
    return -(torch.log(unsafe(reversed_rows)).mean() + torch.log(1 - unsafe(foils)).mean()) / 2


def contrastive(v: Tensor, t: Tensor, scale: float, also_true: Tensor) -> Tensor:
    """CLIP's symmetric cross-entropy (Radford et al., ICML 2021), without the negatives that are true.

    Args:
        v: (B, D).
        t: (B, D).
        scale: exp of the learned logarithm.
        also_true: (B, B) whether caption j is true of picture i; its diagonal is not read.
    """
    scores = torch.exp(scale * v @ t.T) * (~also_true | torch.eye(len(v), dtype=torch.bool))
    own = scores.diagonal()
    return -(torch.log(own / scores.sum(1)) + torch.log(own / scores.sum(0))).mean() / 2


def misdirected(hidden: Tensor, goal: Tensor, tokens: Tensor) -> Tensor:
    """Squared distance over width, the mean over tokens that count."""
    pairs = [(h, g) for h, g, counts in zip(hidden.flatten(0, 1), goal.flatten(0, 1), tokens.flatten(), strict=True) if counts]
    return torch.stack([((h - g) ** 2).sum() / len(h) for h, g in pairs]).mean()
