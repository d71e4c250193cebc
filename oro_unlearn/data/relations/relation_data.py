"""Base class of the data modules for pictures of a subject, a relation and an object."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.utils.data import DataLoader

from oro_unlearn.data.batches import EpochBatches, from_batches, same_length
from oro_unlearn.data.images.image_data import as_is
from oro_unlearn.data.relations.benchmarks import CaptionBenchmark, read_benchmarks
from oro_unlearn.data.relations.relation_inventory import picture_inventory
from oro_unlearn.data.relations.relation_options import check_options
from oro_unlearn.data.relations.relation_probes import RelationProbes
from oro_unlearn.data.relations.request_captions import earlier_captions, forget_captions
from oro_unlearn.files import sha256, sha256_of
from oro_unlearn.graph import Captions, Concept, RelationGraph, Roles, Triple, derive_roles, draw_graph, load_graph
from oro_unlearn.graph.roles import implausible, shared_slots
from oro_unlearn.report.relation_inventory import relation_inventory_lines
from oro_unlearn.user_error import UserError

GROUPS = ("unsafe", "edges", "nodes", "neutral")


class RelationData(LightningDataModule, ABC):
    """Pictures and captions of a relation graph, grouped by the roles that concepts have in the request to forget.

    The training splits are ``unsafe``, ``edges`` (listed neighbours: one slot replaced), ``nodes`` (an unsafe tuple's subject
    or object alone) and ``neutral``. A training batch holds ``batch_size`` pairs of every split that the method trains on. A
    batch of one split is ``(images, captions, attacks, slots, index)``. Images are (B, 3, H, W) uint8, or (B, 0) if the method
    needs none. Captions and attacks are B strings each; an attack is a caption of the training bank that is reworded, names a
    place or is misspelt. Slots, (B, 3) int64, are the positions of subject, relation and object in ``graph.objects`` and
    ``graph.relations``, or -1 for a missing slot. ``index`` (B,) is the picture's position in its split.

    Args:
        graph: YAML file of the relation graph; ``scenes`` is the graph of the embedded world.
        forget: Tuple or tuples to forget, such as ``child drinking wine``. Empty: the graph's unsafe edges.
        forgotten: Tuples that earlier requests have forgotten. They are neither trained on nor kept, but measured again.
        propagate: Also forget the tuples below a request in the is-a hierarchy.
        batch_size: Pairs of every split in a training batch.
        listed: Number of neighbours of each slot to train on, if the graph names no safe edge. The other neighbours are
            unlisted, and only measured.
        withheld: Fraction of the captions that the text losses never see, to measure captions outside the vocabulary.
        rewordings: Extra captions for each plain caption of the vocabulary, in the training bank's words and places.
        seed: Seed of every choice in the data; not the seed of training.
        eval_batch_size: Pictures in a batch for measuring.
        benchmarks: Caption benchmarks to measure on besides, as ``sugarcrepe:FOLDER``; also ``aro``, ``vsr``, ``winoground``.
        benchmark_images: Folder with the benchmarks' pictures; default: their folders. Without pictures captions are measured.

    Raises:
        UserError: If an option or the graph is wrong.
    """

    name: str
    num_workers = 0  # threads that read pictures

    def __init__(
        self,
        graph: str = "scenes",
        forget: str | list[str] = "",
        forgotten: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        propagate: bool = True,
        batch_size: int = 32,
        listed: dict[str, int] = {"subject": 2, "relation": 3, "object": 2},  # noqa: B006 (never changed)
        withheld: float = 0.0,
        rewordings: int = 0,
        seed: int = 0,
        eval_batch_size: int = 256,
        benchmarks: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        benchmark_images: str = "",
    ) -> None:
        super().__init__()
        check_options(batch_size, listed, withheld, seed, eval_batch_size)
        self.eval_batch_size, self.benchmarks, self.benchmark_images = eval_batch_size, list(benchmarks), benchmark_images
        self.graph_path, self.forget, self.propagate, self.batch_size = graph, forget, propagate, batch_size
        self.forgotten = list(forgotten)
        self.listed_counts, self.withheld, self.seed = listed, withheld, seed
        self.rewordings = rewordings

    @cached_property
    def graph(self) -> RelationGraph:
        """The relation graph, read once."""
        return load_graph(self.graph_path)

    @cached_property
    def caption_benchmarks(self) -> list[CaptionBenchmark]:
        """The benchmarks that the user named, read once."""
        return read_benchmarks(self.benchmarks, self.benchmark_images)

    def content(self) -> dict[str, str]:
        """SHA-256 of the graph's file and of benchmarks, for a report. Subclasses add the other files that they read."""
        files = [path for benchmark in self.caption_benchmarks for path in benchmark.files]
        return {"graph": sha256(self.graph.path), **({"benchmarks": sha256_of(files)} if files else {})}

    @cached_property
    def captions(self) -> Captions:
        """Makes the graph's captions."""
        return Captions(self.graph)

    @cached_property
    def requests(self) -> list[Triple]:
        """The tuples named by ``forget``; empty if the graph's unsafe edges are to be forgotten."""
        texts = [self.forget] if isinstance(self.forget, str) else self.forget
        return [self.parsed("forget", text) for text in texts if text]

    def parsed(self, option: str, text: str) -> Triple:
        """The tuple that an option names.

        Raises:
            UserError: If it is unknown; the message names the option.
        """
        try:
            return self.graph.parse(text)
        except ValueError as error:
            raise UserError(f"--data.{option}: {error}") from None

    @cached_property
    def roles(self) -> Roles:
        """The role of every concept in the request."""
        return derive_roles(self.graph, self.requests, self.propagate, self.forgotten_triples)

    @cached_property
    def forgotten_triples(self) -> list[Triple]:
        """The tuples that earlier requests have forgotten.

        Raises:
            UserError: If the graph does not allow a tuple.
        """
        triples = [self.parsed("forgotten", text) for text in self.forgotten]
        for triple in triples:
            if not self.graph.valid(triple):
                raise UserError(f"--data.forgotten: {self.graph.path} does not allow {str(triple)!r}: name another tuple")
        return triples

    @cached_property
    def forgotten_concepts(self) -> list[Triple]:
        """Concrete tuples that earlier requests have forgotten, and those that follow from them, except those to forget now."""
        earlier = {triple for request in self.forgotten_triples for triple in self.graph.closure(request)}
        return [t for t in self.graph.ordered(earlier) if self.graph.concrete(t) and t not in self.roles.unsafe]

    @property
    def forget_names(self) -> list[str]:
        """Names of the tuples that the current request forgets."""
        return [" ".join(triple) for triple in self.roles.requested]

    @property
    def forgotten_names(self) -> list[str]:
        """Names of the tuples that earlier requests have forgotten."""
        return [" ".join(triple) for triple in self.forgotten_triples]

    @cached_property
    def concrete(self) -> list[Concept]:
        """The graph's concrete tuples and single objects, in a fixed order."""
        return [*self.graph.triples(), *((name,) for name in self.graph.nodes())]

    @cached_property
    def concepts(self) -> list[Concept]:
        """All concepts with a caption of their own."""
        return list(self.concrete)

    @cached_property
    def listed(self) -> list[Triple]:
        """Neighbours that are trained on: the graph's safe edges; without any, a few neighbours of every slot."""
        if self.roles.listed:
            return list(self.roles.listed)
        draw = random.Random(self.seed)
        chosen = []
        for slot, count in self.listed_counts.items():
            pool = sorted(self.available(self.roles.neighbours[slot]))
            chosen += draw.sample(pool, min(count, len(pool)))
        return list(dict.fromkeys(chosen))

    @cached_property
    def unlisted(self) -> dict[str, list[Triple]]:
        """Neighbours in no training pair, by the slot that differs."""
        known = set(self.listed)
        return {slot: sorted(set(self.available(found)) - known) for slot, found in self.roles.neighbours.items()}

    @cached_property
    def neutral(self) -> tuple[list[Concept], list[Concept]]:
        """Neutral concepts: half of them to train on, half to measure."""
        pool = sorted(self.available(self.roles.neutral))
        random.Random(self.seed).shuffle(pool)
        return pool[: len(pool) // 2], pool[len(pool) // 2 :]

    @cached_property
    def vocabulary(self) -> dict[int, list[str]]:
        """Captions for losses that need no picture, by the number of slots shared with the tuples to forget: 0, 1 or 2.

        Key 3 holds near misses that the graph does not allow and no picture shows ("a house eating a hamburger"). No caption
        states an unsafe tuple. ``withheld`` leaves a fraction of the captions out, but never a listed neighbour.
        """
        draw, listed = random.Random(f"{self.seed} vocabulary"), set(self.listed)
        reword, places = random.Random(f"{self.seed} rewordings"), ["", *self.graph.contexts.get("train", ())]
        found: dict[int, list[str]] = {0: [], 1: [], 2: [], 3: []}
        for concept in self.concrete:
            drawn = draw.random()
            if concept in self.kept and (drawn >= self.withheld or concept in listed):
                texts = found[self.shared(concept)]
                texts.append(self.captions.plain(concept))
                texts += [self.captions.say(concept, "train", reword, reword.choice(places)) for _ in range(self.rewordings)]
        found[3] = [self.captions.plain(triple) for triple in implausible(self.graph, self.roles)]
        return found

    @property
    def never_pretrained(self) -> list[Concept]:
        """Concepts that the network's pretraining left out, if known. It can recognise them only by composing known parts."""
        return []

    @cached_property
    def kept(self) -> set[Concept]:
        """All concepts with a role other than unsafe. Unsafe edges that are not requested now have no role."""
        roles = self.roles
        found = (*roles.neighbours.values(), roles.swapped, roles.nodes, roles.neutral)
        return {tuple(concept) for concepts in found for concept in concepts}

    @cached_property
    def groups(self) -> dict[Concept, str]:
        """The group, of :data:`GROUPS`, of every concept that has one."""
        roles = self.roles
        found: dict[Concept, str] = {**dict.fromkeys(roles.neutral, "neutral"), **dict.fromkeys(roles.nodes, "nodes")}
        found |= {triple: "edges" for near in roles.neighbours.values() for triple in near}
        return found | dict.fromkeys(roles.unsafe, "unsafe")

    @cached_property
    def guarded(self) -> set[Concept]:
        """Tuples that no pair may teach: those to forget, those forgotten earlier, and the graph's unsafe edges."""
        edges = [edge.triple for edge in self.graph.edges if edge.status == "unsafe"]
        below = {triple for edge in (*edges, *self.forgotten_triples) for triple in self.graph.closure(edge)}
        return {*self.roles.unsafe, *(triple for triple in below if triple not in self.kept)}

    def group_of(self, concept: Concept) -> str:
        """The group of a picture's concept; ``other`` if it has none."""
        return self.groups.get(tuple(concept), "other")

    def inventory(self) -> dict[str, Any]:
        """Summary of the data that was read; see :func:`picture_inventory`."""
        return picture_inventory(self, GROUPS)

    def lines(self) -> list[str]:
        """The summary of the data as lines of text."""
        return relation_inventory_lines(self.inventory())

    def notes(self) -> dict[str, Any]:
        """Metadata for the file of an edited model: all tuples forgotten after the edit."""
        return {"forgotten": list(dict.fromkeys([*self.forgotten_names, *self.forget_names]))}

    def draw(self, folder: Path) -> None:
        """Write ``graph.png``, a drawing of the graph with the roles of its concepts."""
        draw_graph(self.graph, self.roles, folder / "graph.png")

    def shared(self, concept: Concept) -> int:
        """Number of slots that a concept shares with the nearest unsafe tuple."""
        return max(shared_slots(concept, unsafe) for unsafe in self.roles.unsafe)

    def slots(self, concepts: Sequence[Concept]) -> Tensor:
        """Positions of subject, relation and object, (N, 3) int64; -1 for a missing slot."""
        objects = {name: number for number, name in enumerate(self.graph.objects)}
        relations = {name: number for number, name in enumerate(self.graph.relations)}
        rows = [
            (objects[c[0]], relations[c[1]], objects[c[2]]) if len(c) == 3 else (objects.get(c[0], -1), -1, -1)
            for c in concepts
        ]
        return torch.tensor(rows).view(-1, 3)

    def attack(self, concept: Concept, context: str, draw: random.Random) -> str:
        """A caption of the training bank: reworded or more general, often with a place; one in four is misspelt."""
        placed = context or draw.choice(["", *self.graph.contexts.get("train", ())])
        unsafe = self.roles.unsafe if concept in self.roles.unsafe else ()  # a concept to keep is never named by one to forget
        above = [triple for triple in unsafe if concept in self.graph.closure(triple) and triple != concept]
        stated = draw.choice(above) if above and draw.random() < 0.3 else concept
        caption = self.captions.say(stated, draw.choice(("plain", "train")) if stated != concept else "train", draw, placed)
        return self.captions.typo(caption, "train", draw) if draw.random() < 0.25 else caption

    def forget_captions(self, samples: int) -> list[dict[Triple, list[str]]]:
        """Captions of the tuples to forget in the training bank's words, for each request by tuple, each caption once.

        Args:
            samples: Draws of :meth:`attack` for each concrete tuple, beside its plain caption and wordings.
        """
        return forget_captions(self, samples)

    def earlier_captions(self, samples: int) -> list[str]:
        """Captions of the tuples that earlier requests have forgotten, in the training bank's words."""
        return earlier_captions(self, samples)

    @abstractmethod
    def available(self, concepts: Any) -> list[Any]:
        """The concepts of which there are pictures."""

    @abstractmethod
    def split(self, name: str) -> Any:
        """Pairs of a training split: ``unsafe``, ``edges``, ``nodes`` or ``neutral``; or ``train``, which pretraining reads."""

    @abstractmethod
    def probes(self) -> RelationProbes:
        """Pictures and captions to measure on; none of them is trained on."""

    @cached_property
    def measured(self) -> RelationProbes:
        """The probes, made once."""
        return self.probes()

    def setup(self, stage: str) -> None:
        """Read the graph and the list of pictures before the network is loaded, so that mistakes are found before training."""
        len(self.caption_benchmarks)
        len(self.measured.texts)

    def train_dataloader(self) -> CombinedLoader:
        """One loader of :class:`EpochBatches` for each split the method trains on; their batches have the same size.

        The size is ``batch_size``, or the size of the smallest split if that is smaller. No image is read for a split whose
        images the method does not need (``needs_images``). Every process gets the whole batch: the methods divide the encoding
        among the processes, and compare all pairs with all.

        Raises:
            UserError: If a split is empty.
        """
        assert self.trainer is not None
        method: Any = self.trainer.lightning_module
        splits = {name: self.split(name) for name in method.train_splits}
        for name, pairs in splits.items():
            if not len(pairs):
                raise UserError(
                    f"--data {type(self).__name__} has no {name} pairs to train on: add pictures of them, raise --data.listed, "
                    "or name another tuple to forget"
                )
        splits = {name: pairs if method.needs_images(name) else pairs.without_images() for name, pairs in splits.items()}
        size = min([self.batch_size, *map(len, splits.values())])
        batches = {
            name: EpochBatches(len(pairs), size, number, self.trainer, whole=True)
            for number, (name, pairs) in enumerate(splits.items())
        }
        same_length(batches, method.loader_mode)
        loaders = {name: DataLoader(splits[name], collate_fn=as_is, **from_batches(part)) for name, part in batches.items()}
        return CombinedLoader(loaders, method.loader_mode)

    def test_dataloader(self) -> DataLoader[Any]:
        """All pictures to measure on, divided among the processes; the last is repeated so that all get the same number."""
        assert self.trainer is not None
        images, rank, world = self.measured.images, self.trainer.global_rank, self.trainer.world_size
        positions = [min(number, len(images) - 1) for number in range(rank, -(-len(images) // world) * world, world)]
        return DataLoader(images, batch_size=self.eval_batch_size, sampler=positions, collate_fn=as_is)
