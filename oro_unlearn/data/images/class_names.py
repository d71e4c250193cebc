"""The names of a model's classes, in the order of its head's rows, from a list or a file."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError

KEYS = (  # keys of a JSON file: names in order, names by row, and rows by name
    *("label_names", "classes", "class_names", "names"),
    *("id2label", "idx_to_class", "idx2label"),
    *("class_to_idx", "label2id"),
)
TIMM = "timm:"


def read_class_names(source: str | Sequence[str]) -> list[str]:
    """Read the names of K classes, in the Unicode form NFC.

    Args:
        source: The names; or a file with one name per line or with JSON (a list, ``{"0": "cat"}``, ``{"cat": 0}``, or a model's
            ``config.json``); or, as in ``timm:imagenet-1k``, a set whose WordNet ids timm knows.

    Raises:
        UserError: If the file is missing; if it holds no names, a name twice, or rows that are not numbered from 0.
    """
    if not isinstance(source, str):
        return checked(list(source), "--data.class_names")
    if source.startswith(TIMM):
        return _of_timm(source.removeprefix(TIMM))
    path = Path(source)
    if not path.is_file():
        raise UserError(f"file of class names {source} not found: set --data.class_names")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{source} is not UTF-8 text: save the class names, one a line, as UTF-8") from None
    if "\0" in text:
        raise UserError(f"{source} is not UTF-8 text: save the class names, one a line, as UTF-8")
    if path.suffix.lower() == ".json" or text.lstrip().startswith(("{", "[")):
        return checked(_of_json(text, source), source)
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if "" in lines:
        raise UserError(f"{source}, line {lines.index('') + 1} is empty: write one class name a line, in the order of the rows")
    return checked(lines, source)


def checked(names: Sequence[Any], where: str) -> list[str]:
    """Check names and convert them to the Unicode form NFC.

    Args:
        names: Names of the classes.
        where: Source of the names, for messages.

    Raises:
        UserError: If there are no names, if a name is given twice, or if a name is not text.
    """
    if not names:
        raise UserError(f"{where} holds no class names: write one a line, in the order of the head's rows")
    wrong = next((name for name in names if not isinstance(name, str) or not name), None)
    if wrong is not None:
        raise UserError(f"{where}: {shortened(wrong)!r} is not a class name: names are text")
    composed = [normalize("NFC", name) for name in names]
    rows: dict[str, int] = {}
    for row, name in enumerate(composed):
        if name in rows:
            raise UserError(f"{where} names {shortened(name)!r} twice, for rows {rows[name]} and {row}: tell them apart")
        rows[name] = row
    return composed


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key that orders the numbers in names by value.

    Example:
        >>> sorted(["s10", "s2", "s1"], key=natural_key)
        ['s1', 's2', 's10']
    """
    parts = re.split(r"(\d+)", name)
    return tuple(int(part) if part.isdecimal() else part for part in parts), name


def _of_timm(name: str) -> list[str]:
    try:
        from timm.data import ImageNetInfo
    except ImportError:
        raise UserError(f"--data.class_names {TIMM}{name} needs timm: pip install timm") from None
    try:
        return checked(ImageNetInfo(name).label_names(), f"{TIMM}{name}")
    except AssertionError:
        raise UserError(f"timm has no set of class names {name!r}: try --data.class_names {TIMM}imagenet-1k") from None


def _of_json(text: str, where: str) -> list[Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{where} is not valid JSON ({shortened(error, 100)}): correct it, or write one class name a line"
        ) from None
    if isinstance(content, list):
        return content
    config = content.get("pretrained_cfg") if isinstance(content, dict) else None  # timm's
    tables = [table for table in (content, config) if isinstance(table, dict)]
    named = [table[key] for table in tables for key in KEYS if table.get(key)]
    table = named[0] if named else content
    return table if isinstance(table, list) else _in_order(table, where)


def _in_order(table: Any, where: str) -> list[Any]:
    """Names of ``{"0": "cat"}`` or ``{"cat": 0}``, by row."""
    pairs = list(table.items()) if isinstance(table, dict) else []
    if pairs and all(isinstance(row, int) and not isinstance(row, bool) for _, row in pairs):
        by_row = {row: name for name, row in pairs}
    elif pairs and all(key.isdecimal() and len(key) < 10 for key, _ in pairs):
        by_row = {int(key): name for key, name in pairs}
    else:
        raise UserError(
            f'{where} holds no class names: write a list, {{"0": "cat"}}, {{"cat": 0}}, or a config.json with id2label'
        )
    if sorted(by_row) != list(range(len(pairs))):
        raise UserError(f"{where}: the {len(pairs)} rows are not 0 to {len(pairs) - 1}, each once: correct the file")
    return [by_row[row] for row in range(len(pairs))]
