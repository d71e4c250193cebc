"""The questions of the embedded world about its people."""

import random
from collections.abc import Iterator, Sequence

from oro_unlearn.data.personas.people import FACTS, VALUES, Person
from oro_unlearn.data.personas.wordings import ASKED, KINDS, THIS, Bank, Kind, ask
from oro_unlearn.networks import Question

Asking = tuple[Question, int | None]  # a question, and the number of its picture; None for a text-only question
CYCLE: tuple[Kind, ...] = ("free", "cloze", "free", "choice")  # kinds of a fact's questions, one after the other
FACTS_A_PICTURE = 4  # facts that are asked for each training picture
FIRST_MEASURED = 1 << 16  # number of the first picture to measure on; training uses the numbers from 0


class Asker:
    """Asks for the facts of people in a world.

    Args:
        names: Names of all people, for false answers to the question for a name.
        seed: Seed of the wordings, the false answers and the order of options.
    """

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self.names, self.seed = list(names), seed

    def training(self, person: Person, pictures: int) -> Iterator[Asking]:
        """Training questions about one person: four facts for each picture, and each fact four times in text.

        Args:
            person: The person.
            pictures: Number of training pictures.
        """
        draw = random.Random(f"{self.seed} train {person.number}")
        asked = dict.fromkeys(FACTS, 0)
        for picture in range(pictures):
            for place in range(FACTS_A_PICTURE):
                fact = FACTS[(picture * FACTS_A_PICTURE + place) % len(FACTS)]
                kind = CYCLE[(asked[fact] + person.number) % len(CYCLE)]
                asked[fact] += 1
                yield self._ask(person, fact, THIS, kind, "train", draw.randrange(100), draw), picture
        for fact in VALUES:
            first = draw.randrange(100)
            for number, kind in enumerate(CYCLE):
                yield self._ask(person, fact, person.name, kind, "train", first + number, draw), None

    def by_alias(self, person: Person) -> Iterator[Asking]:
        """A training question for each fact that names the person by another name."""
        draw = random.Random(f"{self.seed} alias {person.number}")
        for number, fact in enumerate(VALUES):
            alias = person.aliases[(number + person.number) % len(person.aliases)]
            yield self._ask(person, fact, alias, "free", "train", draw.randrange(100), draw), None

    def measuring(self, person: Person) -> Iterator[Asking]:
        """Questions to measure on: each fact in each kind and each held-out wording, on pictures that no training has."""
        draw = random.Random(f"measured {person.number}")
        for number, (fact, kind) in enumerate((fact, kind) for fact in FACTS for kind in KINDS):
            for wording in range(2):
                picture = FIRST_MEASURED + 2 * number + wording
                yield self._ask(person, fact, THIS, kind, "test", wording, draw), picture
                if fact != "name":
                    yield self._ask(person, fact, person.name, kind, "test", wording, draw), None

    def _ask(self, person: Person, fact: str, who: str, kind: Kind, bank: Bank, wording: int, draw: random.Random) -> Question:
        values = self.names if fact == "name" else VALUES[fact]
        question = ask(fact, ASKED[fact], who, person.facts[fact], values, kind, bank, wording, draw)
        return question._replace(person=person.name)
