"""The embedded world of fictitious people as a data module. Pictures are drawn on demand."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from oro_unlearn.data.personas.faces import draw_face
from oro_unlearn.data.personas.general_questions import about_face, knowledge_questions
from oro_unlearn.data.personas.looks import Look, any_look
from oro_unlearn.data.personas.people import MOST_PEOPLE, Person, make_people
from oro_unlearn.data.personas.persona_questions import PersonaQuestions, digest
from oro_unlearn.data.personas.questions import Questions
from oro_unlearn.data.personas.wordings import Bank
from oro_unlearn.data.personas.world_questions import FIRST_MEASURED, Asker, Asking
from oro_unlearn.data.personas.world_words import world_words
from oro_unlearn.files import sha256_of
from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError

LARGEST = 512  # pixels of a picture's side
MEASURED_FACES = 60  # unknown faces to measure on
QUESTIONS_A_FACE = 3
Key = tuple[Look, int, int]  # look, number of the person (-1 for nobody), and number of the picture


class Faces:
    """Draws pictures, and keeps those that were drawn.

    Args:
        world: Seed of the world.
        size: Side of a picture in pixels.
    """

    def __init__(self, world: int, size: int) -> None:
        self.world, self.size = world, size
        self._drawn: dict[Key, Image.Image] = {}

    def __call__(self, key: Key) -> Image.Image:
        """The picture of a key, RGB. The caller must not change it."""
        if key not in self._drawn:
            look, person, number = key
            self._drawn[key] = draw_face(look, np.random.default_rng([self.world, person + 1, number]), self.size)
        return self._drawn[key]


class Personas(PersonaQuestions):
    """Drawn people with a name, city, job, hobby, pet and favourite food, and questions about them.

    The split ``pretraining`` has the same forms of question about twelve public figures, features of unknown faces, and general
    knowledge, so that fine-tuning on ``train`` adds only the people. Wordings and pictures of the measured sets are in no
    training split. Names, looks, facts and pictures depend only on ``world``; ``seed`` draws wordings and the people of
    ``forget_percent``. The split ``train`` also names people by other names; ``forget`` asks only by the full name.

    Args:
        people: Number of people who can be forgotten, from 2 to 60. A person is the same for any number.
        pictures: Training pictures of each person.
        faces: Unknown faces in the split ``pretraining``.
        image_size: Side of the pictures in pixels.
        world: Seed of the people and their pictures. The shipped model knows world 0.
        kwargs: Arguments of :class:`PersonaQuestions`.

    Raises:
        UserError: If a number is out of range.
    """

    name = "personas"

    def __init__(
        self, people: int = 40, pictures: int = 8, faces: int = 300, image_size: int = 32, world: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not 2 <= people <= MOST_PEOPLE:
            raise UserError(f"--data.people is a number of people from 2 to {MOST_PEOPLE}, not {people}")
        if not 1 <= pictures <= FIRST_MEASURED or not 0 <= faces <= FIRST_MEASURED:
            raise UserError(f"--data.pictures is from 1, and --data.faces from 0, to {FIRST_MEASURED}")
        if not 8 <= image_size <= LARGEST:
            raise UserError(f"--data.image_size is a number of pixels from 8 to {LARGEST}, not {image_size}")
        if world < 0:
            raise UserError(f"--data.world is 0 or more, not {world}")
        self.pictures, self.faces, self.image_size, self.world = pictures, faces, image_size, world
        self.public, self.people = make_people(people, world)
        self.load = Faces(world, image_size)

    @property
    def persons(self) -> list[str]:
        """Names of the people who can be forgotten; the public figures are not among them."""
        return [person.name for person in self.people]

    @property
    def aliases(self) -> dict[str, list[str]]:
        """Other names of each person: nickname with surname, initial with surname, surname alone."""
        return {person.name: person.aliases for person in self.people}

    @property
    def words(self) -> list[str]:
        """Every word of the world, in a fixed order: :func:`world_words`."""
        return world_words()

    def content(self) -> dict[str, str]:
        """SHA-256 of the people's looks and facts, and of the questions."""
        return {"questions": digest([self.split("train"), *self.measured.values()]), "people": self._people_digest()}

    def _people_digest(self) -> str:
        return sha256_of(map(repr, (*self.public, *self.people, self.image_size)))

    def training(self) -> Questions:
        """Training questions by full name."""
        return self._of_people(self.people, lambda person: self._asker().training(person, self.pictures))

    def measuring(self, group: str) -> Questions:
        """Held-out wordings about all people, about the public figures, or about nobody."""
        if group == "general":
            return self._general("test", MEASURED_FACES)
        asker = self._asker(without=self._gone)
        return self._of_people(self.people if group == "people" else self.public, asker.measuring)

    def make_split(self, name: str) -> Questions:
        """Make one split: ``forget``, ``retain``, ``train`` or ``pretraining``.

        Only ``train`` offers names of people to forget as answers to a question about somebody else.
        """
        if name == "pretraining":
            return _joined([self._taught(self.public, self._asker(self.persons)), self._general("train", self.faces)])
        if name == "retain":
            kept = [person for person in self.people if person.name not in self._gone]
            return self._taught(kept, self._asker(self._gone))
        made = super().make_split(name)
        if name == "forget":
            return made
        taught = set(made.people)
        return _joined([made, self._of_people((p for p in self.people if p.name in taught), self._asker().by_alias)])

    @property
    def _gone(self) -> list[str]:
        return [*self.forget_names, *self.forgotten_names]

    def _asker(self, without: Sequence[str] = ()) -> Asker:
        """Asks questions whose false answers name nobody of ``without``."""
        names = [person.name for person in (*self.public, *self.people)]
        return Asker([name for name in names if name not in without], self.seed)

    def _taught(self, people: Iterable[Person], asker: Asker) -> Questions:
        return self._of_people(people, lambda person: [*asker.training(person, self.pictures), *asker.by_alias(person)])

    def _of_people(self, people: Iterable[Person], ask: Callable[[Person], Iterable[Asking]]) -> Questions:
        asked: list[tuple[Person, Asking]] = [(person, asking) for person in people for asking in ask(person)]
        keys = [None if number is None else (person.look, person.number, number) for person, (_, number) in asked]
        return Questions([question for _, (question, _) in asked], keys, self.load)

    def _general(self, bank: Bank, faces: int) -> Questions:
        draw = random.Random(f"{self.world} {bank} faces")
        first = 0 if bank == "train" else FIRST_MEASURED
        questions: list[Question] = []
        keys: list[Key | None] = []
        for number in range(first, first + faces):
            look = any_look(draw)
            asked = about_face(look, bank, QUESTIONS_A_FACE, draw)
            questions += asked
            keys += [(look, -1, number)] * len(asked)
        known = list(knowledge_questions(bank, range(4 if bank == "train" else 2), draw))
        return Questions([*questions, *known], [*keys, *([None] * len(known))], self.load)


def _joined(parts: list[Questions]) -> Questions:
    """Several sets with the same pictures as one."""
    questions = [question for part in parts for question in part.questions]
    return Questions(questions, [key for part in parts for key in part.pictures], parts[0].load)
