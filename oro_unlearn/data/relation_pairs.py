"""The user's own pictures of relations, listed in a manifest."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from oro_unlearn.data.base import data_root
from oro_unlearn.data.image_files import LARGEST, read_image
from oro_unlearn.data.manifest import Row, read_manifest
from oro_unlearn.data.pair_images import PairImages
from oro_unlearn.data.relation_data import RelationData
from oro_unlearn.data.relation_probes import Picture, RelationProbes, make_probes
from oro_unlearn.graph import Captions, Concept, RelationGraph, Triple
from oro_unlearn.graph.captions import Bank
from oro_unlearn.graph.wording import ARTICLES, brief, wording_key

KEPT_IN_MEMORY = 4096  # pictures


class RelationPairs(RelationData):
    """Pictures in a folder, and a manifest that says which tuple of the graph each of them shows.

    Pictures of the training split are trained on in the role that the graph gives their tuple; pictures of the test split
    are measured. Neighbours and neutral concepts with test pictures only are the unlisted and the new ones.

    Args:
        root: Folder of the pictures; default: ``$ORO_DATA``, or ``.data``.
        manifest: The manifest, see :func:`read_manifest`; relative paths are also looked for in ``root``.
        image_size: Side in pixels that the network takes: the shorter side is scaled to it, the middle is kept.
        test_share: Part of the pictures without a split that is measured instead of trained on.
        kwargs: Arguments of :class:`RelationData`.

    Raises:
        FileNotFoundError: If manifest, graph or a picture is missing.
        ValueError: If the manifest is wrong, or has no picture of what is to be forgotten.
    """

    name = "relation_pairs"

    def __init__(
        self,
        root: str = "",
        manifest: str = "manifest.csv",
        image_size: int = 224,
        test_share: float = 0.3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= image_size <= LARGEST:
            raise ValueError(f"--data.image_size is a number of pixels from 1 to {LARGEST}, not {image_size}")
        if not 0 <= test_share < 1:
            raise ValueError(f"--data.test_share is a part in [0, 1), not {test_share}")
        self.root, self.manifest = data_root(root), manifest
        self.image_size, self.test_share = image_size, test_share
        self._splits: dict[str, PairImages] = {}

    @property
    def manifest_path(self) -> Path:
        """Where the manifest is looked for."""
        return Path(self.manifest) if Path(self.manifest).is_file() else self.root / self.manifest

    def content(self) -> dict[str, str]:
        """Of graph and manifest; of the pictures' names and sizes, for they are too many to be read for this."""
        pictures = repr([(Path(row.path).name, Path(row.path).stat().st_size) for row in self.rows])
        manifest = hashlib.sha256(self.manifest_path.read_bytes()).hexdigest()
        return {**super().content(), "manifest": manifest, "pictures": hashlib.sha256(pictures.encode()).hexdigest()}

    @cached_property
    def captions(self) -> Captions:
        """What the graph can say, and neutral captions of the user's."""
        return ManifestCaptions(self.graph)

    @cached_property
    @brief()
    def rows(self) -> list[Row]:
        """The manifest, read once.

        Raises:
            ValueError: If it lacks pictures of what is to be forgotten, to train on or to measure.
        """
        path = self.manifest_path
        rows = read_manifest(path, self.root, self.graph, self.test_share)
        self._check_groups(rows)
        self._check_captions(rows)
        unsafe = set(self.roles.unsafe)
        for split in ("train", "test"):
            if not any(row.concept in unsafe and row.split == split for row in rows):
                raise ValueError(
                    f"{path}: no {split} picture of {self.forget_names[0]!r}: add some, give some the split {split}, "
                    "or forget another tuple"
                )
        return rows

    def _check_groups(self, rows: Sequence[Row]) -> None:
        """A group that a row names must be the role of its tuple."""
        roles = self.roles
        known: dict[Concept, str] = {**dict.fromkeys(roles.neutral, "neutral"), **dict.fromkeys(roles.nodes, "nodes")}
        known |= {triple: "edges" for found in roles.neighbours.values() for triple in found}
        known |= dict.fromkeys(roles.unsafe, "unsafe")
        for row in rows:
            role = known.get(row.concept, "in no group")
            if row.group not in ("", role) and not _free(row.concept, self.graph):
                raise ValueError(
                    f"{self.manifest_path}:{row.line}: group is {row.group}, but {' '.join(row.concept)!r} is {role} when "
                    f"{self.forget_names[0]!r} is forgotten: correct it, or leave group empty"
                )

    def _check_captions(self, rows: Sequence[Row]) -> None:
        """Captions of the user's must not say of a safe picture what is to be forgotten, nor borrow the other split's words."""
        unsafe = {triple: _pattern(triple, self.graph) for triple in self.roles.unsafe}
        banks: dict[str, Bank] = {"train": "eval", "test": "train"}
        borrowed: dict[tuple[Concept, str], set[str]] = {}
        for row in (row for row in rows if row.caption):
            where, words = f"{self.manifest_path}:{row.line}: the caption {row.caption!r}", _words(row.caption)
            safe = row.concept not in unsafe and not (len(row.concept) == 3 and _pattern(row.concept, self.graph).search(words))
            said = next((triple for triple, pattern in unsafe.items() if safe and pattern.search(words)), None)
            if said:
                raise ValueError(
                    f"{where} says {str(said)!r}, which is to be forgotten, of a picture of {' '.join(row.concept)!r}: "
                    "correct caption or edge"
                )
            bank = banks[row.split]
            if (row.concept, bank) not in borrowed:
                borrowed[row.concept, bank] = self._texts(row.concept, bank)
            if wording_key(row.caption) in borrowed[row.concept, bank]:
                raise ValueError(f"{where} is among the graph's {bank} wordings, but its split is {row.split}: reword it")

    def _texts(self, concept: Concept, bank: Bank) -> set[str]:
        """Keys of all captions of a concept in the words or templates of a bank."""
        plain = self.captions.plain(concept)
        worded = self.captions.wordings(concept, bank)
        texts = [*worded, *(text for caption in (plain, *worded) for text in self.captions.sentences(caption, bank))]
        return {wording_key(text) for text in texts}

    @cached_property
    def concepts(self) -> list[Concept]:
        """Everything with a caption of its own, abstract concepts of which there are pictures, and neutral captions."""
        return list(dict.fromkeys([*self.concrete, *(row.concept for row in self.rows)]))

    def _shown(self, split: str) -> set[Concept]:
        return {row.concept for row in self.rows if row.split == split}

    def available(self, concepts: Iterable[Concept]) -> list[Any]:
        """Those with a picture in the test split."""
        shown = self._shown("test")
        return [concept for concept in concepts if tuple(concept) in shown]

    @cached_property
    def listed(self) -> list[Triple]:
        """Neighbours with a picture in the training split."""
        shown = self._shown("train")
        return [triple for found in self.roles.neighbours.values() for triple in found if tuple(triple) in shown]

    @cached_property
    def neutral(self) -> tuple[list[Concept], list[Concept]]:
        """Neutral concepts and captions with training pictures, and those with test pictures alone."""
        train, test = self._shown("train"), self._shown("test")
        found = [*self.roles.neutral, *(concept for concept in self.concepts if _free(concept, self.graph))]
        return [c for c in found if c in train], [c for c in found if c in test - train]

    def split(self, name: str) -> PairImages:
        """Pairs of a training split: ``unsafe``, ``edges``, ``nodes`` or ``neutral``."""
        if name not in self._splits:
            chosen: dict[str, Sequence[Concept]] = {
                "unsafe": self.roles.unsafe,
                "edges": self.listed,
                "nodes": self.roles.nodes,
                "neutral": self.neutral[0],
            }
            wanted, draw = {tuple(concept) for concept in chosen[name]}, random.Random(f"{self.seed} {name}")
            rows = [row for row in self.rows if row.split == "train" and row.concept in wanted]
            captions = [row.caption or self.captions.plain(row.concept) for row in rows]
            attacks = [self.attack(row.concept, "", draw) for row in rows]
            self._splits[name] = PairImages(
                self._reader(rows), captions, attacks, self.slots([row.concept for row in rows]), len(rows) <= KEPT_IN_MEMORY
            )
        return self._splits[name]

    def probes(self) -> RelationProbes:
        """The test split."""
        rows = [row for row in self.rows if row.split == "test"]
        pictures = [Picture(row.concept, row.context, row.style, row.caption) for row in rows]
        return make_probes(self, pictures, self._reader(rows))

    def _reader(self, rows: Sequence[Row]) -> Any:
        def load(number: int) -> Tensor:
            try:
                return read_image(rows[number].path, self.image_size, 3)
            except ValueError as error:
                raise ValueError(f"{self.manifest_path}:{rows[number].line}: {error}") from None

        return load

    @property
    def licences(self) -> dict[str, int]:
        """Pictures by licence, for the report."""
        return dict(Counter(row.licence or "not given" for row in self.rows))


