"""Read the file of a ledger, and add requests to it, one process at a time."""

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
    """A file that has one request on each line.

    Args:
        path: Path of the ledger file. The file need not exist.

    Attributes:
        path: Path of the ledger file, with all symbolic links resolved.
        folder: Folder of the ledger file. Paths in a line are relative to it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(os.path.realpath(path))
        self.folder = self.path.parent

    def lines(self) -> list[bytes]:
        """All lines with their line ends. The list is empty if there is no file. A last line without a line end was changed.

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
        """The entries of all lines.

        Raises:
            UserError: If a line was changed.
        """
        entries = []
        for number, line in enumerate(self.lines(), 1):
            entry = read_line(line)
            if entry is None:
                raise UserError(f"line {number} of {self.path} was changed: see oro-unlearn ledger {self.path} verify")
            entries.append(entry)
        return entries

    def head(self) -> str:
        """SHA-256 of the last line. Through the chain of hashes it covers all lines."""
        return ([START] + [sha256_of([line]) for line in self.lines()[-1:]])[-1]

    def place(self, record: FileRecord) -> Path:
        """Path of a file that an entry names."""
        return Path(os.path.normpath(self.folder / record.path))

    def record(self, path: str | Path, sha256: str) -> FileRecord:
        """Make the record of a file for an entry.

        Args:
            path: Path of the file.
            sha256: SHA-256 of the file's content.
        """
        return FileRecord(Path(os.path.relpath(os.path.realpath(path), self.folder)).as_posix(), sha256)

    def append(self, make: Callable[[int, str, str], Entry], check: Callable[[list[bytes]], None]) -> Entry:
        """Add one request. The whole line is written or nothing, even if the process is killed. Other processes wait.

        Args:
            make: Function that makes the entry from its number, its time and the hash of the line before it.
            check: Function that gets all lines while no other process can add one. It raises an error if no request may be
                added.

        Raises:
            UserError: If the file cannot be written. Errors of ``check`` are passed on.
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
        if os.name == "posix":  # make sure that the renaming of the file is on the disk too
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
