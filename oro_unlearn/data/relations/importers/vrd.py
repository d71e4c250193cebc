"""VRD, Visual Relationship Detection (Lu et al. 2016): numbers for objects and predicates, and two lists of their names."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from oro_unlearn.data.relations.importers.annotation import (
    Annotation,
    field,
    names_in,
    numbered,
    one_file,
    split_of,
    whole_json,
)
from oro_unlearn.user_error import UserError


def vrd(files: Sequence[Path]) -> Iterator[Annotation]:
    """Annotations of VRD.

    Args:
        files: ``annotations_train.json``, ``annotations_test.json`` or both; ``objects.json`` and ``predicates.json``.

    Raises:
        UserError: If a file is missing or has another format. The message names file, picture and key.
    """
    objects = one_file(files, "objects", "the names of the objects")
    predicates = one_file(files, "predicates", "the names of the predicates")
    things, relations = names_in(objects), names_in(predicates)
    annotated = [path for path in files if path not in (objects, predicates)]
    if not annotated:
        raise UserError("VRD needs annotations_train.json or annotations_test.json")
    for path in annotated:
        content = whole_json(path)
        if not isinstance(content, dict):
            raise UserError(f"{path} must be an object: a list of relationships for each picture")
        for image in content:
            for number, entry in enumerate(field(content, image, list, str(path))):
                where = f"{path}, {image!r}, relationship {number}"
                categories = [
                    field(field(entry, key, dict, where), "category", int, f"{where}: {key}") for key in ("subject", "object")
                ]
                subject, thing = (numbered(things, category, 0, "category", where) for category in categories)
                relation = numbered(relations, field(entry, "predicate", int, where), 0, "predicate", where)
                yield Annotation(image, subject, relation, thing, split_of(path))
