"""Which column of a table of captions holds what."""

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
    """The columns that are read, by the table's own names for them.

    Args:
        where: File and line, for errors.
        names: The table's; capitals, hyphens and white space do not matter. Those that mean nothing here are left out.

    Raises:
        UserError: If two name the same thing, or one is all but a known name.

    Example:
        >>> known_columns("m.csv:1", ["File Name", "text", "width"])
        {'File Name': 'image', 'text': 'caption'}
    """
    found = {name: KNOWN[_plain(name)] for name in names if _plain(name) in KNOWN}
    first: dict[str, str] = {}
    for name in (name for name in names if name in found):
        other = first.setdefault(found[name], name)
        if name in names[: names.index(name)] or names.count(name) > 1:
            raise UserError(f"{where}: column {name!r} is given twice: drop one")
        if other != name:
            raise UserError(f"{where}: columns {other!r} and {name!r} both give the {found[name]}: drop or rename one")
    for name in names:
        meant = None if name in found else _meant(_plain(name))
        if meant and KNOWN[meant] not in first:
            raise UserError(f"{where}: unknown column {name!r}: did you mean {meant!r}? Columns are {', '.join(COLUMNS)}")
    return found


def needed_columns(where: str, columns: Iterable[str], names: Sequence[str]) -> None:
    """Refuse a table without pictures, or without anything about them.

    Args:
        where: File and line, for errors.
        columns: What was found of :data:`COLUMNS`.
        names: The table's own, for errors.

    Raises:
        UserError: If one is missing.
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
