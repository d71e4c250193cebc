"""MLLMU-Bench: 500 fictitious people and 153 celebrities, with questions of three kinds."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from oro_unlearn.data.personas.parquet_folder import Record
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
            person = str(record.values.get("name") or f"{prefix}{record.values['ID']}")
            draw = random.Random(f"{self.seed} {name} {person}")
            for number, (question, shown) in enumerate(_questions(record, draw, biography=use == "train")):
                picture = record.pictures[number % len(record.pictures)] if shown and record.pictures else None
                rows.append(Row(question._replace(person=person), picture, use, record.where))
        return rows


def _questions(record: Record, draw: random.Random, biography: bool) -> Iterator[tuple[Question, bool]]:
    """The questions of one person, and whether each is asked with a picture."""
    values = record.values
    if biography and values.get("question") and values.get("answer"):
        yield Question(str(values["question"]), str(values["answer"]), fact="biography"), True
    tasks: Mapping[str, Any] = values["Classification_Task"] or {}
    for group, shown in (("Image_Textual_Questions", True), ("Pure_Text_Questions", False)):
        for number, task in enumerate(tasks.get(group) or ()):
            options = {letter: str(text) for letter, text in (task["Options"] or {}).items() if text is not None}
            right = task["Correct_Answer"]
            if right not in options:
                raise UserError(f"{record.where}: the answer {right!r} is none of the options of a classification question")
            question = choice(str(task["Question"]), options[right], list(options.values()), draw)
            yield question._replace(fact=f"classification {number}"), shown
    for number, task in enumerate(values["Generation_Task"] or ()):
        fact = f"generation {number}"
        yield Question(str(task["Question"]), str(task["Ground_Truth"]), fact=fact), task["Type"] == WITH_PICTURE
    for number, task in enumerate(values["Mask_Task"] or ()):
        answer, fact = str(task["Ground_Truth"]), f"cloze {number}"
        question = Question(str(task["Question"]), answer, fact=fact, kind="cloze", keyword=answer)
        yield question, task["Type"] == WITH_PICTURE
