"""CLEAR: 200 fictitious authors with pictures and with the questions of TOFU."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from oro_unlearn.data.personas.parquet_folder import Record
from oro_unlearn.data.personas.published_questions import PublishedQuestions, choice
from oro_unlearn.data.personas.row_questions import Row, Use
from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError

CAPTION_TRAIN = (
    "What does this picture show?",
    "Please describe this picture.",
    "Who is in this picture, and what is going on?",
    "What do you see here?",
)
CAPTION_TEST = ("Please say what can be seen in this picture.", "Describe the person and the scene.")
NAME_TRAIN = ("What is the name of this person?", "Who is the person in this picture?")
NAME_TEST = ("Please tell me this person's name.", "Whom does this picture show?")
Perturbed = dict[tuple[str, str], Record]  # by name and caption


class CLEAR(PublishedQuestions):
    """CLEAR (Dontsov et al. 2024, arXiv 2410.18057), in the folders of its publication.

    The people to forget are those of the folder ``forget01``, ``forget05`` or ``forget10`` (``forget1``, ``forget5``), unless
    ``forget`` names others. Captions and names are asked for with a picture. The share ``test_share`` of each person's pictures
    is measured and not trained on. The questions of the folders ``...+tofu`` are text-only; their person is found by the name.
    Each asks for another fact, and no other wording of it is published: all are trained on, and the share ``test_share`` is
    measured too. False captions and names of measured pictures come from the folders
    ``..._perturbed``. ``real_faces`` is the holdout, ``real_world`` the general set.

    Args:
        root: Folder with a local copy of the data set.
        forget_percent: 1, 5 or 10: the published people to forget; 0: those that ``forget`` names.
        test_share: Share of each person's pictures and questions to measure on, in (0, 1).
        kwargs: Arguments of :class:`PersonaQuestions`.

    Raises:
        UserError: If a folder or column is missing, or if a person is both in the folders to forget and to retain.
    """

    name = "clear"
    source = "the data set therem/CLEAR from the Hugging Face Hub"
    percentages = (5, 1, 10)

    def __init__(self, root: str = "CLEAR", forget_percent: int = 5, test_share: float = 0.2, **kwargs: Any) -> None:
        super().__init__(root, forget_percent, **kwargs)
        if not 0 < test_share < 1:
            raise UserError(f"--data.test_share is a part in (0, 1), not {test_share}")
        self.test_share = test_share

    def parts(self, percent: int) -> tuple[list[Row], list[Row], list[Row]]:
        """Rows of the folders to forget, of those to retain, and of ``real_faces`` and ``real_world``."""
        forget, retain = _spellings("forget", percent), _spellings("retain", 100 - percent)
        perturbed = self._perturbed([f"{name}_perturbed" for name in forget])
        others = [*self._elsewhere("real_faces", "holdout"), *self._elsewhere("real_world", "general")]
        return self._of_people(forget, perturbed), self._of_people(retain, perturbed), others

    def _of_people(self, names: Sequence[str], perturbed: Perturbed) -> list[Row]:
        """The questions with and without pictures of one folder, whose name has several spellings."""
        records = list(self.folder.rows(self.folder.needed(*names), ("image", "caption", "name")))
        people = [record.text("name") for record in records]
        texts = self._of_texts([f"{name}+tofu" for name in names], list(dict.fromkeys(people)))
        return [*self._of_pictures(records, people, perturbed), *texts]

    def _perturbed(self, forget: Sequence[str]) -> Perturbed:
        """Rows with false captions, by name and caption."""
        columns = ("caption", "name", "perturbed_captions", "paraphrased_caption", "perturbed_names")
        found = [folder for folder in (self.folder.part(*forget), self.folder.part("retain_perturbed")) if folder]
        records = [record for folder in found for record in self.folder.rows(folder, columns)]
        return {(str(record.values["name"]), str(record.values["caption"])): record for record in records}

    def _of_pictures(self, records: list[Record], people: list[str], perturbed: Perturbed) -> Iterator[Row]:
        """Questions for caption and name of each picture."""
        for record, use, number in self._divided(records, people):
            name, caption = record.text("name"), record.text("caption")
            known = perturbed.get((name, caption))
            false = tuple(known.texts("perturbed_captions")) if known else ()
            names = tuple(other for other in known.texts("perturbed_names") if other != name) if known else ()
            keyword = name if name in caption else ""
            caption_words, name_words = (CAPTION_TRAIN, NAME_TRAIN) if use == "train" else (CAPTION_TEST, NAME_TEST)
            asked = caption_words[number % len(caption_words)]
            said = Question(asked, caption, person=name, fact="caption", wrong=false, keyword=keyword)
            called = [f"This person is {one}." for one in (name, *names)]
            asked = name_words[number % len(name_words)]
            who = Question(asked, called[0], person=name, fact="name", wrong=tuple(called[1:]), keyword=name)
            for picture in record.pictures[:1]:
                yield from (Row(question, picture, use, record.where) for question in (said, who))

    def _of_texts(self, names: Sequence[str], people: list[str]) -> list[Row]:
        """The questions of TOFU. One that names nobody is about the person of the question before it."""
        folder = self.folder.part(*names)
        if folder is None or not people:
            return []
        columns = ("question", "answer")
        records = [record for record in self.folder.rows(folder, columns) if record.values["question"] and not record.pictures]
        persons = _persons_of([f"{record.text('question')} {record.text('answer')}" for record in records], people)
        rows = []
        for (record, use, number), person in zip(self._divided(records, persons), persons, strict=True):
            question = Question(record.text("question"), record.text("answer"), person=person, fact=f"question {number}")
            uses: tuple[Use, ...] = ("train", "test") if use == "test" else ("train",)  # nothing else teaches the fact
            rows += [Row(question, None, own, record.where) for own in uses]
        return rows

    def _divided(self, records: list[Record], people: list[str]) -> Iterator[tuple[Record, Use, int]]:
        """Each record with its use and its number among those of its person."""
        of_person: dict[str, list[int]] = defaultdict(list)
        for row, person in enumerate(people):
            of_person[person].append(row)
        measured: set[int] = set()
        for person, rows in of_person.items():
            count = min(max(1, round(self.test_share * len(rows))), len(rows) - 1)
            measured |= set(random.Random(f"{self.seed} {person}").sample(rows, count))
        seen: dict[str, int] = defaultdict(int)
        for row, (record, person) in enumerate(zip(records, people, strict=True)):
            yield record, "test" if row in measured else "train", seen[person]
            seen[person] += 1

    def _elsewhere(self, name: str, use: Literal["holdout", "general"]) -> Iterator[Row]:
        """Questions of kind choice about real people or the world; none if the folder is missing."""
        folder = self.folder.part(name)
        draw = random.Random(f"{self.seed} {name}")
        columns = ("answer", "options") if use == "holdout" else ("question", "answer", "options")
        for record in self.folder.rows(folder, columns) if folder else ():
            answer = record.text("answer")
            asked = NAME_TEST[1] if use == "holdout" else record.text("question")
            question = choice(asked, answer, record.texts("options"), draw)
            person = answer if use == "holdout" else ""
            picture = record.pictures[0] if record.pictures else None
            yield Row(question._replace(person=person, fact=name), picture, use, record.where)


def _spellings(part: str, percent: int) -> tuple[str, ...]:
    """Names of a folder, as ``forget05`` and ``forget5``."""
    return tuple(dict.fromkeys((f"{part}{percent:02d}", f"{part}{percent}")))


def _persons_of(texts: Sequence[str], people: Sequence[str]) -> list[str]:
    """The person of each text: whom it names, or the person of the text before it; before any name, the first named."""
    named = [next((person for person in people if person in text), "") for text in texts]
    current = next(filter(None, named), people[0])
    persons = []
    for name in named:
        current = name or current
        persons.append(current)
    return persons
