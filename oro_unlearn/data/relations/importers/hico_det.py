"""HICO-DET (Chao et al. 2018): persons and what they do with objects."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from oro_unlearn.data.relations.importers.annotation import (
    Annotation,
    field,
    list_items,
    names_of,
    numbered,
    one_file,
    opened,
    split_of,
    whole_json,
)
from oro_unlearn.user_error import UserError

NOTHING = "no interaction"
DOUBLED = re.compile(r"[^aeiou]*[aeiou][bdgklmnprt]")  # of one syllable that ends with a short vowel and a consonant


def hico_det(files: Sequence[Path]) -> Iterator[Annotation]:
    """Annotations of HICO-DET in one of its two JSON formats.

    Args:
        files: ``trainval_hico.json`` and ``test_hico.json`` of PPDM, with ``hico_list_hoi.txt`` of HICO; or
            ``instances_train2015.json`` and ``instances_test2015.json``, which contain all names.

    Raises:
        UserError: If a file is missing or has another format. The message names file, entry and key.
    """
    annotated = [path for path in files if path.suffix.lower() == ".json"]
    if not annotated:
        raise UserError("HICO-DET needs trainval_hico.json with hico_list_hoi.txt, or instances_train2015.json")
    for path in annotated:
        with opened(path) as file:
            start = file.read(64).lstrip()
        if start.startswith("{"):
            yield from _with_names(path)
        else:
            yield from _with_numbers(path, _interactions(one_file(files, "list_hoi", "the names of the interactions")))


def _with_numbers(path: Path, names: list[tuple[str, str]]) -> Iterator[Annotation]:
    """A list of pictures; the interactions of each have numbers from 1 to 600, or verbs from 1 to 117 in alphabetical order."""
    verbs = sorted({verb for _, verb in names})
    for where, entry in list_items(path):
        image = field(entry, "file_name", str, where)
        for hoi in field(entry, "hoi_annotation", list, where):
            if isinstance(hoi, dict) and "hoi_category_id" not in hoi and "category_id" in hoi:
                thing, verb = _by_parts(entry, hoi, verbs, where)
            else:
                thing, verb = numbered(names, field(hoi, "hoi_category_id", int, where), 1, "hoi_category_id", where)
            yield _annotation(image, verb, thing, split_of(path))


def _by_parts(entry: Any, hoi: Any, verbs: list[str], where: str) -> tuple[str, str]:
    """Object and verb of an interaction in ``test_hico.json``: the number of the verb, and that of the object's box."""
    from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

    boxes = field(entry, "annotations", list, where)
    box = numbered(boxes, field(hoi, "object_id", int, where), 0, "object_id", where)
    coco: list[str] = FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    thing = numbered(coco, field(box, "category_id", int, where), 0, "category_id of an object", where)
    return thing, numbered(verbs, field(hoi, "category_id", int, where), 1, "category_id", where)


def _with_names(path: Path) -> Iterator[Annotation]:
    """One object with lists of pictures, objects, verbs, and interactions by number from 0."""
    content, where = whole_json(path), str(path)
    keys = ("filenames", "objects", "verbs")
    names = {key: names_of(field(content, key, list, where), f"{where}: {key!r}") for key in keys}
    for number, entry in enumerate(field(content, "annotation", list, where)):
        place = f"{path}, entry {number} of 'annotation'"
        image = numbered(names["filenames"], number, 0, "picture", place)
        things, verbs = (field(entry, key, list, place) for key in ("object", "verb"))
        if len(things) != len(verbs) or not all(isinstance(each, int) for each in (*things, *verbs)):
            raise UserError(f"{place}: 'object' and 'verb' must be lists of numbers, of the same length")
        for thing, verb in zip(things, verbs, strict=True):
            named = numbered(names["verbs"], verb, 0, "verb", place), numbered(names["objects"], thing, 0, "object", place)
            yield _annotation(image, *named, split_of(path))


def _annotation(image: str, verb: str, thing: str, split: str) -> Annotation:
    """A person does something with a thing. "No interaction" states no relation."""
    words = verb.replace("_", " ")
    return Annotation(image, "person", "" if words == NOTHING else gerund(words), thing.replace("_", " "), split)


def _interactions(path: Path) -> list[tuple[str, str]]:
    """Object and verb of each interaction, from lines with number, object and verb."""
    with opened(path) as file:
        rows = [line.split() for line in file]
    named = [(row[1], row[2]) for row in rows if len(row) == 3 and row[0].isdecimal()]
    if not named:
        raise UserError(f"{path} has no line with number, object and verb")
    return named


def gerund(verb: str) -> str:
    """A verb with its first word as in a caption.

    >>> from oro_unlearn.data.relations.importers.hico_det import gerund
    >>> gerund("sit on"), gerund("ride"), gerund("lie on"), gerund("row"), gerund("control")
    ('sitting on', 'riding', 'lying on', 'rowing', 'controlling')
    """
    first, _, rest = verb.partition(" ")
    if first.endswith("ie"):
        first = f"{first[:-2]}y"
    elif first.endswith("e") and not first.endswith(("ee", "ye")):
        first = first[:-1]
    elif first == "control" or DOUBLED.fullmatch(first):
        first += first[-1]
    return f"{first}ing {rest}".strip()
