"""One request in a ledger, and the line that stores it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from oro_unlearn.files import sha256_of

START = "0" * 64  # the first line has this in place of the hash of the line before it
OWN = "sha256"  # key of a line's own hash: the SHA-256 of everything before it in the line


class FileRecord(NamedTuple):
    """Path and hash of a file.

    Attributes:
        path: Path relative to the ledger's folder. For a model without a file, its name.
        sha256: SHA-256 of the content in hexadecimal. For a model without a file, empty.
    """

    path: str
    sha256: str


class Entry(NamedTuple):
    """One request, its edit and the result.

    Attributes:
        number: Number of the request: 1, 2, ...
        time: Time at which the run was complete, in UTC and ISO 8601 format.
        asker: Name of the person who asked, or its hash.
        forget: Names of the classes or tuples that this request asks to forget.
        forgotten: Names of everything that the model has forgotten after this request, in the form of ``--data.forgotten``.
        method: Name of the method.
        before: File of the model before the request.
        after: File of the model after the request.
        others: Files with other weights of the same model, such as an adapter.
        data: SHA-256 of each part of the data.
        verdict: The report's ``verdict``, or its ``said_first`` and ``words``.
        report: File of the report.
        previous: SHA-256 of the line before, including its line end.
    """

    number: int
    time: str
    asker: str
    forget: list[str]
    forgotten: list[str]
    method: str
    before: FileRecord
    after: FileRecord
    others: list[FileRecord]
    data: dict[str, str]
    verdict: dict[str, Any]
    report: FileRecord
    previous: str

    @property
    def files(self) -> list[FileRecord]:
        """All files that the entry names, without models that have no file."""
        return [record for record in (self.before, self.after, *self.others, self.report) if record.sha256]


def line_of(entry: Entry) -> bytes:
    """Write an entry as a line of JSON. Its last value is the SHA-256 of everything before it.

    Args:
        entry: The request.

    Returns:
        The line, including its line end.
    """
    content = {name: _plain(value) for name, value in entry._asdict().items()}
    return (_text({**content, OWN: sha256_of([_text(content)])}) + "\n").encode()


def read_line(line: bytes) -> Entry | None:
    """Read the entry of a line.

    Args:
        line: The line, including its line end.

    Returns:
        The entry. None if the line differs in any byte from the line that :func:`line_of` makes.
    """
    try:
        content = json.loads(line)
        content.pop(OWN)
        records = {name: FileRecord(**content[name]) for name in ("before", "after", "report")}
        entry = Entry(**{**content, **records, "others": [FileRecord(**record) for record in content["others"]]})
        return entry if line_of(entry) == line and isinstance(entry.number, int) else None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, FileRecord):
        return value._asdict()
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, allow_nan=False)
