"""A manifest: which picture shows what, and where it comes from."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from oro_unlearn.graph import Concept, RelationGraph

COLUMNS = ("image", "edge", "caption", "split", "context", "style", "source", "licence")
SPLITS = {"train": "train", "test": "test", "eval": "test", "validation": "test", "": ""}
LARGEST = 64 * 2**20  # bytes


class Row(NamedTuple):
    """One picture."""

    path: Path
    concept: Concept  # a tuple, or one object alone
    caption: str  # empty: the graph's
    split: str  # train or test
    context: str  # a clause such as "in a kitchen"; only measured
    style: str  # such as "sketch"; only measured
    source: str
    licence: str
    line: int


def read_manifest(path: str | Path, root: str | Path, graph: RelationGraph, test_share: float = 0.3) -> list[Row]:
    """Read a manifest and check it against graph and folder.

    Args:
        path: A ``.csv`` file with a header, or a ``.jsonl`` file with an object a line. Columns: ``image`` (relative to
            ``root``), ``edge`` (``child drinking wine``, or an object alone), and optionally ``caption``, ``split`` (train
            or test), ``context``, ``style``, ``source`` and ``licence``.
        root: The folder of the pictures.
        graph: Gives the names.
        test_share: Part of the pictures without a split that becomes the test split, chosen by their content.

    Returns:
        The rows in order. The same picture, or the same caption of the user's, is never in both splits.

    Raises:
        FileNotFoundError: If the manifest or a picture is missing.
        ValueError: If a row is wrong; the message names file and line.
    """
    path, root = Path(path), Path(root)
    if not path.is_file():
        raise FileNotFoundError(f"manifest {path} not found: name it with --data.manifest")
    rows = [_row(path, line, values, root, graph) for line, values in _records(path)]
    if not rows:
        raise ValueError(f"{path} has no rows: list pictures with the columns {', '.join(COLUMNS)}")
    digests = [hashlib.sha256(row.path.read_bytes()).hexdigest() for row in rows]
    chosen = [
        row if row.split else row._replace(split="test" if int(digest[:8], 16) / 16**8 < test_share else "train")
        for row, digest in zip(rows, digests, strict=True)
    ]
    _no_leak(path, chosen, digests, "picture")
    _no_leak(path, chosen, [row.caption for row in chosen], "caption")
    return chosen


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and values."""
    if path.suffix not in (".csv", ".jsonl"):
        raise ValueError(f"{path}: a manifest is a .csv or a .jsonl file")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} is larger than {LARGEST >> 20} MB: split it")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8: save it as UTF-8") from None
    yield from _csv(path, text) if path.suffix == ".csv" else _jsonl(path, text)


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for values in reader:
            if None in values or None in values.values():
                raise ValueError(f"{path}:{reader.line_num}: this line has another number of columns than the header")
            yield reader.line_num, values
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num}: {error}") from None


def _jsonl(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}:{line}: no JSON object ({str(error).splitlines()[0]})") from None
        if not isinstance(values, dict):
            raise ValueError(f'{path}:{line}: a JSON object is needed, such as {{"image": ..., "edge": ...}}')
        yield line, values


def _row(path: Path, line: int, values: dict[str, Any], root: Path, graph: RelationGraph) -> Row:
    where = f"{path}:{line}"
    unknown = [name for name in values if name not in COLUMNS]
    if unknown:
        raise ValueError(f"{where}: unknown column {unknown[0]!r}; columns are {', '.join(COLUMNS)}")
    wrong = [name for name, value in values.items() if not isinstance(value, str)]
    if wrong:
        raise ValueError(f"{where}: {wrong[0]} must be text, not {values[wrong[0]]!r}")
    cell = {name: values.get(name, "").strip() for name in COLUMNS}
    if not cell["image"] or not cell["edge"]:
        raise ValueError(f"{where}: image and edge must not be empty")
    if cell["split"] not in SPLITS:
        raise ValueError(f"{where}: split is train or test, not {cell['split']!r}")
    picture = _inside(where, root, cell["image"])
    try:
        concept: Concept = (cell["edge"],) if cell["edge"] in graph.objects else tuple(graph.parse(cell["edge"]))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    split = SPLITS[cell["split"]] or ("test" if cell["context"] or cell["style"] else "")
    if split == "train" and (cell["context"] or cell["style"]):
        raise ValueError(f"{where}: pictures with a context or a style are for measuring: their split is test")
    return Row(picture, concept, cell["caption"], split, cell["context"], cell["style"], cell["source"], cell["licence"], line)


def _inside(where: str, root: Path, name: str) -> Path:
    """The picture's path, which must lie in the folder."""
    if "\0" in name:
        raise ValueError(f"{where}: the image's name holds a zero byte")
    picture = root / name
    try:
        inside = picture.resolve().is_relative_to(root.resolve())
        found = picture.is_file()
    except OSError as error:
        raise ValueError(f"{where}: image name cannot be used ({error.strerror})") from None
    if not inside:
        raise ValueError(f"{where}: image {name} lies outside {root}: put it inside and name it relative to it")
    if not found:
        raise FileNotFoundError(f"{where}: image {picture} not found: paths are relative to --data.root")
    return picture


def _no_leak(path: Path, rows: list[Row], keys: list[str], what: str) -> None:
    """The same key in both splits would measure what was trained on."""
    first: dict[str, Row] = {}
    for row, key in zip(rows, keys, strict=True):
        other = first.setdefault(key, row) if key else row
        if other.split != row.split:
            raise ValueError(
                f"{path}:{row.line}: the same {what} is in train and test (see line {other.line}): give both the same split"
            )
