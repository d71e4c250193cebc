"""Which training pictures a list of file names means."""

import os
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

from oro_unlearn.data.images.forget_request import read_lines
from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError


def positions_of(list_file: str, paths: Sequence[str]) -> list[int]:
    """Positions of the training pictures that a file names.

    A line is a path, or the end of one: ``cat/1.png``, ``train/cat/1.png``, ``1.png`` if only one picture is called so. Blank
    lines and lines that begin with ``#`` are left out.

    Args:
        list_file: Text in UTF-8.
        paths: Of all training pictures.

    Returns:
        Sorted positions without repetitions.

    Raises:
        UserError: If the list is missing; if a line names no training picture, or several; or all or none are named.
    """
    by_name: dict[str, list[int]] = {}
    parts = [_parts(os.path.abspath(path)) for path in paths]
    for row, places in enumerate(parts):
        by_name.setdefault(places[-1], []).append(row)
    found: set[int] = set()
    missing: list[str] = []
    ambiguous: list[str] = []
    lines = [line for line in read_lines(list_file, "--data.forget_files") if not line.startswith("#")]
    for line in lines:
        ours = _parts(line)
        rows = [row for row in by_name.get(ours[-1], []) if _same_end(parts[row], ours, line)]
        found.update(rows if len(rows) == 1 else [])
        (missing if not rows else ambiguous).extend([line] if len(rows) != 1 else [])
    if missing:
        raise UserError(
            f"{list_file}: {len(missing)} of {len(lines)} lines name no training picture, first {_quoted(missing)}: "
            "write paths as they lie in the training folder"
        )
    if ambiguous:
        raise UserError(
            f"{list_file}: {len(ambiguous)} of {len(lines)} lines fit several pictures, first {_quoted(ambiguous)}: "
            "write the class folder too, as in CLASS/FILE"
        )
    if len(found) in (0, len(paths)):
        what = "no pictures" if not found else f"all {len(paths)} training pictures, nothing is left to keep"
        raise UserError(f"{list_file} names {what}")
    return sorted(found)


def _parts(path: str) -> tuple[str, ...]:
    """Folders and name, whichever way the slashes lean."""
    return tuple(part for part in normalize("NFC", path).replace("\\", "/").split("/") if part not in ("", ".")) or ("",)


def _same_end(ours: tuple[str, ...], given: tuple[str, ...], line: str) -> bool:
    """Whether a path on this machine ends as a line says; a path of Windows can lie elsewhere there."""
    if line[1:2] == ":" or line.startswith("\\\\"):
        shared = min(2, len(ours), len(given) - 1)  # class folder and file
        return ours[-shared:] == given[-shared:]
    if Path(line).is_absolute() or ".." in given:
        return ours == _parts(os.path.abspath(line))
    return ours[-len(given) :] == given


def _quoted(lines: Sequence[str]) -> str:
    """The first line, for a message."""
    return repr(shortened(lines[0], 200))
