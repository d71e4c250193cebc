"""Pictures in files, or in the columns of tables, read on demand."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from oro_unlearn.data.images.decoding import REASONS, Reading, decode, reason
from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError


def read_picture(source: Path | bytes, where: str) -> Any:
    """Decode a picture to an RGB image of Pillow.

    Args:
        source: The file, or its content.
        where: What the message names.

    Raises:
        UserError: If the picture is missing, corrupt, or no image.
    """
    try:
        return decode(BytesIO(source) if isinstance(source, bytes) else source, 3, Reading())
    except REASONS as error:
        raise UserError(f"{where}: cannot read the image ({reason(error)}): repair it or remove the row") from None


def inside(folder: Path, name: str, where: str) -> Path:
    """The file of a picture that a table names.

    Args:
        folder: Folder that the name is relative to.
        name: Name in the table. It is not trusted: no file outside the folder is read.
        where: Place in the table, for messages.

    Raises:
        UserError: If there is no such file in the folder.
    """
    path = folder / name
    try:
        if path.resolve().is_relative_to(folder.resolve()) and path.is_file():
            return path
        outside = not path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or links in a circle
        outside = False
    if outside:
        raise UserError(f"{where}: image {shortened(name)!r} lies outside {folder}: put it inside and name it relative to it")
    raise UserError(f"{where}: image {shortened(name)!r} not found in {folder}: add the file or remove the row")


class PictureFiles:
    """Reads pictures from files; the key of a picture is its file.

    Args:
        places: The place that names each file, for messages.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = dict(places)

    def __call__(self, key: str) -> Any:
        """The picture, RGB."""
        return read_picture(Path(key), f"{self.places[key]}, {key}")


class PictureColumns:
    """Reads pictures from the columns of Arrow tables.

    Args:
        columns: The columns; a cell is a struct with ``bytes`` and ``path``, or a list of such structs.
        names: The tables' files, for messages.
    """

    def __init__(self, columns: Sequence[Any], names: Sequence[Path]) -> None:
        self.columns, self.names = list(columns), list(names)

    def cell(self, table: int, row: int) -> list[Any]:
        """The pictures of one row, each a dict with ``bytes`` and ``path``."""
        value = self.columns[table][row].as_py()
        pictures = [picture for picture in (value if isinstance(value, list) else [value]) if picture is not None]
        if not all(isinstance(picture, dict) for picture in pictures):
            kind = type(pictures[0]).__name__
            raise UserError(
                f"{self.names[table]}, row {row}: pictures are structs with bytes and path, not {kind}: download the data "
                "set again"
            )
        return pictures

    def __call__(self, key: tuple[int, int, int]) -> Any:
        """The picture of a key (number of the table, row, number in the row), RGB."""
        table, row, number = key
        path = self.names[table]
        where = f"{path}, row {row}"
        picture = self.cell(table, row)[number]
        content, name = picture.get("bytes"), picture.get("path")
        return read_picture(content if content is not None else inside(path.parent, name or "", where), where)
