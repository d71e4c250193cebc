"""Connect a run with a ledger: fill in options from the last entry, and add an entry when the run is complete."""

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

HASHED = "sha256:"  # prefix of a hash in the place of the asker


def add_ledger_options(parser: LightningArgumentParser) -> None:
    """Add the ledger options to a subcommand.

    Args:
        parser: Parser of the subcommand.
    """
    help_text = "Ledger file that gets the request. Its last entry gives the model to edit and what that model has forgotten."
    parser.add_argument("--ledger", type=str, default="", help=help_text)
    parser.add_argument("--ledger_asker", type=str, default="", help="Who asked to forget, for the ledger: any text.")
    help_text = "Write the SHA-256 of ledger_asker instead of the text, in every file."
    parser.add_argument("--ledger_hash_asker", type=bool, default=False, help=help_text)


class LedgerEntry:
    """The connection of one run with its ledger. It does nothing if the run names no ledger.

    Args:
        options: Options of the subcommand. Options that the ledger knows are filled in, in place.
        words: Words of the command line. They tell which options the user gave.
        command: Name of the subcommand. Only ``fit`` and ``check`` use ledgers.

    Attributes:
        said: One sentence for each option that was filled in.

    Raises:
        UserError: If the ledger has a fault, the model is not the model of its last entry, or the run would replace a file that
            the ledger names. The run has then read no data and written nothing.
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
        """Record of the model that is edited. It must be the model of the last entry."""
        assert self.ledger
        value = str(options.get(self.place) or "") if self.place in options else ""
        file = named(value) if value and os.path.exists(value) else None
        before = self.ledger.record(value, file["sha256"]) if file else FileRecord(value, "")
        option = f"--{self.place.replace('init_args.', '')}"
        if entries and before.sha256 != entries[-1].after.sha256:
            last = os.path.relpath(self.ledger.place(entries[-1].after))
            raise UserError(
                f"{option} {value} is not the model of request {entries[-1].number}, the last of the ledger: leave it out, or "
                f"give {last}"
            )
        return before

    def check_method(self, model: UnlearningModule) -> None:
        """Reject a method that edits no model.

        Args:
            model: The method.

        Raises:
            UserError: If the method trains a model instead of editing one.
        """
        if self.ledger and model.role != "unlearned":
            raise UserError(f"--ledger is for requests to forget: {type(model).__name__} edits no model; leave --ledger out")

    def append(self, root: Path, model: UnlearningModule) -> None:
        """Add the entry of a complete run to the ledger. Only one process of the run calls this.

        Args:
            root: Folder of the run.
            model: The method, with its data.

        Raises:
            UserError: If another request was added during the run.
        """
        if self.ledger is None:
            return
        ledger, report = self.ledger, json.loads((root / REPORT).read_text())
        known = model.data.notes()["forgotten"]
        written = {name: ledger.record(root / name, digest) for name, digest in report["files"].items() if name in WRITTEN}
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
    """The part of a report that an entry stores.

    Args:
        report: Content of ``report.json``.

    Returns:
        ``verdict`` if the report has one, otherwise ``said_first`` and ``words``.
    """
    audit = report.get("audit") or {}
    if "verdict" in audit:
        return {"verdict": audit["verdict"]}
    return {"said_first": report.get("said_first", []), "words": audit.get("words", [])}


def _asker(options: Namespace) -> str:
    """Who asked. A name that must be hashed is replaced in the options too, because they are written into ``config.yaml``."""
    name = str(options.get("ledger_asker") or "")
    if name and options.get("ledger_hash_asker") and not re.fullmatch(f"{HASHED}[0-9a-f]{{64}}", name):
        name = HASHED + sha256_of([name.encode("utf-8", "surrogateescape")])
        options["ledger_asker"] = name
    return name


def _writable(folder: Path) -> None:
    """Reject a folder that cannot be written to, before the run does hours of work."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise UserError(f"--ledger: {folder} cannot be written to: name a file in another folder")


def _check_folder(ledger: RequestLedger, entries: Sequence[Entry], root: Path) -> None:
    """Reject a run folder that holds a file of the ledger, because the run would replace it."""
    for entry in entries:
        for record in entry.files:
            if ledger.place(record).parent == Path(os.path.realpath(root)):
                raise UserError(
                    f"{root} holds {ledger.place(record).name} of request {entry.number}, which the ledger needs: "
                    "name another folder with --trainer.default_root_dir"
                )


def _named(words: Sequence[str]) -> Iterator[str]:
    """Names of options that the user gave on the command line or in a config file that is not a preset."""
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
