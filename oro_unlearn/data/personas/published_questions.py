"""Base class of published sets with people to forget: one folder of Parquet files for each part."""

import random
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from oro_unlearn.data.images.image_data import data_root
from oro_unlearn.data.personas.parquet_folder import ParquetFolder
from oro_unlearn.data.personas.questions import Load
from oro_unlearn.data.personas.row_questions import Row, RowQuestions
from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError


class PublishedQuestions(RowQuestions):
    """Questions of a published set, whose publication names the people to forget.

    A subclass reads the folders in :meth:`parts`.

    Args:
        root: Folder with a local copy of the set. A relative path is also looked up in the folder of all data sets.
        forget_percent: One of the published percentages; 0: the people that ``forget`` names. If ``forget`` names people, it is
            not used.
        kwargs: Arguments of :class:`PersonaQuestions`.

    Attributes:
        source: Where to get the set.
        percentages: The published percentages.
        folder: The local copy.

    Raises:
        UserError: If the percentage was not published.
    """

    source: ClassVar[str]
    percentages: ClassVar[tuple[int, ...]]

    def __init__(self, root: str, forget_percent: int, **kwargs: Any) -> None:
        super().__init__(forget_percent=forget_percent, **kwargs)
        if forget_percent not in (0, *self.percentages):
            published = ", ".join(map(str, self.percentages))
            raise UserError(f"--data.forget_percent of {self.name} is {published} (as published) or 0, not {forget_percent}")
        self.folder = ParquetFolder(data_root(root), self.source)

    @abstractmethod
    def parts(self, percent: int) -> tuple[list[Row], list[Row], list[Row]]:
        """Rows about the people to forget, about those to retain, and all others.

        Args:
            percent: The published percentage of people to forget.
        """

    def read(self) -> tuple[list[Row], Load]:
        """The rows of all folders.

        Raises:
            UserError: If a person is both to be forgotten and to be retained.
        """
        forget, retain, others = self.parts(self.forget_percent or self.percentages[0])
        people = [row.question.person for row in forget]
        twice = sorted(set(people) & {row.question.person for row in retain})
        if twice:
            raise UserError(
                f"{self.folder.root}: {twice[0]!r} is in the folder to forget and in that to retain: download "
                f"{self.source} again"
            )
        self._published = list(dict.fromkeys(people))
        return [*forget, *retain, *others], self.folder.pictures

    def percent_people(self) -> list[str]:
        """The people of the published folder to forget, but those whom earlier requests have forgotten."""
        return [name for name in self._published if name not in self.forgotten_names] if self.rows else []

    def content(self) -> dict[str, str]:
        """SHA-256 of the files that were read."""
        return {"files": self._digest}

    @cached_property
    def _digest(self) -> str:
        return self.folder.sha256() if self.rows else ""


def choice(asked: str, answer: str, options: Sequence[str], draw: random.Random) -> Question:
    """A question that lists all possible answers, in a drawn order.

    Args:
        asked: The question.
        answer: The right answer.
        options: Other possible answers; the right one may be among them.
        draw: Draws the order.

    Example:
        >>> choice("Who is this?", "Ada", ["Ada", "Bob"], random.Random(0)).question
        'Who is this? Choose one: Ada; Bob.'
    """
    listed = list(dict.fromkeys([answer, *options]))
    draw.shuffle(listed)
    wrong = tuple(option for option in listed if option != answer)
    text = f"{asked} Choose one: {'; '.join(listed)}."
    return Question(text, answer, kind="choice", options=tuple(listed), wrong=wrong, keyword=answer)
