"""A manifest: which picture shows what, and where it comes from."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError

from oro_unlearn.data.relation_data import GROUPS
from oro_unlearn.graph import Captions, Concept, RelationGraph
from oro_unlearn.graph.wording import brief, closest, wording_key

COLUMNS = ("image", "edge", "group", "caption", "split", "context", "style", "source", "licence")
SPLITS = {"train": "train", "test": "test", "eval": "test", "validation": "test", "": ""}
LARGEST = 64 * 2**20  # bytes


class Row(NamedTuple):
    """One picture."""

    path: Path
    concept: Concept  # a tuple, one object alone, or a neutral picture's own caption
    group: str  # empty: the graph's
    caption: str  # empty: the graph's
    split: str  # train or test
    context: str  # a clause such as "in a kitchen"; only measured
    style: str  # such as "sketch"; only measured
    source: str
    licence: str
    line: int


@brief()
def read_manifest(path: str | Path, root: str | Path, graph: RelationGraph, test_share: float = 0.3) -> list[Row]:
    """Read a manifest and check it against graph and folder.

    Args:
        path: A ``.csv`` file with a header, or a ``.jsonl`` file with an object a line. Columns: ``image`` (relative to
            ``root``), ``edge`` (``child drinking wine``, or an object alone), and optionally ``group`` (unsafe, edges, nodes or
            neutral; only neutral may have a ``caption`` and no edge), ``caption``, ``split`` (train or test), ``context``,
            ``style``, ``source`` and ``licence``.
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
    reader = _Rows(path, root, graph)
    rows = [reader.row(line, values) for line, values in _records(path)]
    if not rows:
        raise ValueError(f"{path} has no rows: list pictures with the columns {', '.join(COLUMNS)}")
    digests = [_digest(f"{path}:{row.line}", row.path) for row in rows]
    captions = [reader.own_caption(row) for row in rows]
    chosen = _with_splits(rows, digests, captions, test_share)
    _no_leak(path, chosen, digests, "picture")
    _no_leak(path, chosen, captions, "caption")
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
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}:{line}: byte {error.start} is not UTF-8: save it as UTF-8") from None
    yield from _csv(path, text) if path.suffix == ".csv" else _jsonl(path, text)


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)  # a quote without end would swallow the rows below it
    try:
        header = list(reader.fieldnames or ())
        _known_columns(f"{path}:{reader.line_num}", header)
        for values in reader:
            if None in values or None in values.values():
                raise ValueError(
                    f"{path}:{reader.line_num}: this line has another number of columns than the header: quote cells that "
                    "hold a comma"
                )
            yield reader.line_num, values
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.reader.line_num}: no CSV ({error}): close its quotes, or shorten the cell") from None


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
        _known_columns(f"{path}:{line}", list(values))
        yield line, values


