"""Recognise the columns of a table of captions."""

import difflib
from collections.abc import Iterable, Sequence

from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError

COLUMNS = ("image", "edge", "group", "caption", "split", "context", "style", "source", "licence")
OTHER_NAMES = {
    **dict.fromkeys(("filename", "file_name", "path", "image_path", "filepath", "file_path"), "image"),
    **dict.fromkeys(("text", "sentence"), "caption"),
    "license": "licence",
}
KNOWN = {**{name: name for name in COLUMNS}, **OTHER_NAMES}


def known_columns(where: str, names: Sequence[str]) -> dict[str, str]:
    """Map the table's names of columns to the known columns that they stand for.

    Args:
        where: File and line, for errors.
        names: The table's names. Capitals, hyphens and white space do not matter. Unknown names are left out.

    Raises:
        UserError: If two names stand for the same column, or if a name looks like a misspelling of a known name.

    Example:
        >>> known_columns("m.csv:1", ["File Name", "text", "width"])
        {'File Name': 'image', 'text': 'caption'}
    """
    columns = {name: KNOWN[_plain(name)] for name in names if _plain(name) in KNOWN}
    first: dict[str, str] = {}
    for name in (name for name in names if name in columns):
        other = first.setdefault(columns[name], name)
        if name in names[: names.index(name)] or names.count(name) > 1:
            raise UserError(f"{where}: column {name!r} is given twice: drop one")
        if other != name:
            raise UserError(f"{where}: columns {other!r} and {name!r} both give the {columns[name]}: drop or rename one")
    for name in names:
        meant = None if name in columns else _meant(_plain(name))
        if meant and KNOWN[meant] not in first:
            raise UserError(f"{where}: unknown column {name!r}: did you mean {meant!r}? Columns are {', '.join(COLUMNS)}")
    return columns


def needed_columns(where: str, columns: Iterable[str], names: Sequence[str]) -> None:
    """Reject a table without a column of images, or without a column of captions or edges.

    Args:
        where: File and line, for errors.
        columns: The columns of :data:`COLUMNS` that the table has.
        names: The table's names of columns, for errors.

    Raises:
        UserError: If a column is missing.
    """
    found = set(columns)
    other = {kind: ", ".join(name for name, meant in OTHER_NAMES.items() if meant == kind) for kind in ("image", "caption")}
    shown = ", ".join(shortened(repr(name), 40) for name in names[:8])
    if "image" not in found:
        raise UserError(f"{where}: no column names the pictures' files: call it image (or {other['image']}); found: {shown}")
    if not {"edge", "caption"} & found:
        raise UserError(
            f"{where}: no column says what is shown: call it caption (or {other['caption']}), or edge; found: {shown}"
        )


def _plain(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _meant(name: str) -> str | None:
    """The known name of which a name is a misspelling: letters exchanged, or one too few or too many."""
    alike = [known for known in KNOWN if sorted(known) == sorted(name)]
    alike += difflib.get_close_matches(name[:40], KNOWN, n=3, cutoff=0.8)
    return next((known for known in alike if abs(len(known) - len(name)) <= 1), None)
