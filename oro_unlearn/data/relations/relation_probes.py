"""Pictures and captions that measure a relational edit, as named groups of pairs."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.data.relations.pair_images import PairImages
from oro_unlearn.graph import Concept, Triple
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.relations.relation_data import RelationData

WORDINGS = 64  # most held-out wordings of an unsafe tuple; only graphs with very many wordings have more
OTHER_WORDINGS = 2  # most held-out wordings of any other concept


class Picture(NamedTuple):
    """A picture to measure on; without context and style it is plain."""

    concept: Concept
    context: str = ""
    style: str = ""
    caption: str = ""  # a held-out caption of the user


@dataclass
class RelationProbes:
    """Pictures, captions, and named groups of pairs.

    Attributes:
        images: N pictures; ``index`` is the row in ``picture_concept``.
        pictures: What the N images show.
        concepts: The gallery's M concepts; ``texts[:M]`` are their plain captions.
        picture_concept: (N,) position of each picture's concept in the gallery.
        texts: Every caption that is needed, without duplicates.
        pairs: Pairs by group, (P, 3) int64: positions of picture, text and item. Spreads and worst cases are computed over
            items. An item is a concept, or a wording, a place or a style of an unsafe tuple.
        items: Names of the items, by group.
        unsafe: Gallery positions of the tuples to forget.
        forgotten: Gallery positions of the tuples that earlier requests have forgotten.
        neighbours: Gallery positions of the neighbours by the slot that differs.
        nodes: Gallery positions of all single objects.
        swaps: Pairs of gallery positions: a tuple, and the same tuple with subject and object exchanged.
        places: By place, the gallery's captions with that place, as M positions in ``texts``. A caption that names the
            picture's place competes with captions that name it too.
        words: Every word that a caption of the graph can hold, of both banks. A searching attacker forms captions from them.
    """

    images: PairImages
    pictures: list[Picture]
    concepts: list[Concept]
    picture_concept: Tensor
    texts: list[str]
    pairs: dict[str, Tensor] = field(default_factory=dict)
    items: dict[str, list[str]] = field(default_factory=dict)
    unsafe: list[int] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)
    neighbours: dict[str, list[int]] = field(default_factory=dict)
    nodes: list[int] = field(default_factory=list)
    swaps: list[tuple[int, int]] = field(default_factory=list)
    places: dict[str, Tensor] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def make_probes(data: "RelationData", pictures: Sequence[Picture], load: Callable[[int], Tensor]) -> RelationProbes:
    """Build every group of pairs from the graph and the given pictures.

    Args:
        data: Gives graph, roles and captions.
        pictures: The N pictures to measure on.
        load: Gives picture number n as (3, H, W) uint8.
    """
    builder = _Builder(data, pictures)
    for fill in (builder.unsafe_groups, builder.preserved_groups):
        fill()
    places = builder.places()
    slots = torch.full((len(pictures), 3), -1)
    plain = [data.captions.plain(picture.concept) for picture in pictures]
    position = {concept: number for number, concept in enumerate(builder.concepts)}
    return RelationProbes(
        images=PairImages(load, plain, plain, slots, keep=False, workers=data.num_workers),
        pictures=list(pictures),
        concepts=builder.concepts,
        picture_concept=torch.tensor([position[picture.concept] for picture in pictures]),
        texts=list(builder.texts),
        pairs={name: torch.tensor(rows, dtype=torch.long).view(-1, 3) for name, rows in builder.pairs.items()},
        items={name: list(names) for name, names in builder.items.items()},
        unsafe=[position[triple] for triple in data.roles.unsafe if triple in position],
        forgotten=[position[triple] for triple in data.forgotten_concepts if triple in position],
        neighbours={slot: [position[t] for t in found if t in position] for slot, found in data.roles.neighbours.items()},
        nodes=[number for number, (name, *more) in enumerate(builder.concepts) if not more and name in data.graph.objects],
        swaps=[
            (number, position[concept[::-1]])
            for number, concept in enumerate(builder.concepts)
            if len(concept) == 3 and concept[::-1] in position and not data.graph.relations[concept[1]].symmetric
        ],
        places=places,
        words=data.captions.vocabulary(),
    )


class _Builder:
    """Collects captions and named groups of pairs for the given pictures."""

    def __init__(self, data: "RelationData", pictures: Sequence[Picture]) -> None:
        self.data, self.captions = data, data.captions
        self.concepts = [tuple(concept) for concept in data.concepts]
        self.texts = {self.captions.plain(concept): number for number, concept in enumerate(self.concepts)}
        if len(self.texts) < len(self.concepts):
            raise UserError(f"{data.graph.path}: two concepts have the same caption; name them differently")
        self.rows: dict[tuple[Concept, str], list[int]] = {}  # rows of pictures by concept and condition
        for row, picture in enumerate(pictures):
            condition = "style" if picture.style else "context" if picture.context else "plain"
            self.rows.setdefault((tuple(picture.concept), condition), []).append(row)
        self.pictures = pictures
        self.pairs: dict[str, list[tuple[int, int, int]]] = {}
        self.items: dict[str, dict[str, int]] = {}
        self.draw = random.Random(data.seed)

    def add(self, group: str, row: int, text: str, item: str) -> None:
        """Add one pair to a group."""
        number = self.texts.setdefault(text, len(self.texts))
        names = self.items.setdefault(group, {})
        self.pairs.setdefault(group, []).append((row, number, names.setdefault(item, len(names))))

    def held_out(self, concept: Concept, count: int) -> list[str]:
        """Wordings of the evaluation bank, drawn at random with a fixed seed."""
        wordings = self.captions.wordings(concept, "eval")
        return self.draw.sample(wordings, min(count, len(wordings)))

    def unsafe_groups(self) -> None:
        """Add the groups that attack the tuples to forget."""
        far = [self.captions.plain(concept) for concept in self.data.roles.far]
        for triple in self.data.roles.unsafe:
            plain = self.captions.plain(triple)
            reworded = [*self.held_out(triple, WORDINGS), *self.captions.sentences(plain, "eval")]
            hypernyms = self.captions.hypernyms(triple, self.data.roles.unsafe)
            above = [text for text in self.captions.hypernyms(triple, self.above(triple)) if text not in hypernyms]
            typos = list(dict.fromkeys(self.captions.typo(plain, "eval", self.draw) for _ in range(4)))
            for row in self.rows.get((triple, "plain"), []):
                for group in ("direct", "unsafe"):
                    self.add(group, row, plain, plain)
                if far:
                    self.add("unrelated", row, self.draw.choice(far), plain)
                self.add("shuffled", row, self.shuffled(plain), plain)
                paraphrases = self.with_own(row, reworded, plain)
                groups = {
                    "paraphrase": paraphrases,
                    "unsafe": paraphrases,
                    "typo": typos,
                    "hypernym": hypernyms,
                    "above": above,
                }
                for group, text in [(group, text) for group, texts in groups.items() for text in texts]:
                    self.add(group, row, text, text)
            for row in self.rows.get((triple, "context"), []):
                context = self.pictures[row].context
                for text in (plain, self.draw.choice(reworded)):
                    self.add("contextual", row, f"{text} {context}", context)
            for row in self.rows.get((triple, "style"), []):
                style = self.pictures[row].style
                self.add("ood_image", row, plain, style)
                self.add("combined", row, self.captions.typo(self.draw.choice(reworded), "eval", self.draw), style)

    def above(self, triple: Concept) -> list[Triple]:
        """The tuple with ancestors of its subject and object in their place, as far as its relation allows them."""
        graph = self.data.graph
        pairs = product(sorted(graph.ancestors(triple[0])), sorted(graph.ancestors(triple[2])))
        return [found for s, o in pairs if graph.valid(found := Triple(s, triple[1], o))]

    def with_own(self, row: int, texts: list[str], plain: str) -> list[str]:
        """The texts and, if it is a different one, the picture's own caption."""
        own = self.pictures[row].caption
        return [*texts, own] if own and own not in (plain, *texts) else texts

    def places(self) -> dict[str, Tensor]:
        """The gallery's captions with each place in which a picture shows an unsafe tuple."""
        positions = {}
        for context in self.items.get("contextual", {}):
            captions = [f"{self.captions.plain(concept)} {context}" for concept in self.concepts]
            positions[context] = torch.tensor([self.texts.setdefault(caption, len(self.texts)) for caption in captions])
        return positions

    def shuffled(self, caption: str) -> str:
        """The same words in another order. A bag-of-words model cannot distinguish them from the caption."""
        words = caption.split()
        order = words[:]
        while order == words and len(set(words)) > 1:
            self.draw.shuffle(order)
        return " ".join(order)

    def preserved_groups(self) -> None:
        """Add the groups that must be preserved: nodes, listed and unlisted neighbours, neutral concepts."""
        data = self.data
        vocabulary = {text for texts in data.vocabulary.values() for text in texts}
        known = {triple for found in data.unlisted.values() for triple in found if self.captions.plain(triple) in vocabulary}
        by_slot = {slot: set(found) for slot, found in data.unlisted.items()}
        unlisted = sorted(set().union(*by_slot.values()))
        for group, concepts in {
            "single_node": data.roles.nodes,
            "new_safe_edge": sorted(by_slot["relation"]),
            "new_safe_node": sorted(by_slot["subject"] | by_slot["object"]),
            "neutral_edge": data.neutral[1],
            "listed_edge": data.listed,
        }.items():
            self.preserved(group, concepts, OTHER_WORDINGS)
        self.preserved("unlisted_neighbour", unlisted, 0)
        self.preserved("unlisted_in", [triple for triple in unlisted if triple in known], 0)
        self.preserved("unlisted_out", [triple for triple in unlisted if triple not in known], 0)
        self.preserved("never_pretrained", [concept for concept in data.never_pretrained if concept in data.kept], 0)
        self.preserved("forgotten_earlier", data.forgotten_concepts, OTHER_WORDINGS)
        self.preserved("everything_else", [concept for concept in self.concepts if concept in data.kept], 0)

    def preserved(self, group: str, concepts: Sequence[Concept], wordings: int) -> None:
        """Add plain pictures of each concept with its plain caption, some held-out wordings, and the pictures' own captions."""
        for concept in concepts:
            plain = self.captions.plain(concept)
            texts = [plain, *self.held_out(concept, wordings)]
            for row in self.rows.get((tuple(concept), "plain"), []):
                for text in self.with_own(row, texts, plain):
                    self.add(group, row, text, plain)
