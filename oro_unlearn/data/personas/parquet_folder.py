"""Read the Parquet files of a published data set: one folder for each of its parts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oro_unlearn.data.personas.picture_files import PictureColumns
from oro_unlearn.files import first_line, sha256_of
from oro_unlearn.user_error import UserError

PICTURES = ("image", "images")  # columns with pictures


class Record(NamedTuple):
    """A row of a table, without its pictures."""

    values: Mapping[str, Any]
    pictures: list[tuple[int, int, int]]  # keys of :class:`PictureColumns`
    where: str  # file and row, for messages

    def text(self, name: str) -> str:
        """The text in a column; a number as text.

        Raises:
            UserError: If there is none.
        """
        return text_in(self.values, name, self.where)

    def texts(self, name: str) -> list[str]:
        """The texts in a column of lists; none if the cell is empty or the column is missing.

        Raises:
            UserError: If the cell is not a list.
        """
        return [text_in({name: value}, name, self.where) for value in list_in(self.values, name, self.where)]


def text_in(values: Any, name: str, where: str) -> str:
    """The text of a field; a number as text.

    Args:
        values: A row, or a struct in it.
        name: The field.
        where: File and row, for messages.

    Raises:
        UserError: If there is no such field, or it is empty.
    """
    value = values.get(name) if isinstance(values, Mapping) else None
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text:
        raise UserError(f"{where}: {name} is empty or not text: download the data set again, or remove the row")
    return text


def list_in(values: Any, name: str, where: str) -> list[Any]:
    """The list of a field; empty if there is none.

    Args:
        values: A row, or a struct in it.
        name: The field.
        where: File and row, for messages.

    Raises:
        UserError: If it is not a list.
    """
    found = values.get(name) if isinstance(values, Mapping) else values
    if found is None:
        return []
    if not isinstance(found, list):
        raise UserError(f"{where}: {name} is not a list: download the data set again")
    return found


class ParquetFolder:
    """The parts of a data set in a local folder, such as ``forget05/train-00000-of-00001.parquet``.

    Encoded pictures stay in memory as they are in the files; they are decoded when they are asked for.

    Args:
        root: Folder of the data set.
        source: Where to get the data set, for messages.

    Attributes:
        pictures: Gives the pictures of the rows that were read.
        files: The files that were read.
    """

    def __init__(self, root: Path, source: str) -> None:
        self.root, self.source = root, source
        self.pictures = PictureColumns([], [])
        self.files: list[Path] = []

    def part(self, *names: str) -> Path | None:
        """The first folder of these names that has Parquet files; None if there is none."""
        return next((self.root / name for name in names if self._tables(self.root / name)), None)

    def needed(self, *names: str) -> Path:
        """As :meth:`part`, for a folder that must be there.

        Raises:
            UserError: If there is none.
        """
        found = self.part(*names)
        if found is None:
            raise UserError(f"no folder {names[0]} with Parquet files in {self.root}: get {self.source} and set --data.root")
        return found

    def _tables(self, folder: Path) -> list[Path]:
        """Files of the split ``train``; without such names, all Parquet files."""
        tables = sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
        return [path for path in tables if "train" in str(path.relative_to(folder))] or tables

    def rows(self, folder: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Record]:
        """The rows of a folder's files.

        Args:
            folder: A folder from :meth:`part`.
            needed: Columns that must be there.
            optional: Other columns to read, if they are there.

        Raises:
            UserError: If a file is damaged, or if a column is missing.
        """
        for path in self._tables(folder):
            table = _table(path, needed, (*optional, *PICTURES))
            shown = next((name for name in PICTURES if name in table.column_names), None)
            number = len(self.files)
            self.files.append(path)
            self.pictures.names.append(path)
            self.pictures.columns.append(table.column(shown) if shown else [])
            texts = table.drop_columns([name for name in PICTURES if name in table.column_names]).to_pylist()
            for row, values in enumerate(texts):
                count = len(self.pictures.cell(number, row)) if shown else 0
                yield Record(values, [(number, row, place) for place in range(count)], f"{path}, row {row}")

    def sha256(self) -> str:
        """SHA-256 of the files that were read."""
        return sha256_of(self.files)


def _table(path: Path, needed: Sequence[str], optional: Sequence[str]) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise UserError(f"{path}: Parquet needs pyarrow: pip install 'oro_unlearn[parquet]'") from None
    try:
        with parquet.ParquetFile(path) as file:
            names = set(file.schema_arrow.names)
            missing = [name for name in needed if name not in names]
            if missing:
                raise UserError(f"{path} lacks the columns {', '.join(missing)}: download the data set again")
            return file.read(columns=[name for name in (*needed, *optional) if name in names])
    except (ArrowException, OSError) as error:
        raise UserError(f"{path}: not a Parquet file ({first_line(error, 120)}): download it again") from None
