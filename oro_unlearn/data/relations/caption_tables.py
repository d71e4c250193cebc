"""Read tables of captions as records, from delimited text, JSON lines or Parquet."""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oro_unlearn.data.relations.caption_columns import known_columns, needed_columns
from oro_unlearn.files import first_line, shortened
from oro_unlearn.user_error import UserError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
LARGEST = 64 * 2**20  # bytes
MOST_ROWS = 2**22  # of a Parquet file, which can be small although it holds many rows
MARKS = {  # long marks first: a mark of UTF-32 begins with one of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
Record = tuple[int, dict[str, Any]]  # line, and values by column


class Table(NamedTuple):
    """A table of captions as it was read."""

    path: Path
    records: list[Record]
    encoding: str  # empty if the format fixes it
    delimiter: str  # comma, semicolon or tab; empty if there is none
    ignored: list[str]  # names of unknown columns


def read_table(path: Path, encoding: str = "") -> Table:
    """Read a table. The suffix gives the format, the header the delimiter, and the first bytes the encoding.

    Args:
        path: A ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` file.
        encoding: Encoding of a text file. Empty: the encoding of the byte order mark, or UTF-8 without a mark.

    Raises:
        UserError: If the file is not a valid table. The message names file and line.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise UserError(f"{path}: a manifest is a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file")
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} is larger than {LARGEST >> 20} MB: split it")
    reader = _Records(path)
    if kind == ".parquet":
        records = list(reader.parquet())
        return Table(path, records, "", "", list(reader.ignored))
    text, used_encoding = _text(path, encoding)
    if kind == ".jsonl":
        return Table(path, list(reader.jsonl(text)), used_encoding, "", list(reader.ignored))
    delimiter = _delimiter(text, "\t" if kind == ".tsv" else ",")
    records = list(reader.separated(text, delimiter))
    return Table(path, records, used_encoding, DELIMITERS[delimiter], list(reader.ignored))


def _text(path: Path, encoding: str) -> tuple[str, str]:
    """The text of a file, and its encoding's name."""
    content = path.read_bytes()
    marked = next((name for mark, name in MARKS.items() if content.startswith(mark)), "")
    asked = _codec(encoding) if encoding else ""
    if asked and not asked.startswith(marked):
        raise UserError(f"{path} begins with the byte order mark of {marked}, not {encoding}: leave out --data.encoding")
    name = asked or marked or "utf-8"
    try:
        text = content.decode(name)
    except (LookupError, UnicodeError) as error:  # LookupError: the codec does not decode to text
        start = getattr(error, "start", 0)
        raise UserError(
            f"{path}:{content[:start].count(10) + 1}: byte {start} is not {name.upper()}: name the file's encoding with "
            "--data.encoding (such as cp1252), or save it as UTF-8"
        ) from None
    if "\0" in text[:2]:
        order = "be" if text[0] == "\0" else "le"
        raise UserError(f"{path}:1: every other byte is zero: UTF-16 without its mark needs --data.encoding utf-16-{order}")
    return text.removeprefix("\ufeff"), name


def _codec(encoding: str) -> str:
    """Python's name of an encoding."""
    try:
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise UserError(f"--data.encoding {encoding!r} is unknown: name one such as cp1252, latin-1 or utf-16-le") from None


def _delimiter(text: str, usual: str) -> str:
    """The delimiter that gives the most known columns in the header."""
    header = text.lstrip("\r\n").splitlines()[:1]

    def known(delimiter: str) -> int:
        names = next(csv.reader(header, delimiter=delimiter), [])
        try:
            return len(known_columns("", [name.strip() for name in names]))
        except ValueError:  # a repeated or misspelt column: this is the delimiter
            return len(names)

    try:
        return max((usual, *(other for other in DELIMITERS if other != usual)), key=known)
    except csv.Error:
        return usual


class _Records:
    """Reads the records of one file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ignored: dict[str, None] = {}
        self._known: dict[tuple[str, ...], dict[str, str]] = {}

    def known(self, line: int, names: Sequence[str]) -> dict[str, str]:
        """Known columns by the names in a line."""
        if tuple(names) not in self._known:
            columns = known_columns(f"{self.path}:{line}", names)
            self._known[tuple(names)] = columns
            self.ignored |= dict.fromkeys(name.strip() or "(without a name)" for name in names if name not in columns)
        return self._known[tuple(names)]

    def separated(self, text: str, delimiter: str) -> Iterator[Record]:
        """Records of text that is separated by a delimiter."""
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)  # rejects an open quote
        try:
            header = next((cells for cells in lines if any(cells)), [])
            names = [name.strip() for name in header]
            columns = self.known(lines.line_num, names)
            if header:
                needed_columns(f"{self.path}:{lines.line_num}", columns.values(), names)
            for cells in lines:
                if not cells:
                    continue
                self._same_width(lines.line_num, len(cells), len(names), DELIMITERS[delimiter])
                yield lines.line_num, {columns[name]: cell for name, cell in zip(names, cells, strict=True) if name in columns}
        except csv.Error as error:
            raise UserError(
                f"{self.path}:{lines.line_num}: not valid CSV ({error}): close its quotes, or shorten the cell"
            ) from None

    def _same_width(self, line: int, cells: int, columns: int, delimiter: str) -> None:
        if cells != columns:
            raise UserError(
                f"{self.path}:{line}: this line has another number of columns than the header ({cells}, not {columns}): quote "
                f"cells that hold a {delimiter}"
            )

    def jsonl(self, text: str) -> Iterator[Record]:
        """Records of JSON objects, one per line; null is an empty cell."""
        seen: dict[str, str] = {}
        for line, content in enumerate(text.split("\n"), start=1):
            if not content.strip():
                continue
            try:
                values = json.loads(content)
            except (ValueError, RecursionError) as error:
                raise UserError(
                    f"{self.path}:{line}: not a JSON object ({first_line(error)}): write one object a line"
                ) from None
            if not isinstance(values, dict):
                raise UserError(f'{self.path}:{line}: a JSON object is needed, such as {{"image": ..., "caption": ...}}')
            columns = self.known(line, list(values))
            seen |= columns
            yield line, {columns[name]: value for name, value in values.items() if name in columns and value is not None}
        if self._known:
            needed_columns(f"{self.path}:1", seen.values(), [*seen, *self.ignored])

    def parquet(self) -> Iterator[Record]:
        """Records of a Parquet file; the line is the row's number."""
        try:
            from pyarrow import ArrowException, parquet
        except ImportError:
            raise UserError(f"{self.path}: Parquet needs pyarrow: pip install 'oro_unlearn[parquet]'") from None
        try:
            with parquet.ParquetFile(self.path) as file:
                names = list(file.schema_arrow.names)
                columns = self.known(1, names)
                needed_columns(str(self.path), columns.values(), names)
                if file.metadata.num_rows > MOST_ROWS:
                    raise UserError(f"{self.path} has more than {MOST_ROWS} rows: split it")
                rows = [row for batch in file.iter_batches(columns=list(columns)) for row in batch.to_pylist()]
        except (ArrowException, OSError) as error:
            raise UserError(f"{self.path}: not a Parquet file ({first_line(error, 120)}): write it again") from None
        for number, row in enumerate(rows, start=1):
            yield number, {columns[name]: value for name, value in row.items() if value is not None}


def text_of(where: str, name: str, value: Any) -> str:
    """A cell's text.

    Args:
        where: File and line, for errors.
        name: Name of its column.
        value: The cell's value in the table.

    Raises:
        UserError: If the value is not text, or if it holds characters that text cannot hold.
    """
    if isinstance(value, dict | bytes) and name == "image":
        raise UserError(f"{where}: the picture is within the table: write pictures to files, and their names into image")
    if not isinstance(value, str):
        raise UserError(f"{where}: {name} must be text, not {shortened(json.dumps(value, default=str), 40)}")
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
        raise UserError(f"{where}: {name} holds a zero byte or half a character: write it again")
    return value.strip() if name == "image" else " ".join(value.split())
