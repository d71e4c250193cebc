"""The user's own pictures of relations, listed in a manifest."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from oro_unlearn.data.base import data_root
from oro_unlearn.data.image_files import read_image
from oro_unlearn.data.manifest import Row, read_manifest
from oro_unlearn.data.pair_images import PairImages
from oro_unlearn.data.relation_data import RelationData
from oro_unlearn.data.relation_probes import Picture, RelationProbes, make_probes
from oro_unlearn.graph import Concept, Triple

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
        if image_size < 1:
            raise ValueError(f"--data.image_size is a number of pixels, at least 1, not {image_size}")
        if not 0 <= test_share < 1:
            raise ValueError(f"--data.test_share is a part in [0, 1), not {test_share}")
        self.root, self.manifest = data_root(root), manifest
        self.image_size, self.test_share = image_size, test_share
        self._splits: dict[str, PairImages] = {}

    @cached_property
    def rows(self) -> list[Row]:
        """The manifest, read once.

        Raises:
            ValueError: If it lacks pictures of what is to be forgotten, to train on or to measure.
        """
        path = Path(self.manifest) if Path(self.manifest).is_file() else self.root / self.manifest
        rows = read_manifest(path, self.root, self.graph, self.test_share)
        unsafe = set(self.roles.unsafe)
        for split in ("train", "test"):
            if not any(row.concept in unsafe and row.split == split for row in rows):
                raise ValueError(f"{path}: no {split} picture of {self.forget_names[0]!r}: add some, or forget another tuple")
        return rows

    @cached_property
    def concepts(self) -> list[Concept]:
        """Everything with a caption of its own, and abstract concepts of which there are pictures."""
        return list(dict.fromkeys([*super().concepts, *(row.concept for row in self.rows)]))

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
        """Neutral concepts with training pictures, and those with test pictures alone."""
        train, test = self._shown("train"), self._shown("test")
        found = [tuple(concept) for concept in self.roles.neutral]
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
        return make_probes(self, [Picture(row.concept, row.context, row.style) for row in rows], self._reader(rows))

    def _reader(self, rows: Sequence[Row]) -> Any:
        def load(number: int) -> Tensor:
            return read_image(rows[number].path, self.image_size, 3)

        return load

    @property
    def licences(self) -> dict[str, int]:
        """Pictures by licence, for the report."""
        return dict(Counter(row.licence or "not given" for row in self.rows))
