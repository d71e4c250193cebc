"""Concepts made up from a graph: sets of tuples of which a few are marked, to train on without any label."""

import random
from typing import NamedTuple

import torch
from torch import Tensor

from oro_unlearn.graph import Triple
from oro_unlearn.risk.listing import Listing

MOST = 0.3  # largest part of all tuples that a concept holds
SHARE = 0.4  # largest part of a concept that is marked
MOST_MARKED = 50  # tuples of a concept that are marked, without what follows from them
TRIES = 50


class MadeConcept(NamedTuple):
    """A set of tuples, by place in the listing.

    Args:
        members: All tuples of the set.
        marked: Some of them, with all that follows from these; fewer than the members.
        safe: Some tuples outside.
    """

    members: list[int]
    marked: list[int]
    safe: list[int]


class ConceptMaker:
    """Draws concepts: all below a tuple of the hierarchy, two of these together, or objects that have nothing in common.

    Args:
        listing: The tuples. Their marks are not read.
        generator: Source of randomness.
    """

    def __init__(self, listing: Listing, generator: random.Random) -> None:
        self.listing, self.generator = listing, generator
        self.place = {triple: number for number, triple in enumerate(listing.triples)}
        self.nodes = listing.graph.nodes()
        self.above = {name: sorted(listing.graph.ancestors(name)) for name in self.nodes}

    def draw(self) -> MadeConcept | None:
        """A concept with at least two tuples, and others outside; None if the graph allows none after some tries."""
        for _ in range(TRIES):
            kind = self.generator.random()
            members = self._below() if kind < 0.35 else self._below() | self._below() if kind < 0.5 else self._loose()
            if 2 <= len(members) <= max(2, MOST * len(self.place)) and len(members) < len(self.place):
                ordered = sorted(members)
                count = self.generator.randint(1, max(1, min(MOST_MARKED, int(SHARE * len(ordered)))))
                marked = self.following(self.generator.sample(ordered, count)) & members
                if len(marked) < len(members):
                    return MadeConcept(ordered, sorted(marked), self._outside(members))
        return None

    def following(self, places: list[int]) -> set[int]:
        """Places of the tuples and of all that follow from them."""
        graph = self.listing.graph
        found = (triple for place in places for triple in graph.closure(self.listing.triples[place]))
        return {self.place[triple] for triple in found if triple in self.place}

    def _below(self) -> set[int]:
        """Everything below a random tuple above a random concrete one."""
        subject, relation, thing = self.generator.choice(self.listing.triples)
        general = Triple(self.generator.choice(self.above[subject]), relation, self.generator.choice(self.above[thing]))
        return {self.place[triple] for triple in self.listing.graph.closure(general) if triple in self.place}

    def _loose(self) -> set[int]:
        """Up to four subjects, two relations and four objects, in all combinations that are valid."""
        seeds = [self.generator.choice(self.listing.triples) for _ in range(4)]
        subjects = {triple.subject for triple in seeds[: self.generator.randint(1, 4)]}
        relations = {triple.relation for triple in seeds[: self.generator.randint(1, 2)]}
        things = {triple.object for triple in seeds[: self.generator.randint(1, 4)]}
        pairs = [Triple(s, r, o) for s in subjects for r in relations for o in things]
        return {self.place[triple] for triple in pairs if triple in self.place}

    def _outside(self, members: set[int]) -> list[int]:
        """No or up to five tuples outside, half of the times."""
        count = self.generator.randint(0, 5) if self.generator.random() < 0.5 else 0
        drawn = [self.generator.randrange(len(self.place)) for _ in range(count)]
        return sorted(set(drawn) - members)


def places(numbers: list[int]) -> Tensor:
    """Places as an int64 tensor, also of an empty list."""
    return torch.tensor(numbers, dtype=torch.int64)
