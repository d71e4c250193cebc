"""Files written whole or not at all, hashes of what was read and written, and texts cut to the length of a message."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PART = 1 << 20  # bytes that are read at a time


@contextmanager
def replacing(path: str | Path, whole: Callable[[], object] | None = None) -> Iterator[Path]:
    """Write a file in one step: it is the old one or the new one, whenever the process ends.

    Args:
        path: The file; missing folders are made.
        whole: Called when the new file is on the disk, before it takes its place.

    Yields:
        The path to write to, beside the file. It takes the file's place at the end of the block; after an error it goes.

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
        partial.unlink()  # left by a run that was killed, with other permissions maybe
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
    """Write files that belong together, or one that other processes write at the same time.

    Args:
        folder: Where they belong; made where it is missing.
        names: Of the files, in the order in which they take their places.
        prefix: Begin of the temporary folder's name.

    Yields:
        An empty folder of this block's own inside it. When all files are whole, each takes its place.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=prefix) as own:
        yield Path(own)
        for name in names:
            _on_disk(Path(own, name))
        for name in names:
            os.replace(Path(own, name), Path(folder, name))


def write_text(text: str, path: str | Path) -> None:
    """Write a text in UTF-8, whole or not at all.

    Args:
        text: What to write.
        path: The file; missing folders are made.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write strict JSON, whole or not at all.

    Args:
        content: What to write.
        path: The file; missing folders are made.
    """
    write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", path)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal; it is read part by part."""
    return sha256_of([Path(path)])


def sha256_of(parts: Iterable[Any]) -> str:
    """SHA-256 of parts one after the other, in hexadecimal.

    Args:
        parts: Texts (in UTF-8), bytes and contiguous buffers; of a :class:`Path` the file's content.

    Example:
        >>> sha256_of(["one", b"two"]) == sha256_of(["onetwo"])
        True
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as file:
                while read := file.read(PART):
                    digest.update(read)
        else:
            digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()


def shortened(value: object, longest: int = 80, end: str = "...") -> str:
    """A text of no more than some characters.

    Args:
        value: Anything that has a text.
        longest: Number of characters.
        end: What a text that was cut ends with.

    Example:
        >>> shortened("a quite long name", 10)
        'a quite...'
    """
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - len(end)]}{end}"


def one_line(value: object, longest: int = 80) -> str:
    """The same on one line, with one blank wherever there are any."""
    return shortened(" ".join(str(value).split()), longest)


def first_line(error: object, longest: int = 200) -> str:
    r"""The first line of what a library says, or the error's type where it says nothing.

    Example:
        >>> first_line(OSError("no file\nof this name")), first_line(EOFError())
        ('no file', 'EOFError')
    """
    return shortened((str(error).splitlines() or [type(error).__name__])[0], longest)


def _on_disk(path: Path) -> None:
    """Wait until a file's content is on the disk; a disk that is full may say so only here."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
