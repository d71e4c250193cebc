"""Read questions from a file with one JSON object a line."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from unicodedata import normalize

from oro_unlearn.data.personas.picture_files import inside
from oro_unlearn.data.personas.row_questions import Row, Use
from oro_unlearn.data.personas.wordings import KINDS, Kind
from oro_unlearn.files import shortened
from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError

REQUIRED = ("question", "answer", "person")
TEXTS = (*REQUIRED, "image", "split", "kind", "keyword", "fact", "modality")
LISTS = ("options", "wrong")
USES = ("train", "test", "holdout", "general")


def read_jsonl(path: Path) -> list[Row]:
    """Read all rows of a file. A row without ``split`` gets the use ``""``, to be decided by the caller.

    Args:
        path: A file in UTF-8. Empty lines are skipped. Names of pictures are relative to its folder.

    Raises:
        UserError: If the file or a picture is missing, or if a line is wrong; one line that names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"file of questions {path} not found: name it with --data.file") from None
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path} cannot be read as text in UTF-8: save it so, with one JSON object a line") from None
    rows = [_row(line, f"{path}:{number}", path.parent) for number, line in _numbered(text)]
    if not rows:
        raise UserError(f"{path} holds no question: write one JSON object a line")
    return rows


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


def _row(line: str, where: str, folder: Path) -> Row:
    fields = _fields(line, where)
    kind, options, answer = fields.get("kind") or "free", _list(fields, "options", where), fields["answer"]
    if kind not in KINDS:
        raise UserError(f"{where}: kind {shortened(kind)!r} is none of {', '.join(KINDS)}")
    if kind == "choice" and (answer not in options or len(set(options)) < 2):
        raise UserError(f"{where}: a question of kind choice needs options: its answer {shortened(answer)!r} and others")
    use = fields.get("split") or ""
    if use and use not in USES:
        raise UserError(f"{where}: split {shortened(use)!r} is none of {', '.join(USES)}")
    if not fields["person"].strip() and use != "general":
        raise UserError(f"{where}: person is empty: name the person, or give the row the split general")
    question = Question(
        fields["question"],
        answer,
        person=fields["person"].strip(),
        fact=fields.get("fact") or "",
        kind=cast(Kind, kind),
        options=options,
        wrong=_list(fields, "wrong", where) or tuple(option for option in options if option != answer),
        keyword=fields.get("keyword") or (answer if kind != "free" else ""),
    )
    return Row(question, _picture(fields, where, folder), cast(Use, use), where)


def _fields(line: str, where: str) -> Mapping[str, Any]:
    """The fields of a line, of which those with text hold text."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not valid JSON ({shortened(error, 100)}): write one object a line") from None
    if not isinstance(fields, dict):
        raise UserError(f"{where} is not a JSON object: write fields such as {', '.join(REQUIRED)}")
    if fields.get("split") == "general":
        fields.setdefault("person", "")
    missing = [name for name in REQUIRED if fields.get(name) is None]
    if missing:
        raise UserError(f"{where} lacks {' and '.join(missing)}: every line needs {', '.join(REQUIRED)}")
    for name in TEXTS:
        if fields.get(name) is not None and not isinstance(fields[name], str):
            raise UserError(f"{where}: {name} is text, not {shortened(json.dumps(fields[name]), 40)}")
    for name in ("question", "answer"):
        if not fields[name].strip():
            raise UserError(f"{where}: {name} is empty: write it or remove the line")
    written = {name: normalize("NFC", fields[name]) for name in (*REQUIRED, "keyword") if fields.get(name)}
    return {**fields, **written}  # names are found in texts, so accents are written in one way


def _list(fields: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    values = fields.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UserError(f"{where}: {name} is a list of texts, not {shortened(json.dumps(values), 40)}")
    return tuple(normalize("NFC", value) for value in values)


def _picture(fields: Mapping[str, Any], where: str, folder: Path) -> str | None:
    """Key of the row's picture: its file. ``modality: text`` leaves the picture out."""
    name, modality = fields.get("image") or "", fields.get("modality") or ("multimodal" if fields.get("image") else "text")
    if modality not in ("multimodal", "text"):
        raise UserError(f"{where}: modality {shortened(modality)!r} is neither multimodal nor text")
    if modality == "multimodal" and not name:
        raise UserError(f"{where}: a multimodal question needs an image: name its file, or make the modality text")
    return str(inside(folder, name, where)) if modality == "multimodal" else None
