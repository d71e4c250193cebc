"""The embedded world as a data module. Pictures are drawn on demand."""

import random
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from oro_unlearn.data.images.image_data import as_is
from oro_unlearn.data.relations.pair_images import PairImages
from oro_unlearn.data.relations.relation_data import GROUPS, RelationData
from oro_unlearn.data.relations.relation_probes import Picture, RelationProbes, make_probes
from oro_unlearn.data.scenes.pretraining_pairs import PretrainingPairs
from oro_unlearn.data.scenes.renderer import CONTEXTS, LANDMARKS, RELATIONS, STYLES, SUBJECTS, THINGS, render
from oro_unlearn.graph import Concept, RelationGraph, Triple
from oro_unlearn.user_error import UserError

DRAWABLE = {*SUBJECTS, *THINGS, *LANDMARKS}
BETWEEN_AGENTS = {"next to", "pointing at", "standing on", "under"}  # relations whose object may be a subject
SPLITS = {"unsafe": 1, "edges": 2, "nodes": 3, "neutral": 4, "train": 5, "probes": 6}  # parts of the pictures' seeds


class Scenes(RelationData):
    """Drawn scenes of a subject, a relation and an object: eight agents, nine relations, thirteen things, seven landmarks.

    Unlearning never trains on pictures with a place under ``eval`` or with a style. Pretraining uses all places and styles.

    Args:
        pairs: Pictures of each group to train on; an epoch is one pass over them.
        gallery: Plain pictures of each concept to measure on.
        probe_pictures: Pictures of the tuples to forget to measure on: this many plain, this many in held-out places, and this
            many in styles.
        neighbour_pictures: Further plain pictures of each neighbour and node to measure on.
        holdout: Measure on pictures that runs without this option do not measure on, for tuning.
        pretraining_pictures: Pictures of each concept in the pool that pretraining draws from.
        left_out: Fraction of the tuples that pretraining never sees.
        pretraining_seed: Seed that draws this fraction; the shipped model has 0.
        without: Tuples that pretraining never sees, with all tuples below them in the hierarchy. For a reference model.
        kwargs: Arguments of :class:`RelationData`.

    Raises:
        UserError: If a number is out of range, or if the graph names a concept that cannot be drawn.
    """

    name = "scenes"

    def __init__(
        self,
        pairs: int = 320,
        gallery: int = 2,
        probe_pictures: int = 96,
        neighbour_pictures: int = 8,
        holdout: bool = False,
        pretraining_pictures: int = 60,
        left_out: float = 0.06,
        pretraining_seed: int = 0,
        without: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(pairs, gallery, pretraining_pictures) < 1 or min(probe_pictures, neighbour_pictures) < 0:
            raise UserError(
                "--data.pairs, gallery and pretraining_pictures are 1 or more, probe_pictures and neighbour_pictures 0 or more"
            )
        if not 0 <= left_out < 1:
            raise UserError(f"--data.left_out is a part of the tuples in [0, 1), not {left_out}")
        self.pair_count, self.gallery, self.probe_pictures = pairs, gallery, probe_pictures
        self.neighbour_pictures, self.holdout = neighbour_pictures, holdout
        self.pretraining_pictures, self.left_out, self.without = pretraining_pictures, left_out, without
        self.pretraining_seed = pretraining_seed
        self._splits: dict[str, Any] = {}

    @cached_property
    def graph(self) -> RelationGraph:
        """The relation graph, read once.

        Raises:
            UserError: If it names a concept that cannot be drawn.
        """
        graph = super().graph
        unknown = [(node.line, name) for name, node in graph.objects.items() if not node.abstract and name not in DRAWABLE]
        unknown += [(relation.line, name) for name, relation in graph.relations.items() if name not in RELATIONS]
        unknown += [(graph.relations[t.relation].line, str(t)) for t in graph.triples() if not unknown and not _drawable(t)]
        unknown += [(0, context) for bank in graph.contexts.values() for context in bank if context not in CONTEXTS]
        if unknown:
            line, name = unknown[0]
            raise UserError(
                f"{graph.path}{f':{line}' if line else ''}: scenes cannot draw {name!r}; leave it out, "
                "mark an object abstract, or bring pictures (--data RelationPairs)"
            )
        return graph

    def available(self, concepts: Iterable[Concept]) -> list[Any]:
        """The concrete concepts: all of them can be drawn."""
        return [concept for concept in concepts if self.graph.concrete(concept)]

    def split(self, name: str) -> Any:
        """Pairs of a training split: ``unsafe``, ``edges``, ``nodes`` or ``neutral``; ``train`` is for pretraining."""
        if name not in self._splits:
            self._splits[name] = self.pretraining_pairs() if name == "train" else self._pairs(name)
        return self._splits[name]

    def _pairs(self, name: str) -> PairImages:
        chosen: dict[str, Sequence[Concept]] = {
            "unsafe": self.available(self.roles.unsafe),
            "edges": self.listed,
            "nodes": self.roles.nodes,
            "neutral": self.neutral[0],
        }
        assert set(chosen) == set(GROUPS)
        draw = random.Random(f"{self.seed} {name}")
        concepts = [chosen[name][number % len(chosen[name])] for number in range(self.pair_count if chosen[name] else 0)]
        draw.shuffle(concepts)
        places = self.graph.contexts["train"]
        contexts = [draw.choice(places) if places and draw.random() < 1 / 3 else "" for _ in concepts]
        pictures = [Picture(concept, context) for concept, context in zip(concepts, contexts, strict=True)]
        captions = [self.captions.plain(concept) for concept in concepts]
        attacks = [self.attack(picture.concept, picture.context, draw) for picture in pictures]
        return PairImages(self._drawn(pictures, name), captions, attacks, self.slots(concepts))

    def _drawn(self, pictures: Sequence[Picture], split: str) -> Any:
        seed = [self.seed, SPLITS[split], int(self.holdout)]

        def load(number: int) -> Tensor:
            picture = pictures[number]
            pixels = render(picture.concept, np.random.default_rng([*seed, number]), picture.context, picture.style)
            return torch.from_numpy(pixels.copy()).permute(2, 0, 1)

        return load

    def probes(self) -> RelationProbes:
        """Pictures of every concept. Tuples to forget are also drawn in held-out places and in styles."""
        unsafe = self.available(self.roles.unsafe)
        near = [*self.available(t for found in self.roles.neighbours.values() for t in found), *self.roles.nodes]
        places = self.graph.contexts["eval"]
        pictures = [Picture(concept) for concept in self.concepts for _ in range(self.gallery)]
        pictures += [Picture(concept) for concept in dict.fromkeys(near) for _ in range(self.neighbour_pictures)]
        for number in range(self.probe_pictures):
            triple = unsafe[number % len(unsafe)]
            pictures += [Picture(triple), Picture(triple, style=STYLES[number // len(unsafe) % len(STYLES)])]
            pictures += [Picture(triple, context=places[number // len(unsafe) % len(places)])] if places else []
        return make_probes(self, pictures, self._drawn(pictures, "probes"))

    def pretraining_pairs(self) -> PretrainingPairs:
        """A pool of pictures of all concepts but those left out, in batches of one-slot variants."""
        return PretrainingPairs(self, self.pretraining_concepts(), self.pretraining_pictures, seed=[self.seed, SPLITS["train"]])

    def pretraining_concepts(self) -> list[Concept]:
        """All concepts but those left out.

        Raises:
            UserError: If ``without`` names a tuple that the graph does not allow.
        """
        absent = [self.parsed("without", text) for text in self.without]
        for triple in absent:
            if not self.graph.valid(triple):
                raise UserError(f"--data.without: {self.graph.path} does not allow {str(triple)!r}: name another tuple")
        gone: set[Triple] = set().union(*map(self.graph.closure, absent))
        draw = random.Random(self.pretraining_seed)
        return [c for c in self.concepts if (draw.random() >= self.left_out or len(c) == 1) and c not in gone]

    @property
    def never_pretrained(self) -> list[Concept]:
        """Concepts that pretraining left out."""
        seen = set(self.pretraining_concepts())
        return [concept for concept in self.concepts if concept not in seen]

    def train_dataloader(self) -> Any:
        """The pretraining pool in batches of variants, or one loader per group."""
        assert self.trainer is not None
        method: Any = self.trainer.lightning_module
        if method.train_splits != ("train",):
            return super().train_dataloader()
        pool = self.split("train")
        batches = pool.batches(self.batch_size, method.epoch_seed)
        return {"train": DataLoader(pool, batch_sampler=batches, collate_fn=as_is, generator=torch.Generator())}


def _drawable(triple: Triple) -> bool:
    things = {*THINGS, *(SUBJECTS if triple.relation in BETWEEN_AGENTS else ())}
    return triple.subject in SUBJECTS and triple.object in things
