"""Base class of the data modules whose questions are read from files."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

from oro_unlearn.data.personas.persona_questions import PersonaQuestions
from oro_unlearn.data.personas.questions import Load, Questions
from oro_unlearn.files import shortened
from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError

Use = Literal["train", "test", "holdout", "general"]


class Row(NamedTuple):
    """A question that was read."""

    question: Question  # without its picture
    picture: Any  # key of its picture; None for a text-only question
    use: Use
    where: str  # file, and line or row, for messages


class RowQuestions(PersonaQuestions):
    """Questions from files, in rows that say whether they are trained on or measured.

    People with a row of use ``train`` or ``test`` can be forgotten. Rows of use ``holdout`` are about other people, and those
    of use ``general`` about nobody; both are measured.

    Args:
        kwargs: Arguments of :class:`PersonaQuestions`.
    """

    @abstractmethod
    def read(self) -> tuple[list[Row], Load]:
        """All rows, and what gives the picture of a key."""

    @cached_property
    def rows(self) -> list[Row]:
        """All rows, read and checked once.

        Raises:
            UserError: If no row is trained on, or if a person of a row of use ``holdout`` is also trained on or tested.
        """
        rows, self.load = self.read()
        known = {row.question.person: row for row in rows if row.use in ("train", "test")}
        for row in rows:
            if row.use == "holdout" and row.question.person in known:
                other = known[row.question.person]
                raise UserError(
                    f"{row.where}: {shortened(row.question.person)!r} is in the holdout, and at {other.where} in {other.use}: "
                    "put each person into one of them"
                )
        if not any(row.use == "train" for row in rows):
            raise UserError(f"--data {type(self).__name__} has no question to train on: give some rows the split train")
        return rows

    @cached_property
    def _persons(self) -> list[str]:
        return list(dict.fromkeys(row.question.person for row in self.rows if row.use in ("train", "test")))

    @property
    def persons(self) -> list[str]:
        """Names of the people who can be forgotten, in the order of the rows."""
        return self._persons

    def training(self) -> Questions:
        """All rows to train on."""
        return self._used("train")

    def measuring(self, group: str) -> Questions:
        """Rows to measure on."""
        return self._used("test" if group == "people" else group)

    def _used(self, use: str) -> Questions:
        chosen: Sequence[Row] = [row for row in self.rows if row.use == use]
        return Questions([row.question for row in chosen], [row.picture for row in chosen], self.load)
