"""Write files atomically, hash files, and shorten texts to the length of a message."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PART = 1 << 20  # bytes per read


@contextmanager
def replacing(path: str | Path, whole: Callable[[], object] | None = None) -> Iterator[Path]:
    """Write a file atomically. If the process is killed, the file has either the old or the new content.

    Args:
        path: The file. Missing folders are created.
        whole: Called when the new content is on the disk, before it replaces the old file.

    Yields:
        The path to write to, a temporary file in the same folder. It replaces the file at the end of the block. After an
        error it is deleted.

    Example:
        >>> with TemporaryDirectory() as folder:
        ...     with replacing(f"{folder}/a.txt") as partial:
        ...         _ = partial.write_text("whole")
        ...     Path(folder, "a.txt").read_text()
        'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with suppress(OSError):
        partial.unlink()  # left by a run that was killed, possibly with other permissions
    try:
        yield partial
        _on_disk(partial)
        if whole:
            whole()
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def replacing_in(folder: str | Path, names: Iterable[str], prefix: str = ".part-") -> Iterator[Path]:
    """Write several files that belong together, or a file that other processes write at the same time.

    Args:
        folder: The folder of the files. It is created if it is missing.
        names: Names of the files, in the order in which they replace the old ones.
        prefix: Start of the temporary folder's name.

    Yields:
        An empty temporary folder inside ``folder``. At the end of the block all files are written to the disk, and then
        moved to ``folder``.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=prefix) as temporary:
        yield Path(temporary)
        for name in names:
            _on_disk(Path(temporary, name))
        for name in names:
            os.replace(Path(temporary, name), Path(folder, name))


def write_text(text: str, path: str | Path) -> None:
    """Write a text file in UTF-8, atomically.

    Args:
        text: Content of the file.
        path: The file; missing folders are made.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write a file of strict JSON, atomically.

    Args:
        content: Content of the file.
        path: The file; missing folders are made.
    """
    write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", path)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal. The file is read in blocks, so it need not fit into memory."""
    return sha256_of([Path(path)])


def sha256_of(parts: Iterable[Any]) -> str:
    """SHA-256 of the concatenation of several parts, in hexadecimal.

    Args:
        parts: Texts (encoded as UTF-8), bytes and contiguous buffers. For a :class:`Path`, the file's content is hashed.

    Example:
        >>> sha256_of(["one", b"two"]) == sha256_of(["onetwo"])
        True
    """
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part) if isinstance(part, Path) else [part.encode() if isinstance(part, str) else part]:
            digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    """The content of a file, in pieces that fit into memory."""
    with path.open("rb") as file:
        while read := file.read(PART):
            yield read


def shortened(value: object, longest: int = 80, end: str = "...") -> str:
    """The text of a value, cut to a maximum length.

    Args:
        value: Any value; ``str(value)`` is the text.
        longest: Maximum number of characters.
        end: Last characters of a text that was cut.

    Example:
        >>> shortened("a quite long name", 10)
        'a quite...'
    """
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - len(end)]}{end}"


def printable(text: str) -> str:
    r"""Put text on one line and escape characters that control a terminal or reverse the direction of text.

    Args:
        text: Any text.

    Example:
        >>> print(printable("two\nlines [bold]"))
        two\nlines [bold]
    """
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def one_line(value: object, longest: int = 80) -> str:
    """The text of a value on one line, with single blanks between words, cut to a maximum length."""
    return shortened(" ".join(str(value).split()), longest)


def first_line(error: object, longest: int = 200) -> str:
    r"""The first line of an error message. If the message is empty, the name of the error's type.

    Example:
        >>> first_line(OSError("no file\nof this name")), first_line(EOFError())
        ('no file', 'EOFError')
    """
    return shortened((str(error).splitlines() or [type(error).__name__])[0], longest)


def _on_disk(path: Path) -> None:
    """Wait until a file's content is on the disk (``fsync``). A full disk may raise its error only here."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
