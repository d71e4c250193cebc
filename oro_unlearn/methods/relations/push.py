"""Losses that push unsafe pairs apart, and losses that preserve safe pairs."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, relu, softplus

Push = Literal["cosine", "target", "squared", "hinge", "repair", "nce_against", "redirect"]
Preserve = Literal["pull", "match_ref"]


class Unsafe(NamedTuple):
    """All combinations of a batch's unsafe pictures and captions, and the values that :func:`push_loss` compares them with."""

    cosine: Tensor  # (B, N) cosines of the pictures with unsafe captions, under the model
    others: Tensor  # (B, C) cosines of the pictures with captions to keep, under the reference
    texts: Tensor  # (N, D) unsafe captions under the model
    other_texts: Tensor  # (C, D) captions to keep, under the reference
    texts_before: Tensor  # (N, D) unsafe captions under the reference
    scale: float  # inverse temperature of the model


def push_loss(  # noqa: PLR0911 (one return per form)
    form: Push, unsafe: Unsafe, tau: float, margin: float = 0.0
) -> Tensor:
    """Loss of the unsafe pairs, a scalar.

    ``cosine`` (the paper's form): the mean cosine. It is never satisfied and drives captions to the far end of the gallery.
    ``target``: Huber loss (0.1) of cosine - tau. ``squared``: square of cosine - tau. ``hinge``: the amount by which the
    cosine exceeds tau + margin. ``repair``: squared difference to the reference's cosine of the picture with a caption of
    another group (MultiDelete, ECCV 2024). ``nce_against``: -log(1 - p), where p is the softmax probability of the unsafe
    caption among the captions to keep. ``redirect``: 1 - cosine of the unsafe caption with the nearest caption to keep
    (the idea of SafeR-CLIP).

    Args:
        form: Name of one of these losses.
        unsafe: Cosines and features.
        tau: The cosine of an unrelated pair.
        margin: Margin of the hinge.
    """
    cosine = unsafe.cosine
    if form == "cosine":
        return cosine.mean()
    if form == "target":
        return huber_loss(cosine, torch.full_like(cosine, tau), delta=0.1) / 0.1
    if form == "squared":
        return (cosine - tau).square().mean()
    if form == "hinge":
        return relu(cosine - tau - margin).mean()
    if form == "repair":
        columns = torch.randint(unsafe.others.shape[1], cosine.shape, device=cosine.device)
        return (cosine - unsafe.others.gather(1, columns)).square().mean()
    if form == "nce_against":
        others = (unsafe.scale * unsafe.others).logsumexp(1, keepdim=True)  # (B, 1)
        return softplus(unsafe.scale * cosine - others).mean()  # finite, with a gradient, also if p rounds to 1
    nearest = (unsafe.texts_before @ unsafe.other_texts.T).argmax(1)
    return (1 - (unsafe.texts * unsafe.other_texts[nearest]).sum(1)).mean()


def preserve_loss(form: Preserve, cosine: Tensor, reference: Tensor) -> Tensor:
    """Loss of pairs to keep, a scalar.

    Args:
        form: ``pull`` (the paper's form): 1 - cosine, which also moves pairs that no push has changed. ``match_ref``: squared
            difference to the reference's cosine.
        cosine: Cosines (B,) under the model.
        reference: Cosines (B,) under the reference.
    """
    return (1 - cosine).mean() if form == "pull" else (cosine - reference).square().mean()
