"""Find the faults of a ledger: changed, missing, inserted and moved lines, and changed and missing files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from oro_unlearn.files import sha256_of
from oro_unlearn.ledger.entry import START, Entry, FileRecord, read_line
from oro_unlearn.ledger.request_ledger import RequestLedger
from oro_unlearn.report.provenance import named


class Fault(NamedTuple):
    """One fault of a ledger.

    Attributes:
        line: Number of the line at which the fault shows.
        what: Description of the fault.
    """

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


def verify(path: str | Path, head: str = "") -> list[Fault]:
    """Find all faults of a ledger and of the files that it names.

    Args:
        path: Path of the ledger file.
        head: SHA-256 of a line that was noted earlier; empty if no hash was noted.

    Returns:
        The faults, sorted by line.
    """
    ledger = RequestLedger(path)
    lines = ledger.lines()
    faults = [*chain_faults(lines), *file_faults(ledger, lines), *head_fault(lines, head)]
    return sorted(faults, key=lambda fault: fault.line)


def chain_faults(lines: Sequence[bytes]) -> list[Fault]:
    """Find lines that were changed, or that do not follow the line before them.

    Args:
        lines: Lines of the ledger, including their line ends.
    """
    known = {START: 0, **{sha256_of([line]): number for number, line in enumerate(lines, 1)}}
    entries = [read_line(line) for line in lines]
    faults, before = [], START
    for number, (line, entry) in enumerate(zip(lines, entries, strict=True), 1):
        readable = number == 1 or entries[number - 2] is not None  # the line before was not changed
        if entry is None:
            faults.append(Fault(number, "it was changed: its own SHA-256 does not fit"))
        elif entry.previous != before and (readable or entry.number != number):
            faults.append(Fault(number, _out_of_place(entry, number, known)))
        elif entry.previous == before and readable:
            faults += _after(entries[number - 2] if number > 1 else None, entry, number)
        before = sha256_of([line])
    return faults


def _out_of_place(entry: Entry, number: int, known: dict[str, int]) -> str:
    """Reason why a line does not follow the line before it."""
    place = known.get(entry.previous)
    here = f"it is request {entry.number} and does not follow the line before it"
    if place is None and entry.number > number:
        return f"{here}: {_requests(number, entry.number - 1)} missing, or lines were moved"
    if place is None:
        return f"{here}: that line was changed and hashed anew, or one between them is missing"
    if place >= number:
        return f"{here}, but line {place}: lines were moved"
    if place == number - 1:
        return here
    follows = f"but line {place}" if place else "but nothing"
    return f"{here}, {follows}: {_lines(place + 1, number - 1)} inserted or moved, or this line was"


def _after(last: Entry | None, entry: Entry, number: int) -> list[Fault]:
    """Find faults of a line that has the right hash of the line before it."""
    due = last.number + 1 if last else 1
    if entry.number != due:
        return [Fault(number, f"it was inserted: it calls itself request {entry.number}, and request {due} is due")]
    if last is None or last.after.sha256 == entry.before.sha256:
        return []
    return [Fault(number, f"its model before, {entry.before.path}, is not the model after of line {number - 1}")]


def _requests(first: int, last: int) -> str:
    return f"request {first} is" if first == last else f"requests {first} to {last} are"


def _lines(first: int, last: int) -> str:
    return f"line {first} was" if first == last else f"lines {first} to {last} were"


def file_faults(ledger: RequestLedger, lines: Sequence[bytes]) -> list[Fault]:
    """Find weights and reports that were changed or are missing. Each file is reported once.

    Args:
        ledger: The ledger. Its folder is needed to find the files.
        lines: Lines of this ledger.
    """
    faults, seen = [], set[FileRecord]()
    for number, line in enumerate(lines, 1):
        entry = read_line(line)
        for record in entry.files if entry else []:
            fault = _file_fault(ledger, record) if record not in seen else ""
            seen.add(record)
            faults += [Fault(number, fault)] if fault else []
    return faults


def _file_fault(ledger: RequestLedger, record: FileRecord) -> str:
    path = ledger.place(record)
    if not path.exists():
        return f"{path} is missing"
    try:
        return "" if named(path)["sha256"] == record.sha256 else f"{path} was changed: its SHA-256 is another"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"


def head_fault(lines: Sequence[bytes], head: str) -> list[Fault]:
    """Report a fault if a line whose hash was noted earlier is missing now.

    Args:
        lines: Lines of the ledger.
        head: SHA-256 of a line that was noted earlier; empty if no hash was noted.
    """
    if not head or head in (sha256_of([line]) for line in lines):
        return []
    what = f"no line has the SHA-256 {head} that was given with --head: the end is missing, or was written anew"
    return [Fault(len(lines), what)]
