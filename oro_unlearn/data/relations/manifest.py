"""Read a manifest: a table that lists what each picture shows, and where the picture comes from."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal, NamedTuple

from PIL import Image, UnidentifiedImageError

from oro_unlearn.data.relations.caption_columns import COLUMNS
from oro_unlearn.data.relations.caption_files import SPLITS, CaptionFile, caption_files
from oro_unlearn.data.relations.caption_tables import Table, read_table, text_of
from oro_unlearn.data.relations.manifest_splits import deal_out
from oro_unlearn.data.relations.relation_data import GROUPS
from oro_unlearn.files import sha256_of, shortened
from oro_unlearn.graph import CaptionReader, Concept, RelationGraph
from oro_unlearn.graph.wording import brief, closest, wording_key
from oro_unlearn.user_error import UserError

Reading = Literal["stated", "read", "unread"]


class Row(NamedTuple):
    """One picture with one caption."""

    path: Path
    concept: Concept  # a tuple, one object alone, or a neutral picture's own caption
    group: str  # empty: the group that the graph gives
    caption: str  # empty: a caption from the graph
    split: str  # train or test
    context: str  # a clause such as "in a kitchen"; such pictures are only measured
    style: str  # such as "sketch"; such pictures are only measured
    reading: Reading  # where the concept comes from; unread: the caption states no concept
    words: str  # of a caption that was read: the words that state the concept
    digest: str  # SHA-256 of the picture's content
    table: Path
    source: str
    licence: str
    line: int

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.table}:{self.line}"


class Manifest(NamedTuple):
    """Contents of one or several tables of captions."""

    rows: list[Row]
    tables: list[Table]  # without their records
    uncaptioned: list[str]  # file and line of rows that are left out, because they have no caption
    split_from: dict[str, int]  # number of rows by source of the split: column, condition (context or style), folder, content


@brief()
def read_manifest(
    path: str | Path, root: str | Path, graph: RelationGraph, test_share: float = 0.3, encoding: str = ""
) -> Manifest:
    """Read a manifest, or a table of captions, and check it against graph and folder.

    Args:
        path: A ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` file; empty: what :func:`caption_files` finds in ``root``.
            Columns: ``image`` (relative to ``root``), ``edge`` (``child drinking wine``, or an object alone), and optionally
            ``group`` (unsafe, edges, nodes or neutral; only neutral may have a ``caption`` and no edge), ``caption``,
            ``split`` (train or test), ``context``, ``style``, ``source`` and ``licence``. In a table without ``edge``,
            concepts are read from the captions, in the words of the graph.
        root: The folder of the pictures.
        graph: The relation graph. It gives the names.
        test_share: Fraction of the pictures without a split that becomes the test split, chosen by their content.
        encoding: Encoding of the table's text. Empty: the encoding of the byte order mark, or UTF-8 without a mark.

    Returns:
        The rows in order. No picture is in both splits, and no caption that distinguishes pictures is.

    Raises:
        UserError: If the manifest or a picture is missing, or if a row is wrong. The message names file and line.
    """
    root, reader = Path(root), CaptionReader(graph)
    rows: list[Row] = []
    tables, uncaptioned = [], []
    split_from: Counter[str] = Counter()
    for file in caption_files(root, str(path)):
        table = read_table(file.path, encoding)
        if not table.records:
            raise UserError(f"{file.path} has no rows: list pictures with the columns {', '.join(COLUMNS)}")
        checked = _Rows(file, root, graph, reader, table.records)
        rows += [row for line, values in table.records if (row := checked.row(line, values))]
        tables.append(table._replace(records=[]))
        uncaptioned += checked.uncaptioned
        split_from += checked.split_from
    return Manifest(deal_out(rows, reader, test_share), tables, uncaptioned, dict(split_from))


class _Rows:
    """Checks the rows of one table.

    Args:
        file: The table.
        root: The folder of the pictures.
        graph: The relation graph. It gives the names.
        reader: Reads captions.
        records: All rows. They show whether any row has an ``edge``, and whether all pictures lie in folders named like splits.
    """

    def __init__(
        self, file: CaptionFile, root: Path, graph: RelationGraph, reader: CaptionReader, records: Sequence[tuple[int, Any]]
    ) -> None:
        self.file, self.root, self.graph, self.reader = file, root, graph, reader
        self.names = graph.by_wording[0]
        self.trained_contexts = {wording_key(context) for context in graph.contexts["train"]}
        self.states_edges = any("edge" in values for _, values in records)
        top_folders = {_top_folder(values.get("image")) for _, values in records}
        no_splits = not self.states_edges and not file.split and not any("split" in values for _, values in records)
        self.split_folders = no_splits and top_folders <= set(SPLITS)
        self.uncaptioned: list[str] = []
        self.split_from: Counter[str] = Counter()

    def row(self, line: int, values: dict[str, Any]) -> Row | None:
        """One row from its cells; None if the table is one of captions and the row has none."""
        where = f"{self.file.path}:{line}"
        cell = {name: text_of(where, name, values.get(name, "")) for name in COLUMNS}
        if not cell["image"]:
            raise UserError(f"{where}: image is empty: name a file, relative to --data.root")
        if cell["group"] not in ("", *GROUPS):
            raise UserError(f"{where}: group is {', '.join(GROUPS)} or empty, not {cell['group']!r}")
        if not (self.states_edges or cell["caption"] or cell["group"]):
            self.uncaptioned.append(where)
            return None
        picture = _inside(where, self.root, self.file.folder, cell["image"])
        concept, reading, words = self.concept(where, cell) if self.states_edges else self.said(where, cell)
        split = self.split(where, cell)
        rest = {name: cell[name] for name in ("group", "caption", "context", "style", "source", "licence")}
        digest, table = _digest(where, picture), self.file.path
        return Row(picture, concept, split=split, reading=reading, words=words, digest=digest, table=table, line=line, **rest)

    def concept(self, where: str, cell: dict[str, str]) -> tuple[Concept, Reading, str]:
        """The concept that the row states: a tuple or an object of the graph, or a neutral caption. Returns as :meth:`said`."""
        edge, graph = cell["edge"], self.graph
        if not edge:
            return self.free(where, cell), "stated", ""
        name = self.names.get(wording_key(edge))
        if name is not None:
            return (name,), "stated", ""
        if len(edge.split()) < 3:
            known = closest(edge, graph.objects)
            raise UserError(
                f"{where}: edge {edge!r} is not an object ({known}) and not a tuple, such as 'child eating hamburger'"
            )
        try:
            triple = graph.parse(edge)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from None
        if not graph.valid(triple):
            raise UserError(f"{where}: {graph.path} does not allow {edge!r}: correct it, or what the relation allows")
        return tuple(triple), "stated", ""

    def said(self, where: str, cell: dict[str, str]) -> tuple[Concept, Reading, str]:
        """The concept that the caption states, how it is known, and the words that state it.

        The concept is a tuple or an object of the graph; if the caption states neither, it is the caption itself.
        """
        match = None if cell["group"] == "neutral" else self.reader.read(cell["caption"])
        if match:
            return match.concept, "read", match.words
        return (self.free(where, cell), "stated", "") if cell["group"] else ((cell["caption"],), "unread", "")

    def free(self, where: str, cell: dict[str, str]) -> Concept:
        """The concept of a neutral picture: its own caption, which must not be a name of the graph."""
        caption = cell["caption"]
        if cell["group"] != "neutral" or not caption:
            raise UserError(f"{where}: edge is empty: name a tuple or an object; only group neutral takes a caption instead")
        try:
            known = self.names.get(wording_key(caption)) or str(self.graph.parse(caption))
        except ValueError:
            return (caption,)
        raise UserError(f"{where}: the caption {caption!r} names {known!r}: write that into edge")

    def split(self, where: str, cell: dict[str, str]) -> str:
        """Train or test; empty if it is chosen later."""
        stated = cell["split"].casefold()
        if stated and stated not in SPLITS:
            raise UserError(f"{where}: split is train or test, not {cell['split']!r}")
        measured = bool(cell["context"] or cell["style"])
        folder = self.file.split or (SPLITS[_top_folder(cell["image"])] if self.split_folders else "")
        split = SPLITS[stated] if stated else folder or ("test" if measured else "")
        if split == "train" and measured:
            raise UserError(f"{where}: pictures with a context or a style are for measuring: their split is test")
        if wording_key(cell["context"]) in self.trained_contexts:
            raise UserError(f"{where}: training captions name the context {cell['context']!r}: measure in another place")
        self.split_from["column" if stated else "folder" if folder else "condition" if measured else "content"] += 1
        return split


def _top_folder(image: Any) -> str:
    """The first folder of a picture's name."""
    parts = PurePosixPath(image.strip().replace("\\", "/")).parts if isinstance(image, str) else ()
    return parts[0].casefold() if len(parts) > 1 else ""


def _inside(where: str, root: Path, folder: Path, name: str) -> Path:
    """Path of a picture, relative to the table's folder or to the root. It must lie in the root. Backslashes are accepted."""
    names = (name, name.replace("\\", "/")) if "\\" in name else (name,)
    candidates = dict.fromkeys(start / known for known in names for start in (folder, root))
    try:
        picture = next((path for path in candidates if path.is_file()), root / names[-1])
        inside = picture.resolve().is_relative_to(root.resolve())
        found = picture.is_file()
    except (OSError, RuntimeError) as error:  # a name that is too long, or circular links
        reason = getattr(error, "strerror", None) or "its links go in a circle"
        raise UserError(f"{where}: image {shortened(name)!r} cannot be used ({reason}): give it another name") from None
    if not inside or (not found and PureWindowsPath(name).drive):
        raise UserError(f"{where}: image {name!r} lies outside {root}: put it inside and name it relative to it")
    if not found:
        raise UserError(f"{where}: image {name!r} not found in {folder}: paths are relative to --data.root")
    return picture


def _digest(where: str, path: Path) -> str:
    """SHA-256 of an image file, of which only the header is checked."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)):
            return sha256_of([content])
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "no image file" if isinstance(error, UnidentifiedImageError) else " ".join(str(error).split())
        raise UserError(f"{where}: cannot read image {str(path)!r} ({reason}): repair or remove it") from None
