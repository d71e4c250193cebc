"""Find the training pictures that a list of file names refers to."""

import os
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

from oro_unlearn.data.images.forget_request import read_lines
from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError


def positions_of(list_file: str, paths: Sequence[str]) -> list[int]:
    """Positions of the training pictures that a file names.

    A line is a path or the end of a path: ``cat/1.png``, ``train/cat/1.png``, or ``1.png`` if only one picture has this name.
    Blank lines and lines that begin with ``#`` are ignored.

    Args:
        list_file: Text in UTF-8.
        paths: Paths of all training pictures.

    Returns:
        Sorted positions without repetitions.

    Raises:
        UserError: If the list is missing; if a line names no training picture or several; if the list names all or none.
    """
    by_name: dict[str, list[int]] = {}
    split_paths = [_parts(os.path.abspath(path)) for path in paths]
    for row, parts in enumerate(split_paths):
        by_name.setdefault(parts[-1], []).append(row)
    positions: set[int] = set()
    missing: list[str] = []
    ambiguous: list[str] = []
    lines = [line for line in read_lines(list_file, "--data.forget_files") if not line.startswith("#")]
    for line in lines:
        given = _parts(line)
        rows = [row for row in by_name.get(given[-1], []) if _same_end(split_paths[row], given, line)]
        positions.update(rows if len(rows) == 1 else [])
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
    if len(positions) in (0, len(paths)):
        what = "no pictures" if not positions else f"all {len(paths)} training pictures, nothing is left to keep"
        raise UserError(f"{list_file} names {what}")
    return sorted(positions)


def _parts(path: str) -> tuple[str, ...]:
    """Folders and file name of a path with slashes or backslashes."""
    return tuple(part for part in normalize("NFC", path).replace("\\", "/").split("/") if part not in ("", ".")) or ("",)


def _same_end(ours: tuple[str, ...], given: tuple[str, ...], line: str) -> bool:
    """Whether a path on this machine ends with a line's path. Of absolute Windows paths, only folder and file must match."""
    if line[1:2] == ":" or line.startswith("\\\\"):
        shared = min(2, len(ours), len(given) - 1)  # class folder and file
        return ours[-shared:] == given[-shared:]
    if Path(line).is_absolute() or ".." in given:
        return ours == _parts(os.path.abspath(line))
    return ours[-len(given) :] == given


def _quoted(lines: Sequence[str]) -> str:
    """The first line, for a message."""
    return repr(shortened(lines[0], 200))
