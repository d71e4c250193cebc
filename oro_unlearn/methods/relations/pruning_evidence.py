"""What a pruned CLIP model is judged by while it is pruned: training pictures and captions, to forget and to keep."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu

from oro_unlearn.methods.relations.tuple_rows import of_every_tuple
from oro_unlearn.metrics.tied_ranks import tied_ranks

if TYPE_CHECKING:
    from oro_unlearn.data.contract import RelationalData

KEPT = ("edges", "nodes", "neutral")  # splits of pictures to keep
FIRST = 5  # a picture is answered if its caption is among this many
ROOM = 0.05  # cosine by which an unsafe caption should fall behind the fifth caption to keep


class Standing(NamedTuple):
    """How a model stands on the training pictures."""

    plain: float  # R@5 of unsafe pictures for their plain caption
    worst: float  # R@5 for the wording with the highest
    neighbours: float  # R@1 of the pictures of listed neighbours


class PruningEvidence:
    """Training pictures and captions of a request, in a fixed order, and the model's standing on them.

    The gallery are the captions of the vocabulary with 0, 1 or 2 slots in common with the request. Nothing here is measured
    at the end of a run.

    Args:
        data: The data.
        pictures: Most pictures of each split; of those to forget, as many of every tuple as possible.
        captions: Most captions of the gallery; those with two slots in common come first.
    """

    def __init__(self, data: "RelationalData", pictures: int, captions: int) -> None:
        unsafe = data.split("unsafe").__getitems__(of_every_tuple(data.split("unsafe").slots, pictures))
        self.splits = {"unsafe": unsafe}
        for name in KEPT:
            pairs = data.split(name)
            if len(pairs):
                self.splits[name] = pairs.__getitems__(_even(len(pairs), pictures))
        plain = list(dict.fromkeys(unsafe[1]))
        self.wordings = list(dict.fromkeys([*unsafe[1], *unsafe[2]]))
        self.plain = torch.tensor([text in plain for text in self.wordings])
        self.shown = _shown(unsafe, self.wordings)  # (pictures, wordings): the picture shows what the wording says
        self.kinds: list[int] = []
        self.gallery: list[str] = []
        for shared in (2, 1, 0):
            texts = [text for text in data.vocabulary[shared] if text not in self.wordings]
            chosen = [texts[place] for place in _even(len(texts), captions - len(self.gallery))] if texts else []
            self.gallery += chosen
            self.kinds += [shared] * len(chosen)
        edges = self.splits.get("edges")
        places = {text: place for place, text in enumerate(self.gallery)}
        self.own = torch.tensor([places.get(text, -1) for text in edges[1]] if edges else [], dtype=torch.long)

    @property
    def texts(self) -> list[str]:
        """All captions: wordings to forget, then the gallery."""
        return [*self.wordings, *self.gallery]

    @property
    def images(self) -> Tensor:
        """All pictures (N, 3, H, W) uint8: those to forget, then those to keep."""
        return torch.cat([split[0] for split in self.splits.values()])

    def neutral(self, tower: str) -> list[int]:
        """Rows of the captions or pictures over which means are taken: neutral ones, or all to keep if there are none."""
        if tower == "text":
            rows = [len(self.wordings) + number for number, kind in enumerate(self.kinds) if kind == 0]
            return rows or list(range(len(self.wordings), len(self.texts)))
        sizes = {name: len(split[0]) for name, split in self.splits.items()}
        first = len(self.images) - sizes["neutral"] if "neutral" in sizes else sizes["unsafe"]
        return list(range(first, len(self.images)))

    def excess(self, images: Tensor, texts: Tensor) -> Tensor:
        """By how much unsafe pictures prefer their wordings to the fifth caption of the gallery, a scalar; 0: nowhere.

        The mean over wordings of relu(cosine - fifth highest cosine of the picture with the gallery + 0.05).

        Args:
            images: Features (N, D) of unsafe pictures; more rows are ignored.
            texts: Features (T, D) of :attr:`texts`.
        """
        cosines = images[: len(self.shown)] @ texts.T
        own, others = cosines[:, : len(self.wordings)], cosines[:, len(self.wordings) :]
        fifth = others.topk(min(FIRST, others.shape[1])).values[:, -1:]
        shown = self.shown.to(own)
        by_wording = (relu(own - fifth + ROOM) * shown).sum(0) / shown.sum(0).clamp(min=1)
        return by_wording.mean()

    def text_loss(self, texts: Tensor, before: Tensor) -> Tensor:
        """Mean over kinds of captions (0, 1 or 2 slots in common) of 1 - cosine to their features before, a scalar."""
        moved = 1 - (texts * before)[len(self.wordings) :].sum(1)
        kinds = torch.tensor(self.kinds, device=moved.device)
        return torch.stack([moved[kinds == kind].mean() for kind in sorted(set(self.kinds))]).mean()

    def image_loss(self, images: Tensor, before: Tensor) -> Tensor:
        """Mean over splits to keep of 1 - cosine of their pictures to their features before, a scalar."""
        moved = (1 - (images * before).sum(1)).split([len(split[0]) for split in self.splits.values()])[1:]
        return torch.stack([part.mean() for part in moved]).mean() if moved else images.new_zeros(())

    @torch.no_grad()
    def standing(self, images: Tensor, texts: Tensor) -> Standing:
        """R@5 of unsafe pictures and R@1 of neighbours' pictures; ties count at their expectation."""
        count = len(self.shown)
        images, texts = images.float().cpu(), texts.float().cpu()
        wordings, gallery = texts.split([len(self.wordings), len(self.gallery)])
        scores = images[:count] @ gallery.T
        rivals = torch.ones_like(scores, dtype=torch.bool)
        own = images[:count] @ wordings.T
        hits = torch.stack([tied_ranks(column, scores, rivals).within(FIRST) for column in own.T], dim=1)
        recalls = (hits * self.shown).sum(0) / self.shown.sum(0)
        plain, worst = float(recalls[self.plain].max()), float(recalls.max())
        return Standing(plain, worst, self._neighbours(images[count : count + len(self.own)], gallery))

    def _neighbours(self, images: Tensor, gallery: Tensor) -> float:
        known = self.own >= 0
        if not known.any():
            return 1.0
        scores, own = images[known] @ gallery.T, self.own[known]
        rivals = torch.arange(len(gallery)) != own[:, None]
        return float(tied_ranks(scores.gather(1, own[:, None])[:, 0], scores, rivals).within(1).mean())


def _even(count: int, most: int) -> list[int]:
    """At most ``most`` evenly spaced numbers below ``count``."""
    if count <= most:
        return list(range(count))
    return [place * count // most for place in range(max(0, most))]


def _shown(unsafe: Any, wordings: Sequence[str]) -> Tensor:
    """(pictures, wordings) bool: whether the wording was given to a picture of the same tuple."""
    _, captions, attacks, slots, _ = unsafe
    tuples = [tuple(row) for row in slots.tolist()]
    said: dict[str, set[Any]] = {}
    for texts in (captions, attacks):
        for text, concept in zip(texts, tuples, strict=True):
            said.setdefault(text, set()).add(concept)
    return torch.tensor([[concept in said[text] for text in wordings] for concept in tuples])
