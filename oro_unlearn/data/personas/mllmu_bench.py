"""MLLMU-Bench: 500 fictitious people and 153 celebrities, with questions of three kinds."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from oro_unlearn.data.personas.parquet_folder import Record, list_in, text_in
from oro_unlearn.data.personas.published_questions import PublishedQuestions, choice
from oro_unlearn.data.personas.row_questions import Row, Use
from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError

TASKS = ("Classification_Task", "Generation_Task", "Mask_Task")
WITH_PICTURE = "Image_Textual"  # type of a question; others are text-only


class MLLMUBench(PublishedQuestions):
    """MLLMU-Bench (Liu et al. 2025, arXiv 2410.22108), in the folders of its publication.

    The people to forget are those of ``forget_5``, ``forget_10`` or ``forget_15``, unless ``forget`` names others. Rows of this
    folder and of ``retain_95``, ``retain_90`` or ``retain_85`` are trained on. ``Test_Set``, with other wordings and pictures
    of the same people, is measured; ``Retain_Set``, celebrities, is the holdout. There is no general set. A person is called by
    the column ``name`` if the files have it, otherwise by ``ID``.

    Args:
        root: Folder with a local copy of the data set.
        forget_percent: 5, 10 or 15: the published people to forget; 0: those that ``forget`` names.
        kwargs: Arguments of :class:`PersonaQuestions`.

    Raises:
        UserError: If a folder or column is missing, or if a person is both in the folders to forget and to retain.
    """

    name = "mllmu_bench"
    source = "the data set MLLMMU/MLLMU-Bench from the Hugging Face Hub"
    percentages = (5, 10, 15)

    def __init__(self, root: str = "MLLMU-Bench", forget_percent: int = 5, **kwargs: Any) -> None:
        super().__init__(root, forget_percent, **kwargs)

    def parts(self, percent: int) -> tuple[list[Row], list[Row], list[Row]]:
        """Rows of the folders to forget, to retain, and to measure."""
        forget, retain = self._rows(f"forget_{percent}", "train"), self._rows(f"retain_{100 - percent}", "train")
        known = {row.question.person for row in (*forget, *retain)}
        test = [row for row in self._rows("Test_Set", "test") if row.question.person in known]
        holdout = self._rows("Retain_Set", "holdout") if self.folder.part("Retain_Set") else []
        return forget, retain, [*test, *holdout]

    def _rows(self, name: str, use: Use) -> list[Row]:
        """All questions of a folder."""
        folder = self.folder.needed(name)
        prefix = "celebrity " if use == "holdout" else ""  # their numbers are also those of fictitious people
        rows = []
        for record in self.folder.rows(folder, ("ID", *TASKS), ("name", "question", "answer")):
            person = record.text("name") if record.values.get("name") else f"{prefix}{record.text('ID')}"
            draw = random.Random(f"{self.seed} {name} {person}")
            for number, (question, shown) in enumerate(_questions(record, draw, biography=use == "train")):
                if shown and not record.pictures:
                    raise UserError(f"{record.where}: there is no picture, and {question.fact} asks about one: remove the row")
                picture = record.pictures[number % len(record.pictures)] if shown else None
                rows.append(Row(question._replace(person=person), picture, use, record.where))
        return rows


def _questions(record: Record, draw: random.Random, biography: bool) -> Iterator[tuple[Question, bool]]:
    """The questions of one person, and whether each is asked with a picture."""
    values, where = record.values, record.where
    if biography and values.get("question") and values.get("answer"):
        yield Question(record.text("question"), record.text("answer"), fact="biography"), True
    tasks = values["Classification_Task"] or {}
    for group, shown in (("Image_Textual_Questions", True), ("Pure_Text_Questions", False)):
        for number, task in enumerate(list_in(tasks, group, where)):
            yield _classification(task, draw, where)._replace(fact=f"classification {number}"), shown
    for number, task in enumerate(list_in(values, TASKS[1], where)):
        question = Question(text_in(task, "Question", where), text_in(task, "Ground_Truth", where), fact=f"generation {number}")
        yield question, text_in(task, "Type", where) == WITH_PICTURE
    for number, task in enumerate(list_in(values, TASKS[2], where)):
        answer, fact = text_in(task, "Ground_Truth", where), f"cloze {number}"
        question = Question(text_in(task, "Question", where), answer, fact=fact, kind="cloze", keyword=answer)
        yield question, text_in(task, "Type", where) == WITH_PICTURE


def _classification(task: Any, draw: random.Random, where: str) -> Question:
    """A question with its options by letter."""
    asked, right = text_in(task, "Question", where), text_in(task, "Correct_Answer", where)
    letters = task.get("Options")
    letters = letters if isinstance(letters, Mapping) else {}
    options = {letter: text_in(letters, letter, where) for letter, text in letters.items() if text is not None}
    if right not in options:
        raise UserError(f"{where}: the answer {right!r} is none of the options of a classification question")
    return choice(asked, options[right], list(options.values()), draw)
