"""Relearning of a relation: a few steps of CLIP's own training on pictures of what was to be forgotten."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

STEPS = 10
BATCH = 64  # half of each batch shows the tuples to forget
RATE = 0.01  # of Adafactor: a step moves a tensor by at most this share of the root mean square of its values
HOTTEST = 4.6052  # log of the largest factor of the cosine, 100, as in CLIP


class Captioned(NamedTuple):
    """Training pictures with captions."""

    images: Tensor  # (N, 3, S, S) uint8
    captions: list[str]


def relearn(network: Any, forgotten: Captioned, retained: Captioned, seed: int, batch: int = BATCH, steps: int = STEPS) -> None:
    """Train a CLIP model on pairs of what it was to forget, mixed with retained pairs.

    The loss is CLIP's: cross-entropy of both directions over the batch. A picture is no negative of a caption that equals its
    own. Pairs are drawn with replacement; the same seed gives the same batches for every model. The optimiser is Adafactor
    (Shazeer and Stern, arXiv 1804.04235) with its usual relative step of 0.01. Its steps are relative to the size of the
    weights, so that one rate suits models of every width; no rate was chosen by its result. The network stays in eval mode,
    so that batch normalisation keeps its statistics and no dropout is drawn. The global random state is not changed.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP` in eval mode, made outside of inference mode. Its trainable
            parameters are changed: give a copy.
        forgotten: Pairs of the tuples to forget, one or more.
        retained: Other pairs, one or more.
        seed: Seed of the batches.
        batch: Pairs in a batch, half of them forgotten.
        steps: Steps of training.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adafactor(parameters, lr=RATE)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        parts = [_drawn(forgotten, batch // 2, generator), _drawn(retained, batch - batch // 2, generator)]
        optimizer.zero_grad()
        contrastive(network, torch.cat([part.images for part in parts]), [*parts[0].captions, *parts[1].captions]).backward()
        optimizer.step()


def _drawn(pairs: Captioned, count: int, generator: torch.Generator) -> Captioned:
    rows = torch.randint(len(pairs.captions), (count,), generator=generator)
    return Captioned(pairs.images[rows], [pairs.captions[row] for row in rows.tolist()])


def contrastive(network: Any, images: Tensor, captions: Sequence[str]) -> Tensor:
    """CLIP's loss of a batch, a scalar.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP`.
        images: (B, 3, S, S) uint8.
        captions: B captions.
    """
    names = list(dict.fromkeys(captions))
    said = torch.tensor([names.index(caption) for caption in captions], device=network.mean.device)
    texts = network.encode_text(network.tokenize(names))[said]
    scale = network.model.logit_scale.clamp(max=HOTTEST).exp()
    logits = scale * network.encode_image(images.to(network.mean.device)) @ texts.T
    target = torch.arange(len(logits), device=logits.device)
    same = (said[:, None] == said[None]) & (target[:, None] != target[None])
    logits = logits.masked_fill(same, -torch.inf)
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
