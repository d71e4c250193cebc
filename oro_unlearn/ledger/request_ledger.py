"""The file of a ledger: read, and appended to by one process at a time."""

import io
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock

from oro_unlearn.files import replacing, sha256_of
from oro_unlearn.ledger.entry import START, Entry, FileRecord, line_of, read_line
from oro_unlearn.user_error import UserError


class RequestLedger:
    """A file with one request a line.

    Args:
        path: Of the file, which need not exist.

    Attributes:
        path: The file, behind all links.
        folder: Its folder, which the paths of a line are relative to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(os.path.realpath(path))
        self.folder = self.path.parent

    def lines(self) -> list[bytes]:
        """The lines with their ends; none if there is no file. A last line without an end is one that was changed.

        Raises:
            UserError: If the file cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"the ledger {self.path} cannot be read ({error.strerror}): name a file") from None
        return list(io.BytesIO(content))

    def entries(self) -> list[Entry]:
        """All requests.

        Raises:
            UserError: If a line was changed.
        """
        found = []
        for number, line in enumerate(self.lines(), 1):
            entry = read_line(line)
            if entry is None:
                raise UserError(f"line {number} of {self.path} was changed: see oro-unlearn ledger {self.path} verify")
            found.append(entry)
        return found

    def head(self) -> str:
        """SHA-256 of the last line, which stands for the whole chain."""
        return ([START] + [sha256_of([line]) for line in self.lines()[-1:]])[-1]

    def place(self, record: FileRecord) -> Path:
        """Where a file of an entry lies."""
        return Path(os.path.normpath(self.folder / record.path))

    def record(self, path: str | Path, sha256: str) -> FileRecord:
        """A file as an entry names it.

        Args:
            path: Of the file.
            sha256: Of its content.
        """
        return FileRecord(Path(os.path.relpath(os.path.realpath(path), self.folder)).as_posix(), sha256)

    def append(self, make: Callable[[int, str, str], Entry], check: Callable[[list[bytes]], None]) -> Entry:
        """Add one request: the whole line or nothing, whatever happens; other processes wait.

        Args:
            make: From number, time and hash of the line before, the entry.
            check: Is given all lines while no other process can add one, and raises what speaks against another.

        Raises:
            UserError: If the file cannot be written; whatever ``check`` raises.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock"):
                lines = self.lines()
                check(lines)
                now = datetime.now(timezone.utc).isoformat(timespec="seconds")
                entry = make(len(lines) + 1, now, self.head())
                self._write([*lines, line_of(entry)])
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UserError(f"the ledger {self.path} cannot be written ({reason}): its last entry is missing") from None
        return entry

    def _write(self, lines: list[bytes]) -> None:
        with replacing(self.path) as partial:
            partial.write_bytes(b"".join(lines))
            if self.path.exists():
                shutil.copymode(self.path, partial)
        if os.name == "posix":  # the new name of the file is on the disk too
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
