"""The command ``oro-unlearn ledger``: show the requests of a ledger, and check whether the ledger was changed."""

import re
from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.ledger import Entry, RequestLedger, verify
from oro_unlearn.report.names import label, printable
from oro_unlearn.user_error import UserError

ABOUT = """\
A ledger has one line for each request to forget. The line records the request, the edit and the verdict. It contains the
SHA-256 of the line before it, of the weights and of the report. "fit --ledger FILE" writes the ledger."""
ACTIONS = """\
what to do; default: show. "show": print all requests. "verify": find changed, missing, inserted and moved lines, and changed
and missing files. "status": audit all requests again, with the newest model. "sign": sign the ledger's head, the newest weights
and their report"""
MORE = 'Exit code of "verify" and "status": 0 if all is well, 1 if not. "status" also takes data options, such as --data.root.'
LEVELS = ("outputs", "features", "all")
LEVEL = "status: accuracies only (outputs), or also run audit at this level (features, all); default: outputs"


def parser() -> PlainParser:
    """Parser for the options of ``ledger``."""
    result = PlainParser("ledger", description=ABOUT, epilog=MORE)
    result.add_argument("file", type=Path, metavar="FILE", help="the ledger")
    result.add_argument("action", nargs="?", default="show", choices=("show", "verify", "status", "sign"), help=ACTIONS)
    result.add_argument("--head", default="", metavar="HASH", help="verify: SHA-256 of a line that you noted earlier")
    result.add_argument("--public_key", type=Path, metavar="KEY", help="verify: also check signatures by this public key (PEM)")
    result.add_argument("--key", type=Path, metavar="KEY", help="sign: a private key on an elliptic curve (PEM)")
    result.add_argument("--level", choices=LEVELS, default="outputs", help=LEVEL)
    result.add_argument(
        "--output", type=Path, default=Path("runs/ledger"), metavar="FOLDER", help="status: folder of the audit"
    )
    return result


def main(words: Sequence[str]) -> None:
    """Run the command.

    Args:
        words: Words of the command line after ``ledger``.

    Raises:
        UserError: If options do not fit together, or the file cannot be read.
        SystemExit: With code 1, if ``verify`` finds a fault, or ``status`` finds something that is recognised.
    """
    options, others = parser().parse_known_args(words)
    if others and options.action != "status":
        raise UserError(f"ledger: {options.action} takes no {others[0]}; see oro-unlearn ledger --help")
    if not options.file.is_file():
        raise UserError(f"ledger {options.file} not found: a run with --ledger {options.file} begins one")
    well = True
    if options.action == "show":
        _show(options.file)
    elif options.action == "verify":
        well = _verify(options.file, options.head.lower(), options.public_key)
    elif options.action == "sign":
        _sign(options.file, options.key)
    else:
        from oro_unlearn.cli.ledger_status import status

        well = status(options.file, options.level, options.output, others)
    if not well:
        raise SystemExit(1)


def _show(path: Path) -> None:
    """Print a table with one row for each request."""
    from rich.console import Console

    from oro_unlearn.report.tables import rich_table

    ledger = RequestLedger(path)
    rows = [["number", "time", "request", "method", "verdict"]]
    rows += [[str(entry.number), entry.time, _asked(entry), entry.method, _said(entry)] for entry in ledger.entries()]
    Console().print(rich_table(rows, f"Requests of {path}", "verify says whether it is whole."))


def _asked(entry: Entry) -> str:
    names = label(", ".join(entry.forget))
    return f"{names} (asked by {label(entry.asker)})" if entry.asker else names


def _said(entry: Entry) -> str:
    """The verdict of an entry. Without a verdict: the first sentence of ``said_first``, or else the line about the outputs."""
    if "verdict" in entry.verdict:
        return printable(entry.verdict["verdict"]["words"])
    outputs = [line for line in entry.verdict.get("words", []) if line.startswith("Outputs")]
    return printable(" ".join([*entry.verdict.get("said_first", []), *outputs][:1]))


def _verify(path: Path, head: str, public_key: Path | None) -> bool:
    """Print the faults of a ledger, or its head if there are none. Returns whether there are no faults."""
    if head and not re.fullmatch("[0-9a-f]{64}", head):
        raise UserError("ledger: --head takes the SHA-256 of a line: 64 digits and letters from a to f")
    faults, signed = verify(path, head), ""
    if public_key:
        from oro_unlearn.ledger.signing import check_signatures

        wrong, signed = check_signatures(path, public_key)
        faults += wrong
    ledger = RequestLedger(path)
    if faults:
        print(f"not whole: {path}", *map(str, faults), sep="\n")
    else:
        print(f"whole: {path}; lines: {len(ledger.lines())}; head: {ledger.head()}", *([signed] if signed else []), sep="\n")
    return not faults


def _sign(path: Path, key: Path | None) -> None:
    """Sign a ledger that has no faults."""
    from oro_unlearn.ledger.signing import sign

    if key is None:
        raise UserError("ledger: sign needs a private key: --key KEY")
    faults = verify(path)
    if faults:
        raise UserError(f"the ledger {path} is not whole, and was not signed: {faults[0]}")
    for file in sign(path, key):
        print(f"written: {file}")
