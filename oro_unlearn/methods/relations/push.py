"""How an unsafe pair is pushed apart, and how a safe one is held."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, relu, softplus

Push = Literal["cosine", "target", "squared", "hinge", "repair", "nce_against", "redirect"]
Preserve = Literal["pull", "match_ref"]


class Unsafe(NamedTuple):
    """Unsafe pictures and captions of a batch, all crossed, and what the forms of push compare them with."""

    cosine: Tensor  # (B, N) of pictures and unsafe captions under the model
    others: Tensor  # (B, C) of the pictures and captions to keep, under the reference
    texts: Tensor  # (N, D) unsafe captions under the model
    other_texts: Tensor  # (C, D) captions to keep, under the reference
    texts_before: Tensor  # (N, D) unsafe captions under the reference
    scale: float  # inverse temperature of the model


def push_loss(  # noqa: PLR0911 (one return a form)
    form: Push, unsafe: Unsafe, tau: float, margin: float = 0.0
) -> Tensor:
    """Loss of the unsafe pairs, a scalar.

    ``cosine`` (the paper's): the mean cosine; it never stops, and drives captions to the far end of the gallery.
    ``target``: Huber (0.1) of cosine - tau; ``squared``: its square. ``hinge``: what exceeds tau + margin. ``repair``:
    squared difference to the reference's cosine of the picture with a caption of another group (MultiDelete, ECCV 2024).
    ``nce_against``: -log(1 - p), p the softmax probability of the unsafe caption among those to keep. ``redirect``:
    1 - cosine of the unsafe caption with the nearest caption to keep (SafeR-CLIP's idea).

    Args:
        form: One of these.
        unsafe: Cosines and features.
        tau: The cosine of an unrelated pair.
        margin: Of the hinge.
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
        return softplus(unsafe.scale * cosine - others).mean()  # finite, and with a gradient, where p rounds to 1
    nearest = (unsafe.texts_before @ unsafe.other_texts.T).argmax(1)
    return (1 - (unsafe.texts * unsafe.other_texts[nearest]).sum(1)).mean()


def preserve_loss(form: Preserve, cosine: Tensor, reference: Tensor) -> Tensor:
    """Loss of pairs to keep, a scalar.

    Args:
        form: ``pull`` (the paper's): 1 - cosine, which also moves what nothing pushed; ``match_ref``: squared difference to the
            reference's cosine.
        cosine: (B,) under the model.
        reference: (B,) under the reference.
    """
    return (1 - cosine).mean() if form == "pull" else (cosine - reference).square().mean()
