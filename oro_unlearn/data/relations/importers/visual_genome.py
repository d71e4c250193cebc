"""Visual Genome (Krishna et al. 2017): ``relationships.json``, read picture by picture."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from oro_unlearn.data.relations.importers.annotation import Annotation, field, list_items, split_of
from oro_unlearn.user_error import UserError


def visual_genome(files: Sequence[Path]) -> Iterator[Annotation]:
    """Annotations of Visual Genome. A picture is called by its number: ``2317.jpg``. The oldest files name it ``id``.

    Args:
        files: ``relationships.json`` of any version; of several files, one after another. ``objects.json`` may be left out,
            because the relationships contain the names.

    Raises:
        UserError: If a file is missing or has another format. The message names file, entry and key.
    """
    for path in [file for file in files if not file.name.lower().startswith("objects")] or files:
        for where, entry in list_items(path):
            number_key = "id" if isinstance(entry, dict) and "image_id" not in entry and "id" in entry else "image_id"
            image = f"{field(entry, number_key, int, where)}.jpg"
            for number, relationship in enumerate(field(entry, "relationships", list, where)):
                place = f"{where}, relationship {number}"
                names = [_name(relationship, key, place) for key in ("subject", "object")]
                yield Annotation(image, names[0], field(relationship, "predicate", str, place), names[1], split_of(path))


def _name(relationship: Any, key: str, where: str) -> str:
    """The name of subject or object: ``name``, or the first of ``names``."""
    thing, place = field(relationship, key, dict, where), f"{where}: {key}"
    if "names" not in thing:
        return field(thing, "name", str, place)
    names = field(thing, "names", list, place)
    if not all(isinstance(name, str) for name in names):
        raise UserError(f"{place}: 'names' must be a list of names")
    return names[0] if names else ""