def _known_columns(where: str, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name not in COLUMNS:
            raise ValueError(f"{where}: unknown column {name!r}; columns are {', '.join(COLUMNS)}")
        if name in names[:number]:
            raise ValueError(f"{where}: column {name!r} is given twice: drop one")


class _Rows:
    """Checks rows of one manifest.

    Args:
        path: The manifest, for errors.
        root: The folder of the pictures.
        graph: Gives the names.
    """

    def __init__(self, path: Path, root: Path, graph: RelationGraph) -> None:
        self.path, self.root, self.graph, self.captions = path, root, graph, Captions(graph)
        self.names = {wording_key(name): name for name in graph.objects}
        for node in sorted(graph.objects.values(), key=lambda node: len(graph.ancestors(node.name))):
            for word in (word for words in node.synonyms.values() for word in words):
                self.names.setdefault(wording_key(word), node.name)
        self.trained_contexts = {wording_key(context) for context in graph.contexts["train"]}

    def row(self, line: int, values: dict[str, Any]) -> Row:
        """One row from its cells."""
        where = f"{self.path}:{line}"
        cell = _cells(where, values)
        picture, concept, split = _inside(where, self.root, cell["image"]), self.concept(where, cell), self.split(where, cell)
        rest = {name: cell[name] for name in ("group", "caption", "context", "style", "source", "licence")}
        return Row(path=picture, concept=concept, split=split, line=line, **rest)

    def concept(self, where: str, cell: dict[str, str]) -> Concept:
        """What the row shows: a tuple or an object of the graph, or what its caption says."""
        edge, graph = cell["edge"], self.graph
        if cell["group"] not in ("", *GROUPS):
            raise ValueError(f"{where}: group is {', '.join(GROUPS)} or empty, not {cell['group']!r}")
        if not edge:
            return self.free(where, cell)
        name = self.names.get(wording_key(edge))
        if name is not None:
            return (name,)
        if len(edge.split()) < 3:
            known = closest(edge, graph.objects)
            raise ValueError(f"{where}: edge {edge!r} is no object ({known}) and no tuple, such as 'child eating hamburger'")
        try:
            triple = graph.parse(edge)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if not graph.valid(triple):
            raise ValueError(f"{where}: {graph.path} does not allow {edge!r}: correct it, or what the relation allows")
        return tuple(triple)

    def free(self, where: str, cell: dict[str, str]) -> Concept:
        """A neutral picture's own caption, which must not be a name of the graph."""
        caption = cell["caption"]
        if cell["group"] != "neutral" or not caption:
            raise ValueError(f"{where}: edge is empty: name a tuple or an object; only group neutral takes a caption instead")
        try:
            known = self.names.get(wording_key(caption)) or str(self.graph.parse(caption))
        except ValueError:
            return (caption,)
        raise ValueError(f"{where}: the caption {caption!r} names {known!r}: write that into edge")

    def split(self, where: str, cell: dict[str, str]) -> str:
        """Train or test; empty where it is chosen later."""
        if cell["split"] not in SPLITS:
            raise ValueError(f"{where}: split is train or test, not {cell['split']!r}")
        measured = bool(cell["context"] or cell["style"])
        split = SPLITS[cell["split"]] or ("test" if measured else "")
        if split == "train" and measured:
            raise ValueError(f"{where}: pictures with a context or a style are for measuring: their split is test")
        if wording_key(cell["context"]) in self.trained_contexts:
            raise ValueError(f"{where}: training captions name the context {cell['context']!r}: measure in another place")
        return split

    def own_caption(self, row: Row) -> str:
        """What identifies a caption of the user's; empty for the graph's plain one, which both splits use."""
        known = len(row.concept) == 3 or row.concept[0] in self.graph.objects
        key = wording_key(row.caption)
        return "" if known and key == wording_key(self.captions.plain(row.concept)) else key


def _cells(where: str, values: dict[str, Any]) -> dict[str, str]:
    """All columns as text, without white space around it; missing ones are empty."""
    for name, value in values.items():
        if not isinstance(value, str):
            raise ValueError(f"{where}: {name} must be text, not {json.dumps(value)[:40]}")
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"{where}: {name} holds a zero byte or half a character: write it anew")
    cell = {name: " ".join(values.get(name, "").split()) for name in COLUMNS}
    cell["image"] = values.get("image", "").strip()
    if not cell["image"]:
        raise ValueError(f"{where}: image is empty: name a file, relative to --data.root")
    return cell


def _inside(where: str, root: Path, name: str) -> Path:
    """The picture's path, which must lie in the folder."""
    picture = root / name
    try:
        inside = picture.resolve().is_relative_to(root.resolve())
        found = picture.is_file()
    except (OSError, RuntimeError) as error:  # a name too long, a circle of links
        reason = getattr(error, "strerror", None) or "its links go in a circle"
        raise ValueError(f"{where}: image {name[:80]!r} cannot be used ({reason}): give it another name") from None
    if not inside:
        raise ValueError(f"{where}: image {name!r} lies outside {root}: put it inside and name it relative to it")
    if not found:
        raise FileNotFoundError(f"{where}: image {name!r} not found in {root}: paths are relative to --data.root")
    return picture


def _digest(where: str, path: Path) -> str:
    """SHA-256 of a file that begins as an image does."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)):
            return hashlib.sha256(content).hexdigest()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "no image file" if isinstance(error, UnidentifiedImageError) else " ".join(str(error).split())
        raise ValueError(f"{where}: cannot read image {str(path)!r} ({reason}): repair or remove it") from None


def _with_splits(rows: Sequence[Row], digests: Sequence[str], captions: Sequence[str], test_share: float) -> list[Row]:
    """Give every row a split: rows that share a picture or a caption of the user's get the same one."""
    first: dict[tuple[str, str], int] = {}  # row by picture or caption
    leader = list(range(len(rows)))

    def lead(number: int) -> int:
        while leader[number] != number:
            leader[number] = number = leader[leader[number]]
        return number

    for number, keys in enumerate(zip(digests, captions, strict=True)):
        for key in zip(("picture", "caption"), keys, strict=True):
            if key[1]:
                leader[lead(number)] = lead(first.setdefault(key, number))
    given: dict[int, str] = {}
    smallest: dict[int, str] = {}
    for number, (row, digest) in enumerate(zip(rows, digests, strict=True)):
        given[lead(number)] = given.get(lead(number)) or row.split
        smallest[lead(number)] = min(digest, smallest.get(lead(number), digest))
    drawn = {number: "test" if int(digest[:8], 16) / 16**8 < test_share else "train" for number, digest in smallest.items()}
    return [row._replace(split=row.split or given[lead(n)] or drawn[lead(n)]) for n, row in enumerate(rows)]


def _no_leak(path: Path, rows: Iterable[Row], keys: Iterable[str], what: str) -> None:
    """The same key in both splits would measure what was trained on."""
    first: dict[str, Row] = {}
    for row, key in zip(rows, keys, strict=True):
        other = first.setdefault(key, row) if key else row
        if other.split != row.split:
            raise ValueError(
                f"{path}:{row.line}: the same {what} is in train and test (see line {other.line}): give both the same split"
            )
