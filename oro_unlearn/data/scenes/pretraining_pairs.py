"""Pictures and captions for pretraining, in batches that contain near misses of each concept."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from oro_unlearn.data.scenes.renderer import CONTEXTS, STYLES, render
from oro_unlearn.graph import Concept

if TYPE_CHECKING:
    from oro_unlearn.data.scenes.scenes import Scenes

PLAIN, STYLED = 0.6, 0.25  # shares of pictures without a place, and with a style
GROUP = 4  # an anchor and three one-slot variants
Captioned = tuple[Tensor, list[str], Tensor, Tensor, Tensor]  # images, captions, said (B, 3), slots (B, 3), index (B,)


class PretrainingPairs(Dataset[Any]):
    """A pool of drawn pictures. Each picture gets a new caption at each read.

    One caption in three is plain; the others are in words of the train or of the eval bank. If a picture has a place, two
    captions in three name it. One caption in ten has a typing error. One caption in ten names parents of the objects ("a minor
    drinking alcohol").

    Args:
        data: Gives graph and captions.
        concepts: Concepts to draw.
        pictures: Number of pictures of each concept.
        seed: Parts of the pictures' seeds.
    """

    def __init__(self, data: "Scenes", concepts: Sequence[Concept], pictures: int, seed: Sequence[int]) -> None:
        self.data, self.concepts, self.pictures, self.seed = data, list(concepts), pictures, list(seed)
        self.slots = data.slots(self.concepts)
        self.begin(0)
        self.contexts: list[str] = []
        self.pixels = torch.empty(0)

    def begin(self, seed: int) -> None:
        """Seed the captions and the mirroring, so that an epoch does not depend on what was read before it."""
        self.draw = random.Random(f"{self.seed} {seed}")
        self.mirror = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.concepts) * self.pictures

    @property
    def shown(self) -> list[Concept]:
        """The concept that each picture shows."""
        return [concept for concept in self.concepts for _ in range(self.pictures)]

    def prepare(self) -> None:
        """Draw the pool once. This takes about a minute, and 12 kB per picture."""
        if self.contexts:
            return
        pixels = torch.empty(len(self), 3, 64, 64, dtype=torch.uint8)
        for number in track(range(len(self)), "drawing", transient=True):
            generator = np.random.default_rng([*self.seed, number])
            context = "" if generator.random() < PLAIN else CONTEXTS[generator.integers(len(CONTEXTS))]
            style = STYLES[generator.integers(len(STYLES))] if generator.random() < STYLED else ""
            self.contexts.append(context)
            picture = render(self.concepts[number // self.pictures], generator, context, style)
            pixels[number] = torch.from_numpy(picture.copy()).permute(2, 0, 1)
        self.pixels = pixels

    def __getitems__(self, positions: Sequence[int]) -> Captioned:
        """One batch; pictures are mirrored at random. ``said`` gives the captions' slots, ``slots`` those of the pictures."""
        self.prepare()
        index = torch.as_tensor(positions)
        images = self.pixels[index]
        images = torch.where(torch.rand(len(index), 1, 1, 1, generator=self.mirror) < 0.5, images.flip(3), images)
        said = [self.said(self.concepts[position // self.pictures]) for position in positions]
        captions = [self.caption(concept, self.contexts[position]) for concept, position in zip(said, positions, strict=True)]
        return images, captions, self.data.slots(said), self.slots[index // self.pictures], index

    def said(self, concept: Concept) -> Concept:
        """The concept that a caption states: ``concept`` itself or, in one case of ten, parents in place of its objects."""
        return concept if self.draw.random() >= 0.1 else tuple(self.above(name) for name in concept)

    def caption(self, concept: Concept, context: str) -> str:
        """A new random caption of a concept in a place."""
        draw, captions = self.draw, self.data.captions
        named = context if draw.random() < 2 / 3 else ""
        caption = captions.say(concept, draw.choice(("plain", "train", "eval")), draw, named)
        return captions.typo(caption, draw.choice(("train", "eval")), draw) if draw.random() < 0.1 else caption

    def above(self, name: str) -> str:
        """Draw the object itself or an abstract parent. A relation is returned as it is."""
        objects = self.data.graph.objects
        parents = objects[name].is_a if name in objects else ()
        return self.draw.choice([name, *(p for p in parents if objects[p].abstract and objects[p].is_a)])

    def batches(self, size: int, epoch_seed: Callable[[], int] = lambda: 0) -> "VariantBatches":
        """Batches of ``size`` pictures."""
        return VariantBatches(self, size, epoch_seed)


class VariantBatches(Sampler[list[int]]):
    """Batches of anchors, each followed by three variants in which one slot is drawn again.

    In half of the cases, this slot is the relation. The drawn slot may equal the old one. The variants of a single object are
    any concepts.

    Args:
        pool: The pictures.
        size: Number of pictures in a batch.
        epoch_seed: Gives the seed of an epoch when it begins.
    """

    def __init__(self, pool: PretrainingPairs, size: int, epoch_seed: Callable[[], int]) -> None:
        self.pool, self.size, self.epoch_seed = pool, size, epoch_seed
        self.draw = random.Random()
        self.position = {concept: number for number, concept in enumerate(pool.concepts)}
        self.variants: dict[tuple[str | None, ...], list[int]] = {}  # positions by a concept without one slot
        for number, concept in enumerate(pool.concepts):
            for slot in range(3) if len(concept) == 3 else ():
                key = (*concept[:slot], None, *concept[slot + 1 :])
                self.variants.setdefault(key, []).append(number)

    def __len__(self) -> int:
        return max(1, len(self.pool) // self.size)

    def __iter__(self) -> Iterator[list[int]]:
        seed = self.epoch_seed()
        self.draw = random.Random(f"batches {self.pool.seed} {seed}")
        self.pool.begin(seed)
        for _ in range(len(self)):
            chosen: list[int] = []
            while len(chosen) < self.size:
                anchor = self.draw.randrange(len(self.pool.concepts))
                chosen += [anchor, *(self.variant(anchor) for _ in range(GROUP - 1))]
            yield [number * self.pool.pictures + self.draw.randrange(self.pool.pictures) for number in chosen[: self.size]]

    def variant(self, anchor: int) -> int:
        """Position of a concept in which one slot of the anchor is drawn again."""
        concept = self.pool.concepts[anchor]
        if len(concept) == 1:
            return self.draw.randrange(len(self.pool.concepts))
        slot = self.draw.choice((0, 1, 1, 2))
        key = (*concept[:slot], None, *concept[slot + 1 :])
        return self.draw.choice(self.variants[key])
