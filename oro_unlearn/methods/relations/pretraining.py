"""Pretraining a small CLIP model on captioned pictures."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.relations.dual_encoder import DualEncoder


class CaptionedPictures(NamedTuple):
    """Pictures and captions, each with its slots; a caption with abstract words names less than its picture shows."""

    images: Tensor  # (B, 3, H, W) uint8
    captions: list[str]
    said: Tensor  # (B, 3) int64: subject, relation, object of the caption; -1 if it has none
    slots: Tensor  # (B, 3) int64: subject, relation, object of the picture; -1 if it has none
    index: Tensor  # type: ignore[assignment]  # (B,) int64


class Pretraining(DualEncoder):
    """Trains a CLIP model from random weights: symmetric contrastive loss, and three heads that predict the slots.

    A caption is not used as a negative of another picture that it also describes (the same tuple, or more abstract words).
    The heads predict subject, relation and object from image features and from text features. They are dropped after
    training. Without them, a model this small hardly starts to learn.

    Args:
        slot_weight: Weight of the heads' loss.
        kwargs: Arguments of :class:`DualEncoder`.
    """

    role = "original"
    train_splits = ("train",)
    batch_type = CaptionedPictures
    covers: Tensor  # [drawn, said]: True if the drawn name equals the name in the caption or is below it in the hierarchy

    def __init__(self, slot_weight: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slot_weight = slot_weight
        self.heads: Any = None

    def setup(self, stage: str) -> None:
        """Build the model, the heads, and the table of the names that each caption word covers."""
        if self.network:
            return
        super().setup(stage)
        graph = self.data.graph
        names = list(graph.objects)
        counts = (len(names), len(graph.relations), len(names))
        self.heads = nn.ModuleList(nn.Linear(self.network.embed_dim, count + 1) for count in counts)  # last output: no name
        covers = torch.eye(len(names), dtype=torch.bool)
        for position, name in enumerate(names):
            for other in graph.ancestors(name):
                covers[position, names.index(other)] |= graph.objects[other].abstract
        self.register_buffer("covers", covers, persistent=False)

    def losses(self, train: CaptionedPictures) -> dict[str, Tensor]:
        """``contrastive`` (both directions) and ``slots``."""
        images, texts = self.spread_images(train.images), self.spread_texts(train.captions)
        with torch.autocast(self.device.type, enabled=False):
            return self._losses(train, images.float(), texts.float())

    def _losses(self, train: CaptionedPictures, images: Tensor, texts: Tensor) -> dict[str, Tensor]:
        scale = self.network.model.logit_scale.clamp(max=4.6052).exp()  # at most 100, as in CLIP
        logits = scale * images @ texts.T
        target = torch.arange(len(logits), device=logits.device)
        also_true = self._also_true(train).fill_diagonal_(False)
        logits = logits.masked_fill(also_true, -torch.inf)
        contrastive = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
        slots = torch.stack([self._read(images, train.slots), self._read(texts, train.said)]).mean()
        return {"contrastive": contrastive, "slots": self.slot_weight * slots}

    def _read(self, features: Tensor, slots: Tensor) -> Tensor:
        """Cross-entropy of the three heads. Features are scaled up, because unit vectors give flat logits."""
        losses = []
        for head, labels in zip(self.heads, slots.T, strict=True):
            labels = torch.where(labels < 0, head.out_features - 1, labels)  # noqa: PLW2901
            losses.append(cross_entropy(head(10 * features), labels))
        return torch.stack(losses).mean()

    def _also_true(self, train: CaptionedPictures) -> Tensor:
        """Whether caption j describes picture i, (B, B).

        A caption that names nothing in the graph describes only the pictures that have the same caption.
        """
        drawn, said = train.slots, train.said
        subjects = self.covers[drawn[:, 0]][:, said[:, 0]] & (drawn[:, None, 0] >= 0) & (said[None, :, 0] >= 0)
        relations = drawn[:, None, 1] == said[None, :, 1]
        objects = self.covers[drawn[:, 2]][:, said[:, 2]]  # index -1 reads the last row; the relation is then -1 on both sides
        numbers = {caption: number for number, caption in enumerate(train.captions)}
        texts = torch.tensor([numbers[caption] for caption in train.captions], device=drawn.device)
        return (subjects & relations & (objects | (drawn[:, None, 1] < 0))) | (texts[:, None] == texts[None, :])
