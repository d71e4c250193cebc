"""``oro-unlearn ledger``: what was asked, done and found, and whether anyone has changed it since."""

import re
from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.ledger import Entry, RequestLedger, verify
from oro_unlearn.report.names import label, printable
from oro_unlearn.user_error import UserError

ABOUT = """\
A ledger holds one line for each request to forget: what was asked, done and found. Each line has the SHA-256 of the line before
it, and of the weights and the report. "fit --ledger FILE" writes it."""
ACTIONS = """\
what to do; default: show. "show": print it. "verify": find changed, missing, inserted and moved lines, and changed and missing
files. "status": audit all requests again, with the newest model. "sign": sign it, the newest weights and report"""
MORE = 'Exit code of "verify" and "status": 0 if all is well, 1 if not. "status" takes options of data, such as --data.root.'
LEVELS = ("outputs", "features", "all")
LEVEL = "of status: accuracies alone (outputs), or what audit measures at that level too; default: outputs"


def parser() -> PlainParser:
    """Options of ``ledger``."""
    result = PlainParser("ledger", description=ABOUT, epilog=MORE)
    result.add_argument("file", type=Path, metavar="FILE", help="the ledger")
    result.add_argument("action", nargs="?", default="show", choices=("show", "verify", "status", "sign"), help=ACTIONS)
    result.add_argument("--head", default="", metavar="HASH", help="verify: SHA-256 of a line, as it was written down earlier")
    result.add_argument("--public_key", type=Path, metavar="KEY", help="verify: check signatures too, by this key (PEM)")
    result.add_argument("--key", type=Path, metavar="KEY", help="sign: a private key on an elliptic curve (PEM)")
    result.add_argument("--level", choices=LEVELS, default="outputs", help=LEVEL)
    result.add_argument("--output", type=Path, default=Path("runs/ledger"), metavar="FOLDER", help="of status at other levels")
    return result


def main(words: Sequence[str]) -> None:
    """Do what is asked.

    Args:
        words: After ``ledger``.

    Raises:
        UserError: If options do not fit, or the file cannot be read.
        SystemExit: With code 1, if the ledger is not whole, or something came back.
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
    """A row for each request."""
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
    """The verdict in one line: what was said first, or else of the outputs."""
    if "verdict" in entry.verdict:
        return printable(str(entry.verdict["verdict"]))
    outputs = [line for line in entry.verdict.get("words", []) if line.startswith("Outputs")]
    return printable(" ".join([*entry.verdict.get("said_first", []), *outputs][:1]))


def _verify(path: Path, head: str, public_key: Path | None) -> bool:
    """Whether it is whole; prints what is wrong, or its head."""
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
    """Sign what is whole."""
    from oro_unlearn.ledger.signing import sign

    if key is None:
        raise UserError("ledger: sign needs a private key: --key KEY")
    faults = verify(path)
    if faults:
        raise UserError(f"the ledger {path} is not whole, and was not signed: {faults[0]}")
    for file in sign(path, key):
        print(f"written: {file}")