class ManifestCaptions(Captions):
    """The graph's captions; a neutral picture without an edge is a concept that only its own caption says."""

    def plain(self, concept: Concept) -> str:
        """The concept by its names, or the caption that it is."""
        return concept[0] if _free(concept, self.graph) else super().plain(concept)

    def wordings(self, concept: Concept, bank: Bank) -> list[str]:
        """Captions in words of the bank; none of a concept that is a caption."""
        return [] if _free(concept, self.graph) else super().wordings(concept, bank)


def _free(concept: Concept, graph: RelationGraph) -> bool:
    return len(concept) == 1 and concept[0] not in graph.objects


def _words(text: str) -> str:
    """Lower-case words without articles and punctuation."""
    return " ".join(word for word in wording_key(text).split() if word not in ARTICLES)


def _pattern(triple: Concept, graph: RelationGraph) -> re.Pattern[str]:
    """Finds a tuple in :func:`_words`: any wording of its subject, of its relation and of its object, in a row."""
    subject, thing = (graph.objects[triple[slot]].synonyms for slot in (0, 2))
    banks = (subject, graph.relations[triple[1]].phrases, thing)
    words = [[name, *bank["train"], *bank["eval"]] for name, bank in zip(triple, banks, strict=True)]
    parts = ("|".join(re.escape(_words(word)) for word in choices) for choices in words)
    return re.compile(r"\b" + " ".join(f"(?:{part})" for part in parts) + r"\b")
