"""Open Images, visual relationships (Kuznetsova et al. 2020): a CSV of relationships, and one of the classes' names."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from oro_unlearn.data.relations.importers.annotation import Annotation, one_file, opened, split_of
from oro_unlearn.user_error import UserError

COLUMNS = ("ImageID", "LabelName1", "RelationshipLabel", "LabelName2")
ATTRIBUTE = "is"  # the relation between an object and its material or state


def open_images(files: Sequence[Path]) -> Iterator[Annotation]:
    """Annotations of Open Images, read line by line. Attributes ("chair is wooden") state no relation.

    Args:
        files: ``oidv6-train-annotations-vrd.csv`` or others like it, and ``oidv6-class-descriptions.csv``.

    Raises:
        UserError: If a file is missing or has another format. The message names file, line and column.
    """
    described = one_file(files, "class-descriptions", "the names of the classes")
    names = {row[0]: row[1] for _, row in _rows(described) if len(row) == 2}
    annotated = [path for path in files if path != described]
    if not annotated:
        raise UserError("Open Images needs a CSV of relationships, such as oidv6-train-annotations-vrd.csv")
    for path in annotated:
        rows = _rows(path)
        header = next(rows, (1, []))[1]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise UserError(f"{path}:1: no column {missing[0]!r}; a CSV of relationships has {', '.join(COLUMNS)}")
        places = [header.index(name) for name in COLUMNS]
        for line, row in rows:
            if len(row) != len(header):
                raise UserError(f"{path}:{line}: {len(row)} values, but {len(header)} columns")
            image, subject, relation, thing = (row[place] for place in places)
            unknown = [label for label in (subject, thing) if label not in names and relation != ATTRIBUTE]
            if unknown:
                raise UserError(f"{path}:{line}: {described.name} has no class {unknown[0]!r}")
            stated = "" if relation == ATTRIBUTE else relation.replace("_", " ")
            yield Annotation(f"{image}.jpg", names.get(subject, ""), stated, names.get(thing, ""), split_of(path))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Lines of a CSV with their numbers, from 1."""
    with opened(path) as file:
        reader = csv.reader(file)
        try:
            yield from ((reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            raise UserError(f"{path}:{reader.line_num}: {error}") from None
