"""Questions about people from a file of the user's own."""

import random
from collections import defaultdict
from typing import Any

from oro_unlearn.data.images.image_data import data_root
from oro_unlearn.data.images.image_files import inspect_all
from oro_unlearn.data.personas.jsonl_rows import read_jsonl
from oro_unlearn.data.personas.picture_files import PictureFiles
from oro_unlearn.data.personas.questions import Load
from oro_unlearn.data.personas.row_questions import Row, RowQuestions, Use
from oro_unlearn.files import sha256, sha256_of
from oro_unlearn.user_error import UserError


class PersonaFile(RowQuestions):
    """Questions in a JSONL file: ``image``, ``question``, ``answer`` and ``person``, optionally ``split`` and more.

    Of each person's rows without a split, the share ``test_share`` is measured, and at least one of two or more; the others are
    trained on. Rows with the same picture stay together, and so do text-only rows with the same question. See
    docs/persona_data.md for all fields.

    Args:
        file: The file. A relative path is also looked up in the folder of all data sets: ``$ORO_DATA``, or ``.data``.
        test_share: Share of each person's rows without a split to measure on, in [0, 1).
        kwargs: Arguments of :class:`PersonaQuestions`.

    Raises:
        UserError: If the file is missing, if a line is wrong, or if a picture is missing or damaged.
    """

    name = "persona_file"

    def __init__(self, file: str = "personas.jsonl", test_share: float = 0.2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= test_share < 1:
            raise UserError(f"--data.test_share is a part in [0, 1), not {test_share}")
        self.file, self.test_share = data_root(file), test_share

    def read(self) -> tuple[list[Row], Load]:
        """The rows of the file, each with its use."""
        rows = read_jsonl(self.file)
        places = {row.picture: row.where for row in reversed(rows) if row.picture}
        for path, facts in zip(places, inspect_all(list(places)), strict=True):
            if facts.problem:
                raise UserError(f"{places[path]}: cannot read image {path} ({facts.problem}): repair it or remove the row")
        return self._divided(rows), PictureFiles(places)

    def content(self) -> dict[str, str]:
        """SHA-256 of the file and of the pictures."""
        pictures = sorted({row.picture for row in self.rows if row.picture})
        return {"questions": sha256(self.file), "pictures": sha256_of(sha256(path) for path in pictures)}

    def _divided(self, rows: list[Row]) -> list[Row]:
        """The rows, those without a split divided into ``train`` and ``test``."""
        parts: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            if not row.use:
                parts[row.question.person].append(_part(row))
        measured = set()
        for person, keys in parts.items():
            order = list(dict.fromkeys(keys))
            random.Random(f"{self.seed} {person}").shuffle(order)
            least = 1 if self.test_share and len(order) > 1 else 0
            measured |= {(person, key) for key in order[: max(least, round(self.test_share * len(order)))]}
        uses: dict[bool, Use] = {True: "test", False: "train"}
        return [row if row.use else row._replace(use=uses[(row.question.person, _part(row)) in measured]) for row in rows]


def _part(row: Row) -> str:
    """Rows with the same part are trained on together, or measured together."""
    return row.picture or row.question.question
