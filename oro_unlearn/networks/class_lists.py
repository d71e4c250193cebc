"""Names of a head's rows, as checkpoints and the configurations beside them hold them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oro_unlearn.user_error import UserError

BY_ROW = ("id2label", "idx_to_class", "idx2label")
BY_NAME = ("class_to_idx", "label2id")
LISTS = ("class_names", "classes", "label_names", "CLASSES")
INNER = ("args", "hparams", "hyper_parameters", "config", "meta", "model_args")  # where training scripts keep them
NO_NAME = re.compile(r"LABEL_\d+")  # Hugging Face's placeholder for a class without a name


def class_names_of(content: Any, path: Path) -> tuple[list[str] | None, str]:
    """Read the class names, in the order of the head's rows, from a checkpoint or from ``config.json`` beside it.

    Args:
        content: The content of the file.
        path: Of the file.

    Returns:
        The names, or None if there are none; and where they were found.

    Raises:
        UserError: If a list does not have exactly one name for each row, or two lists differ.
    """
    found = {**_inside(content, path), **_beside(path)}
    lists = list(found.values())
    if any(names != lists[0] for names in lists[1:]):
        raise UserError(f"{path}: {' and '.join(found)} name different classes; give their order with --data.class_names")
    return (lists[0], next(iter(found))) if lists else (None, "")


def _inside(content: Any, path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for where in ("", *INNER):
        part = content if not where else _get(content, where)
        for key in (*BY_ROW, *BY_NAME, *LISTS):
            names = _names(_get(part, key), f"{path}: {key}")
            if names:
                found[f"{where}.{key}" if where else key] = names
    return found


def _beside(path: Path) -> dict[str, list[str]]:
    """Class names from Hugging Face's or timm's ``config.json`` beside the checkpoint."""
    config = path.parent / "config.json"
    try:
        content = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    except (ValueError, OSError, RecursionError):
        return {}  # another program's file of that name
    return {f"{config.name} ({key})": names for key, names in _inside(content, config).items()}


def _get(part: Any, key: str) -> Any:
    value = part.get(key) if isinstance(part, Mapping) else getattr(part, "__dict__", {}).get(key)
    return getattr(value, "values", value) if type(value).__name__ == "_Array" else value


def _names(value: Any, what: str) -> list[str] | None:
    """One name for each row, or None if the value is no list of names, for instance a number of classes."""
    if isinstance(value, Mapping) and value:
        rows = [(row, name) if isinstance(name, str) else (name, row) for row, name in value.items()]
        try:
            by_row = {int(row): str(name) for row, name in rows}
        except (TypeError, ValueError):
            return None
        if len(by_row) != len(value) or sorted(by_row) != list(range(len(value))):
            raise UserError(
                f"{what} does not give its {len(value)} classes the rows 0 to {len(value) - 1}, one each: correct it in the "
                "file, or leave it out and give the names with --data.class_names"
            )
        names = [by_row[row] for row in range(len(by_row))]
    elif isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value):
        names = list(value)
    else:
        return None
    return None if all(NO_NAME.fullmatch(name) for name in names) else names
