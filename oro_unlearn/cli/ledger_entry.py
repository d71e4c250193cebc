"""A run that is a request of a ledger: what it takes from the last entry, and the entry that it adds."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from oro_unlearn.cli.command_words import CONFIG, given, section
from oro_unlearn.cli.lineage import FORGOTTEN, ORIGINAL, PRETRAINED
from oro_unlearn.cli.presets import PRESETS
from oro_unlearn.cli.run_folder import REPORT, WRITTEN
from oro_unlearn.files import sha256, sha256_of
from oro_unlearn.ledger import Entry, FileRecord, RequestLedger, chain_faults, verify
from oro_unlearn.methods import UnlearningModule
from oro_unlearn.report.provenance import named
from oro_unlearn.user_error import UserError

HASHED = "sha256:"  # what the hash of who asked begins with


def add_ledger_options(parser: LightningArgumentParser) -> None:
    """The options of a run that is written into a ledger.

    Args:
        parser: Of a subcommand.
    """
    help_text = "File of the ledger that the request is written into; it gives the model to edit, and what it has forgotten."
    parser.add_argument("--ledger", type=str, default="", help=help_text)
    parser.add_argument("--ledger_asker", type=str, default="", help="Who asked, for the ledger: any text.")
    help_text = "Write the SHA-256 of who asked in the place of the text, everywhere."
    parser.add_argument("--ledger_hash_asker", type=bool, default=False, help=help_text)


class LedgerEntry:
    """What one run has to do with a ledger; nothing where it names none.

    Args:
        options: Of the subcommand. What the ledger knows is filled in, in place.
        words: The command line: it says what was given.
        command: The subcommand; ``test`` has nothing to do with ledgers.

    Attributes:
        said: What was filled in, a line each.

    Raises:
        UserError: If the ledger is not whole, the model is not that of its last entry, or the run would replace a file that
            it names; nothing has been read or written then.
    """

    def __init__(self, options: Namespace, words: Sequence[str], command: str) -> None:
        self.said: list[str] = []
        self.asker = _asker(options)
        name = str(options.get("ledger") or "") if command in ("fit", "check") else ""
        self.ledger = RequestLedger(name) if name else None
        if self.ledger is None:
            return
        faults = verify(name)
        if faults:
            raise UserError(f"the ledger {name} is not whole: {faults[0]}; see oro-unlearn ledger {name} verify")
        _writable(self.ledger.folder)
        entries = self.ledger.entries()
        _check_folder(self.ledger, entries, Path(str(options["trainer.default_root_dir"])))
        self.place = ORIGINAL if ORIGINAL in options else PRETRAINED
        if entries:
            self._fill(options, entries[-1], set(_named(words)))
        self.before = self._model(options, entries)

    def _fill(self, options: Namespace, last: Entry, named_options: set[str]) -> None:
        assert self.ledger
        file = os.path.relpath(self.ledger.place(last.after))
        if self.place.replace("init_args.", "") not in named_options and self.place in options:
            options[self.place] = file
            self.said.append(f"{file} is the model of request {last.number} of {self.ledger.path}: it is edited")
        now = options.get("data.init_args.forget") or []
        earlier = [name for name in last.forgotten if name not in ([now] if isinstance(now, str) else now)]
        if earlier and FORGOTTEN in options and not options[FORGOTTEN] and "data.forgotten" not in named_options:
            options[FORGOTTEN] = earlier
            self.said.append(f"the ledger says that {', '.join(earlier)} was forgotten: taken for --data.forgotten")

    def _model(self, options: Namespace, entries: Sequence[Entry]) -> FileRecord:
        """The model that is edited: the last entry's."""
        assert self.ledger
        value = str(options.get(self.place) or "") if self.place in options else ""
        found = named(value) if value and os.path.exists(value) else None
        before = self.ledger.record(value, found["sha256"]) if found else FileRecord(value, "")
        option = f"--{self.place.replace('init_args.', '')}"
        if entries and before.sha256 != entries[-1].after.sha256:
            last = os.path.relpath(self.ledger.place(entries[-1].after))
            raise UserError(
                f"{option} {value} is not the model of request {entries[-1].number}, the last of the ledger: leave it out, or "
                f"give {last}"
            )
        return before

    def check_method(self, model: UnlearningModule) -> None:
        """Refuse a method that edits no model.

        Args:
            model: The method.

        Raises:
            UserError: If it trains one.
        """
        if self.ledger and model.role != "unlearned":
            raise UserError(f"--ledger is for requests to forget: {type(model).__name__} edits no model; leave --ledger out")

    def append(self, root: Path, model: UnlearningModule) -> None:
        """Add the entry of a run that is complete; done by one process.

        Args:
            root: Folder of the run.
            model: The method, with its data.

        Raises:
            UserError: If another request was added meanwhile.
        """
        if self.ledger is None:
            return
        ledger, report = self.ledger, json.loads((root / REPORT).read_text())
        known = model.data.notes()["forgotten"]
        written = {name: ledger.record(root / name, found) for name, found in report["files"].items() if name in WRITTEN}
        after = written.pop(WRITTEN[0])

        def make(number: int, time: str, previous: str) -> Entry:
            where = ledger.record(root / REPORT, sha256(root / REPORT))
            return Entry(
                number, time, self.asker, list(report["forget"]), list(known), report["method"], self.before, after,
                list(written.values()), report["data_sha256"], verdict_of(report), where, previous,
            )  # fmt: skip

        entry = ledger.append(make, self._check_last)
        print(f"request {entry.number} is in {ledger.path}; its head, to be kept elsewhere: {ledger.head()}")

    def _check_last(self, lines: list[bytes]) -> None:
        assert self.ledger
        entries = [] if chain_faults(lines) else self.ledger.entries()
        last = entries[-1].after.sha256 if entries else self.before.sha256
        if len(entries) < len(lines) or last != self.before.sha256:
            raise UserError(f"the ledger {self.ledger.path} was changed during the run: nothing was added; run it again")


