"""A set of questions whose pictures are read or drawn on demand."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.utils.data import Dataset

from oro_unlearn.networks import Question

Numbered = tuple[int, Question]  # position in the set, and the question with its picture
Load = Callable[[Any], Any]  # gives the RGB picture of a key


class Questions(Dataset[Any]):
    """Questions, and the keys of their pictures.

    Args:
        questions: The questions without pictures.
        pictures: For each question, the key of its picture; None for a question without a picture.
        load: Gives the RGB picture of a key. It must be picklable if worker processes are to read pictures.

    Attributes:
        people: The person of each question; empty for nobody.
    """

    def __init__(self, questions: Sequence[Question], pictures: Sequence[Any], load: Load) -> None:
        self.questions, self.pictures, self.load = list(questions), list(pictures), load
        self.people = [question.person for question in self.questions]

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, position: int) -> Question:
        """The question with its picture."""
        key = self.pictures[position]
        question = self.questions[position]
        return question if key is None else question._replace(image=self.load(key))

    def __getitems__(self, positions: Sequence[int]) -> list[Numbered]:
        """Several questions, each with its position in this set."""
        return [(int(position), self[int(position)]) for position in positions]

    def subset(self, positions: Sequence[int]) -> "Questions":
        """A set of some of the questions, numbered anew from 0."""
        chosen = [int(position) for position in positions]
        return Questions([self.questions[n] for n in chosen], [self.pictures[n] for n in chosen], self.load)

    def where(self, wanted: Callable[[Question], bool]) -> "Questions":
        """The set of the questions for which ``wanted`` is true."""
        return self.subset([number for number, question in enumerate(self.questions) if wanted(question)])

    def with_picture(self, wanted: bool) -> "Questions":
        """The set of the questions with a picture, or of those without."""
        return self.subset([number for number, key in enumerate(self.pictures) if (key is not None) == wanted])


class MeasuredQuestions(Dataset[Any]):
    """Several sets one after the other, as one set for a loader.

    Args:
        sets: The sets.
    """

    def __init__(self, sets: Sequence[Questions]) -> None:
        self.sets = list(sets)
        self.places = [(number, position) for number, part in enumerate(self.sets) for position in range(len(part))]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, item: int) -> tuple[int, int, Question]:
        """Number of the set, position in it, and the question with its picture."""
        number, position = self.places[item]
        return number, position, self.sets[number][position]
