"""One request of a ledger, and the line that holds it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from oro_unlearn.files import sha256_of

START = "0" * 64  # stands where the first line names the line before it
OWN = "sha256"  # of a line: the SHA-256 of all that stands before it


class FileRecord(NamedTuple):
    """A file, by path and content.

    Attributes:
        path: Relative to the ledger's folder; of a model without a file, its name.
        sha256: In hexadecimal; empty for a model without a file.
    """

    path: str
    sha256: str


class Entry(NamedTuple):
    """One request, and what became of it.

    Attributes:
        number: 1, 2, ...
        time: When the run was complete, in UTC as ISO 8601 has it.
        asker: Who asked, or the hash of it.
        forget: Names of what was to be forgotten.
        forgotten: Names of all that the model after the request has forgotten, as ``--data.forgotten`` takes them.
        method: Name of the method.
        before: The model before the request.
        after: The model after it.
        others: Other weights of the same model, such as an adapter.
        data: SHA-256 of the data, by part.
        verdict: ``verdict``, or ``said_first`` and ``words``, of the report.
        report: The report.
        previous: SHA-256 of the line before, its end included.
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
        """Every file that the entry names; models without a file are left out."""
        return [record for record in (self.before, self.after, *self.others, self.report) if record.sha256]


def line_of(entry: Entry) -> bytes:
    """The line of an entry: JSON that ends with the SHA-256 of all before it.

    Args:
        entry: The request.

    Returns:
        The line with its end.
    """
    content = {name: _plain(value) for name, value in entry._asdict().items()}
    return (_text({**content, OWN: sha256_of([_text(content)])}) + "\n").encode()


def read_line(line: bytes) -> Entry | None:
    """The entry of a line; None if the line is not, byte for byte, one that :func:`line_of` has made.

    Args:
        line: With its end.
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