def verdict_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry keeps of a report.

    Args:
        report: Content of ``report.json``.

    Returns:
        ``verdict``, where the report has one; else ``said_first`` and ``words``.
    """
    audit = report.get("audit") or {}
    if "verdict" in audit:
        return {"verdict": audit["verdict"]}
    return {"said_first": report.get("said_first", []), "words": audit.get("words", [])}


def _asker(options: Namespace) -> str:
    """Who asked; the options keep no name that is to be hashed, for they are written into ``config.yaml``."""
    name = str(options.get("ledger_asker") or "")
    if name and options.get("ledger_hash_asker") and not re.fullmatch(f"{HASHED}[0-9a-f]{{64}}", name):
        name = HASHED + sha256_of([name.encode("utf-8", "surrogateescape")])
        options["ledger_asker"] = name
    return name


def _writable(folder: Path) -> None:
    """Refuse a folder that nothing can be written into, before hours of work."""
    place = next(found for found in (folder, *folder.parents) if found.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise UserError(f"--ledger: {folder} cannot be written to: name a file in another folder")


def _check_folder(ledger: RequestLedger, entries: Sequence[Entry], root: Path) -> None:
    """Refuse to replace what the ledger names."""
    for entry in entries:
        for record in entry.files:
            if ledger.place(record).parent == Path(os.path.realpath(root)):
                raise UserError(
                    f"{root} holds {ledger.place(record).name} of request {entry.number}, which the ledger needs: "
                    "name another folder with --trainer.default_root_dir"
                )


def _named(words: Sequence[str]) -> Iterator[str]:
    """Options that the user gave: on the command line, or in a file that is no preset."""
    for name, value in given(words):
        if name not in CONFIG:
            yield name.removeprefix("--").replace("init_args.", "")
            continue
        path = Path(os.path.realpath(value))
        if path.is_file() and PRESETS not in path.parents:
            content = yaml.safe_load(path.read_bytes())
            yield from _leaves(section(content)) if isinstance(content, Mapping) else ()


def _leaves(content: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in content.items():
        place = before if name == "init_args" else f"{before}{name}."
        if isinstance(value, Mapping):
            yield from _leaves(value, place)
        elif value not in (None, "", []):
            yield place.removesuffix(".")
