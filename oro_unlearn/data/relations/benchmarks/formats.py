"""The published files of four caption benchmarks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oro_unlearn.data.relations.benchmarks.benchmark_items import Item
from oro_unlearn.data.relations.importers.annotation import field, opened, whole_json
from oro_unlearn.user_error import UserError

Found = tuple[list[Path], Iterator[Item]]
KINDS = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")  # files of SugarCrepe
ARO = {"visual_genome_relation": "relation", "visual_genome_attribution": "attribution"}
BOX = ("bbox_x", "bbox_y", "bbox_w", "bbox_h")


def sugarcrepe(folder: Path) -> Found:
    """SugarCrepe (Hsieh et al. 2023): ``replace_rel.json`` and others. Pictures: COCO val2017."""
    files = _found(folder, [f"{kind}.json" for kind in KINDS], "such as replace_rel.json")

    def items() -> Iterator[Item]:
        for path in files:
            content = whole_json(path)
            for key in content if isinstance(content, dict) else [""]:
                where = f"{path}, entry {key}"
                entry = field(content, key, dict, str(path))
                caption, foil, picture = (
                    field(entry, name, str, where) for name in ("caption", "negative_caption", "filename")
                )
                yield Item(path.stem, caption, foil, picture)

    return files, items()


def aro(folder: Path) -> Found:
    """ARO (Yuksekgonul et al. 2023): ``visual_genome_relation.json`` by relation, ``visual_genome_attribution.json``.

    Pictures: Visual Genome. Each item shows the part of the picture that its box names.
    """
    files = _found(folder, [f"{name}.json" for name in ARO], "such as visual_genome_relation.json")

    def items() -> Iterator[Item]:
        for path in files:
            for where, entry in _listed(path):
                names = ("true_caption", "false_caption", "image_path")
                caption, foil, picture = (field(entry, name, str, where) for name in names)
                kind = ARO[path.stem]
                kind += f": {field(entry, 'relation_name', str, where)}" if kind == "relation" else ""
                left, top, wide, high = (field(entry, name, int, where) for name in BOX)
                yield Item(kind, caption, foil, picture, crop=(left, top, left + wide, top + high))

    return files, items()


def vsr(folder: Path) -> Found:
    """VSR (Liu et al. 2023): ``test.jsonl``, or ``all_vsr_validated_data.jsonl``: captions that are right or wrong, no foils.

    Pictures: COCO train2017 and val2017.
    """
    files = _found(folder, ["test.jsonl", "all_vsr_validated_data.jsonl"], "test.jsonl or all_vsr_validated_data.jsonl")[:1]

    def items() -> Iterator[Item]:
        for where, entry in _lines(files[0]):
            texts = [field(entry, name, str, where) for name in ("relation", "caption", "image")]
            yield Item(texts[0], texts[1], "", texts[2], right=field(entry, "label", int, where) == 1)

    return files, items()


def winoground(folder: Path) -> Found:
    """Winoground (Thrush et al. 2022): ``examples.jsonl``: two pictures and two captions with the same words."""
    files = _found(folder, ["examples.jsonl"], "examples.jsonl")

    def items() -> Iterator[Item]:
        for number, (where, entry) in enumerate(_lines(files[0])):
            first, second = (field(entry, f"caption_{each}", str, where) for each in (0, 1))
            pictures = [field(entry, f"image_{each}", str, where) for each in (0, 1)]
            names = [name if "." in name else f"{name}.png" for name in pictures]
            kind = entry.get("collapsed_tag") or "all"
            yield Item(str(kind), first, second, names[0], partner=2 * number + 1)
            yield Item(str(kind), second, first, names[1], partner=2 * number)

    return files, items()


def _found(folder: Path, names: list[str], wanted: str) -> list[Path]:
    """The files of these names, in the folder itself or in one folder below it, in the order of the names."""
    below = sorted(path for path in folder.iterdir() if path.is_dir())
    files = []
    for name in names:
        found = [path for place in below if (path := place / name).is_file()]
        if (folder / name).is_file():
            files.append(folder / name)
        elif len(found) > 1:
            raise UserError(f"--data.benchmarks: {name} is in {found[0].parent} and in {found[1].parent}: name one of them")
        else:
            files += found
    if not files:
        raise UserError(f"--data.benchmarks: {folder} has no file {wanted}")
    return files


def _listed(path: Path) -> Iterator[tuple[str, Any]]:
    content = whole_json(path)
    if not isinstance(content, list):
        raise UserError(f"{path} must be a list of items")
    return ((f"{path}, entry {number}", entry) for number, entry in enumerate(content))


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Lines of a JSON lines file with file and line number, from 1."""
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                if line.strip():
                    yield f"{path}:{number}", json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise UserError(f"{path}:{number} is not valid JSON: {error}") from None
