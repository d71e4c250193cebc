"""The user's own pictures of relations, listed in a manifest."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from oro_unlearn.data.images.image_data import data_root
from oro_unlearn.data.images.image_files import LARGEST, read_image
from oro_unlearn.data.relations.captioned_pairs import CaptionedPairs
from oro_unlearn.data.relations.manifest import Manifest, Row, read_manifest
from oro_unlearn.data.relations.manifest_captions import ManifestCaptions, is_free
from oro_unlearn.data.relations.manifest_inventory import caption_inventory, examples
from oro_unlearn.data.relations.manifest_roles import Fitted, fitted
from oro_unlearn.data.relations.pair_images import PairImages
from oro_unlearn.data.relations.relation_data import RelationData
from oro_unlearn.data.relations.relation_probes import Picture, RelationProbes, make_probes
from oro_unlearn.files import sha256_of
from oro_unlearn.graph import CaptionReader, Captions, Concept, Triple
from oro_unlearn.graph.captions import Bank
from oro_unlearn.graph.wording import brief, wording_key
from oro_unlearn.user_error import UserError

KEPT_IN_MEMORY = 4096  # pictures


class RelationPairs(RelationData):
    """Pictures in a folder, and a manifest that says which tuple of the graph each of them shows.

    Pictures of the training split are trained on in the role that the graph gives their tuple. Pictures of the test split are
    measured. Neighbours with test pictures only count as unlisted. Neutral concepts with test pictures only count as new.

    Args:
        root: Folder of the pictures; default: ``$ORO_DATA``, or ``.data``.
        manifest: The manifest or table of captions, see :func:`read_manifest`. A relative path is also looked up in ``root``.
            Empty: ``manifest``, ``captions`` or ``metadata`` (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``) in ``root``, or in
            its folders ``train`` and ``test``.
        image_size: Side in pixels that the network takes. The shorter side is scaled to this length, and the middle is kept.
        test_share: Fraction of the pictures without a split that is measured instead of trained on.
        encoding: Encoding of the manifest's text, such as cp1252. Empty: that of its byte order mark, or UTF-8 without a mark.
        num_workers: Threads that decode pictures in parallel; 0 for none.
        kwargs: Arguments of :class:`RelationData`.

    Raises:
        UserError: If manifest, graph or a picture is missing; if the manifest is wrong, or has no picture of a tuple to forget.
    """

    name = "relation_pairs"

    def __init__(
        self,
        root: str = "",
        manifest: str = "",
        image_size: int = 224,
        test_share: float = 0.3,
        encoding: str = "",
        num_workers: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= image_size <= LARGEST:
            raise UserError(f"--data.image_size is a number of pixels from 1 to {LARGEST}, not {image_size}")
        if not 0 <= test_share < 1:
            raise UserError(f"--data.test_share is a part in [0, 1), not {test_share}")
        self.root, self.manifest = data_root(root), manifest
        self.image_size, self.test_share = image_size, test_share
        if num_workers < 0:
            raise UserError(f"--data.num_workers is a number of threads, 0 for none, not {num_workers}")
        self.encoding, self.num_workers = encoding, num_workers
        self._splits: dict[str, PairImages] = {}
        self._texts: dict[tuple[Concept, Bank], set[str]] = {}

    @cached_property
    def listing(self) -> Manifest:
        """The tables of captions, read once."""
        return read_manifest(self.manifest, self.root, self.graph, self.test_share, self.encoding)

    def content(self) -> dict[str, str]:
        """SHA-256 of graph, manifest, and the pictures' names and content. Content was hashed when the manifest was read."""
        pictures = repr([(Path(row.path).name, row.digest) for row in self.listing.rows])
        manifest = sha256_of(table.path for table in self.listing.tables)
        return {**super().content(), "manifest": manifest, "pictures": sha256_of([pictures])}

    @cached_property
    def captions(self) -> Captions:
        """Makes the graph's captions; gives the user's neutral captions."""
        return ManifestCaptions(self.graph)

    @cached_property
    def reader(self) -> CaptionReader:
        """Reads captions in the words of the graph."""
        return CaptionReader(self.graph)

    @cached_property
    @brief()
    def fitted(self) -> Fitted:
        """The manifest's rows, checked against the request.

        Raises:
            UserError: If the manifest contradicts the graph, or lacks training or test pictures of the tuples to forget.
        """
        checked = fitted(self.listing.rows, self)
        for split in ("train", "test"):
            if not any(row.concept in self.roles.unsafe and row.split == split for row in checked.rows):
                unread = [*checked.left_out, *(row for row in checked.rows if row.reading == "unread")]
                hint = f" ({len(unread)} captions name no tuple of the graph, such as {examples(unread)[0]})" if unread else ""
                raise UserError(
                    f"{self.listing.tables[0].path}: no {split} picture of {self.forget_names[0]!r}{hint}: add some, give some "
                    f"the split {split}, or forget another tuple"
                )
        return checked

    @property
    def rows(self) -> list[Row]:
        """Pictures that are trained on or measured."""
        return self.fitted.rows

    def texts_of(self, concept: Concept, bank: Bank) -> set[str]:
        """Keys of all captions of a concept in the words or templates of a bank."""
        if (concept, bank) not in self._texts:
            plain, worded = self.captions.plain(concept), self.captions.wordings(concept, bank)
            texts = [*worded, *(text for caption in (plain, *worded) for text in self.captions.sentences(caption, bank))]
            self._texts[concept, bank] = {wording_key(text) for text in texts}
        return self._texts[concept, bank]

    @cached_property
    def concepts(self) -> list[Concept]:
        """All concepts with a caption of their own, abstract concepts of which there are pictures, and neutral captions."""
        return list(dict.fromkeys([*self.concrete, *(row.concept for row in self.rows)]))

    def _shown(self, split: str) -> set[Concept]:
        return {row.concept for row in self.rows if row.split == split}

    def available(self, concepts: Iterable[Concept]) -> list[Any]:
        """The concepts with a picture in the test split."""
        shown = self._shown("test")
        return [concept for concept in concepts if tuple(concept) in shown]

    @cached_property
    def listed(self) -> list[Triple]:
        """Neighbours with a picture in the training split."""
        shown = self._shown("train")
        return [triple for found in self.roles.neighbours.values() for triple in found if tuple(triple) in shown]

    @cached_property
    def neutral(self) -> tuple[list[Concept], list[Concept]]:
        """Neutral concepts and captions with training pictures, and those with test pictures only."""
        train, test = self._shown("train"), self._shown("test")
        found = [*self.roles.neutral, *(concept for concept in self.concepts if is_free(concept, self.graph))]
        return [c for c in found if c in train], [c for c in found if c in test - train]

    def split(self, name: str) -> PairImages:
        """Pairs of a training split: ``unsafe``, ``edges``, ``nodes`` or ``neutral``; ``train``: all, for pretraining."""
        if name not in self._splits:
            rows, draw = self._trained(name), random.Random(f"{self.seed} {name}")
            concepts = [row.concept for row in rows]
            captions = [row.caption or self.captions.plain(row.concept) for row in rows]
            parts = (self._reader(rows), captions, self.slots(concepts), len(rows) <= KEPT_IN_MEMORY)
            if name == "train":
                has_caption = [bool(row.caption) for row in rows]
                self._splits[name] = CaptionedPairs(
                    *parts, concepts=concepts, own=has_caption, graph_captions=self.captions, workers=self.num_workers
                )
            else:
                attacks = [self.attack(concept, "", draw) for concept in concepts]
                self._splits[name] = PairImages(*parts[:2], attacks, *parts[2:], workers=self.num_workers)
        return self._splits[name]

    def _trained(self, split: str) -> list[Row]:
        """Rows of a training split."""
        chosen: dict[str, Sequence[Concept]] = {
            "unsafe": self.roles.unsafe,
            "edges": self.listed,
            "nodes": self.roles.nodes,
            "neutral": self.neutral[0],
            "train": self.concepts,
        }
        wanted = {tuple(concept) for concept in chosen[split]}
        return [row for row in self.rows if row.split == "train" and row.concept in wanted]

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
                raise UserError(f"{rows[number].where}: {error}") from None

        return load

    @property
    def licences(self) -> dict[str, int]:
        """Pictures by licence, for the report."""
        return dict(Counter(row.licence or "not given" for row in self.rows))

    def group_of(self, concept: Concept) -> str:
        """The group of a picture's concept; a caption that names nothing of the graph is neutral."""
        return "neutral" if is_free(concept, self.graph) else super().group_of(concept)

    def inventory(self) -> dict[str, Any]:
        """Summary of the data, with the tables, how their captions were understood, and how the splits were made."""
        return {**super().inventory(), **caption_inventory(self.listing, self.fitted), "licences": self.licences}
