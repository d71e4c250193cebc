"""Ledgers of made-up entries with small files in the place of weights and reports."""

from pathlib import Path

from oro_unlearn.files import sha256
from oro_unlearn.ledger import Entry, RequestLedger


def write_ledger(path: Path, count: int) -> RequestLedger:
    """A ledger of some requests: each edits the model of the one before it."""
    ledger = RequestLedger(path)
    before = path.parent / "original.safetensors"
    before.parent.mkdir(parents=True, exist_ok=True)
    before.write_bytes(b"weights 0")
    for request in range(1, count + 1):
        before = add_request(ledger, before, request)
    return ledger


def add_request(ledger: RequestLedger, before: Path, request: int) -> Path:
    """Add one, and return its weights."""
    folder = ledger.folder / f"run-{request}"
    folder.mkdir(exist_ok=True)
    after, report = folder / "model.safetensors", folder / "report.json"
    after.write_bytes(f"weights {request}".encode())
    report.write_text(f'{{"request": {request}}}')
    records = [ledger.record(file, sha256(file)) for file in (before, after, report)]
    names = [f"class {number}" for number in range(1, request + 1)]

    def make(number: int, time: str, previous: str) -> Entry:
        return Entry(
            *(number, time, "Zoë", names[-1:], names, "RWFT", records[0], records[1], []),
            *({"train": "00"}, {"said_first": [], "words": ["Outputs: 0."]}, records[2], previous),
        )

    ledger.append(make, lambda lines: None)
    return after
