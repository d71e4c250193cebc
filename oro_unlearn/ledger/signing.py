"""Sign the newest model, its report and the ledger's head with OpenSSF model signing and an elliptic-curve key."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from oro_unlearn.files import first_line, replacing, sha256_of, write_json
from oro_unlearn.ledger.entry import Entry, read_line
from oro_unlearn.ledger.request_ledger import RequestLedger
from oro_unlearn.ledger.verification import Fault
from oro_unlearn.user_error import UserError

SIGNATURE, HEAD = ".sig", ".head"  # suffixes of the file of a signature and of the file of the head
MISSING = "signatures need the package model-signing ({}): pip install 'oro_unlearn[sign]'"


def sign(path: str | Path, key: Path) -> list[Path]:
    """Sign the newest weights, their report and the head. By the hashes in the lines, this covers all earlier lines and files.

    Args:
        path: Path of a ledger file without faults.
        key: File of a private key on an elliptic curve, in PEM format.

    Returns:
        Paths of the files that were written.

    Raises:
        UserError: If the ledger is empty, the key cannot be used, or the package for signing is missing.
    """
    signing = _library("signing")
    ledger = RequestLedger(path)
    entries = ledger.entries()
    if not entries:
        raise UserError(f"the ledger {path} is empty: there is nothing to sign")
    if not key.is_file():
        raise UserError(f"the key {key} not found: --key takes the file of a private key on an elliptic curve (PEM)")
    try:
        signer = signing.Config().use_elliptic_key_signer(private_key=key)
    except Exception as error:  # the library raises many kinds of errors for a bad key
        raise UserError(
            f"the key {key} cannot be used ({first_line(error)}): give a private key on an elliptic curve"
        ) from None
    head = _beside(ledger.path, HEAD)
    write_json({"number": entries[-1].number, "head": ledger.head()}, head)
    written = [head]
    for file in (head, *_files(ledger, entries[-1])):
        written.append(_beside(file, SIGNATURE))
        with replacing(written[-1]) as partial:
            signer.sign(file, partial)
    return written


def check_signatures(path: str | Path, public_key: Path) -> tuple[list[Fault], str]:
    """Check the signatures that :func:`sign` has written.

    Args:
        path: Path of the ledger file.
        public_key: File of the public key, in PEM format.

    Returns:
        All faults, and a text that says up to which line the ledger is signed.

    Raises:
        UserError: If the package for signing is missing, or the key is missing or cannot be used.
    """
    verifying = _library("verifying")
    if not public_key.is_file():
        raise UserError(f"the key {public_key} not found: --public_key takes the file of a public key (PEM)")
    ledger = RequestLedger(path)
    lines, head = ledger.lines(), _beside(ledger.path, HEAD)
    try:
        verifier = verifying.Config().use_elliptic_key_verifier(public_key=public_key)
    except Exception as error:  # the library raises many kinds of errors for a bad key
        raise UserError(f"the key {public_key} cannot be used ({first_line(error)}): give a public key") from None
    wrong = _wrong(verifier, head)
    if wrong:
        return [Fault(len(lines), wrong)], ""
    signed = json.loads(head.read_text())
    number = int(signed["number"])
    if number > len(lines):
        return [Fault(len(lines), f"the head of line {number} was signed: the end of the ledger is missing")], ""
    line = lines[number - 1]
    entry = read_line(line)
    if sha256_of([line]) != signed["head"] or entry is None:
        return [Fault(number, f"{ledger.path} is not what was signed: it is another line")], ""
    faults = [Fault(number, text) for text in (_wrong(verifier, file) for file in _files(ledger, entry)) if text]
    later = len(lines) - number
    return faults, f"signed up to line {number}" + (f"; the {later} after it are not signed" if later else "")


def _files(ledger: RequestLedger, entry: Entry) -> list[Path]:
    """Files of an entry that are signed in addition to the head."""
    return [ledger.place(record) for record in (entry.after, *entry.others, entry.report)]


def _wrong(verifier: Any, file: Path) -> str:
    """Reason why the signature of a file is not valid; empty if it is valid."""
    signature = _beside(file, SIGNATURE)
    missing = next((path for path in (file, signature) if not path.is_file()), None)
    if missing:
        return f"{missing} is missing: {file.name} is not signed"
    try:
        verifier.verify(file, signature)
    except Exception as error:  # the library raises many kinds of errors for a bad signature
        return f"the signature of {file} does not hold ({first_line(error)})"
    return ""


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _library(part: str) -> Any:
    try:
        return import_module(f"model_signing.{part}")
    except ImportError as error:
        raise UserError(MISSING.format(first_line(error))) from None
