"""The command ``oro-unlearn ledger FILE status``: check that all requests of a ledger are still forgotten."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from oro_unlearn.cli.audit_relation import EDITED
from oro_unlearn.ledger import Entry, RequestLedger, verify
from oro_unlearn.report.names import label
from oro_unlearn.user_error import UserError

QUIET = ["--trainer.logger", "false", "--trainer.enable_checkpointing", "false", "--trainer.enable_progress_bar", "false"]
ALONE = ["--data.forgotten", "[]", *QUIET]
CAPTION = (
    "Then: after the request itself. Came back: recognised more often than chance; of a tuple, R@5 above half the original's."
)


class Row(NamedTuple):
    """One class or tuple that was to be forgotten.

    Attributes:
        name: Name of the class or tuple.
        request: Number of the request.
        then: How much of it was recognised after the request, as text.
        now: How much of it the newest model recognises, as text.
        recognised: Whether the newest model recognises it: more often than chance explains; for a tuple, R@5 above half the
            original's.
        was: Whether the model recognised it right after the request too.
    """

    name: str
    request: int
    then: str
    now: str
    recognised: bool
    was: bool

    @property
    def said(self) -> str:
        """The state in words."""
        return "forgotten" if not self.recognised else "was never forgotten" if self.was else "came back"


def status(path: Path, level: str, output: Path, words: Sequence[str]) -> bool:
    """Audit every request with the newest model, and print the results.

    Args:
        path: Path of the ledger file.
        level: Level of the audit. Every level except ``outputs`` also runs ``audit``.
        output: Folder for the report of ``audit``.
        words: Further data options.

    Returns:
        Whether everything is forgotten.

    Raises:
        UserError: If the ledger has a fault or names nothing to audit, or a file does not fit the model.
    """
    from rich.console import Console

    from oro_unlearn.report.tables import rich_table

    rows = audited_again(path, words, level, output)
    table = [["request", "number", "then", "now", "said"]]
    table += [[label(row.name), str(row.request), row.then, row.now, row.said] for row in rows]
    Console().print(rich_table(table, f"All requests of {path}, by the model of the last", CAPTION))
    for row in (row for row in rows if row.recognised):
        print(f"{label(row.name)} (request {row.request}) {row.said}: {row.now}, {row.then} then")
    return not any(row.recognised for row in rows)


def audited_again(path: Path, words: Sequence[str] = (), level: str = "outputs", output: Path = Path()) -> list[Row]:
    """Audit every request with the newest model.

    Args:
        path: Path of the ledger file.
        words: Further data options.
        level: Level of the audit. Every level except ``outputs`` also runs ``audit``, which prints its results.
        output: Folder for the report of ``audit``.

    Returns:
        One row for each class or tuple that was to be forgotten.

    Raises:
        UserError: If the ledger has a fault or names nothing to audit, or a file does not fit the model.
    """
    faults = verify(path)
    if faults:
        raise UserError(f"the ledger {path} is not whole: {faults[0]}; see oro-unlearn ledger {path} verify")
    ledger = RequestLedger(path)
    entries = ledger.entries()
    if not entries or not entries[-1].forgotten:
        raise UserError(f"the ledger {path} names no class and no tuple that could be audited again")
    reports = {entry.number: json.loads(ledger.place(entry.report).read_text()) for entry in entries}
    relational = "direct/r5" in reports[entries[-1].number]["metrics"].get("unlearned", {})
    measured = _tuples if relational else _classes
    with TemporaryDirectory() as folder:
        config, content = Path(folder, "config.yaml"), reports[entries[-1].number]["config"]
        content["trainer"]["default_root_dir"] = folder
        if relational:  # the network must get its weights from before the first request
            content["model"]["init_args"]["network"] = _first_network(ledger, entries[0], reports[1]["config"])
        config.write_text(json.dumps(content))
        rows = measured(ledger, entries, reports, ["--config", str(config)], words)
        if level != "outputs":
            _audit(ledger, entries, ["--config", str(config), *words], level, output)
    return rows


def _first_network(ledger: RequestLedger, first: Entry, config: Mapping[str, Any]) -> dict[str, Any]:
    """Configuration of the first request's network, with the present path of its weights."""
    network = dict(config["model"]["init_args"]["network"])
    moved = {"pretrained": str(ledger.place(first.before))} if first.before.sha256 else {}
    return {**network, "init_args": {**network.get("init_args", {}), **moved}}


def _classes(
    ledger: RequestLedger, entries: Sequence[Entry], reports: Mapping[int, Any], config: list[str], words: Sequence[str]
) -> list[Row]:
    """Count for each class the test images that the newest classifier recognises."""
    from oro_unlearn.audit import scored
    from oro_unlearn.audit.scoring import prepared
    from oro_unlearn.cli.unlearning_cli import build
    from oro_unlearn.metrics import above_chance
    from oro_unlearn.networks import fill_network, read_checkpoint

    asked = ["--model", "Training", "--data.forget", json.dumps(entries[-1].forgotten), *ALONE]
    cli = build([*config, *asked, *words])
    data: Any = cli.datamodule
    data.prepare_data()
    network: Any = cli.model.network.to(cli.trainer.strategy.root_device)
    fill_network(network, read_checkpoint(str(ledger.place(entries[-1].after))), masked=True)
    scores = scored(network, data.num_classes, {"test_forget": prepared(data, "test_forget")})["test_forget"]
    right, rows = scores.logits.argmax(1) == scores.labels, []
    for name, entry in _requests(entries):
        of_class = scores.labels == data.class_names.index(name)
        total, hits = int(of_class.sum()), int(right[of_class].sum())
        then = reports[entry.number]["metrics"]["unlearned"]["test/acc_f"] or 0.0
        error = 0.05 / len(entries[-1].forgotten)  # 5 % over all classes together
        recognised = [above_chance(count, total, 1 / data.num_classes, error) for count in (hits, round(then * total))]
        rows.append(Row(name, entry.number, f"{then:.1%}", f"{hits} of {total}", *recognised))
    return rows


def _tuples(
    ledger: RequestLedger, entries: Sequence[Entry], reports: Mapping[int, Any], config: list[str], words: Sequence[str]
) -> list[Row]:
    """Measure R@5 of the captions of each tuple with the newest CLIP model."""
    from rich.progress import track

    from oro_unlearn.cli.unlearning_cli import build

    first = ledger.place(entries[0].before) if entries[0].before.sha256 else ""
    files = ["--model", EDITED, "--model.edited", str(ledger.place(entries[-1].after)), "--model.original", str(first)]
    rows = []
    for name, entry in track(_requests(entries), "auditing requests", transient=True):
        others = [other for other in entries[-1].forgotten if other != name]
        asked = ["--data.forget", json.dumps([name]), *ALONE, "--data.forgotten", json.dumps(others), "--audit.attacks", "none"]
        cli = build([*config, *files, *asked, *words])
        model: Any = cli.model
        cli.trainer.test(model, cli.datamodule, verbose=False)
        metrics = model.measurements["metrics"]
        now, original = (metrics[role].get("direct/r5") or 0.0 for role in ("unlearned", "original"))
        then = reports[entry.number]["metrics"]["unlearned"].get("direct/r5") or 0.0
        rows.append(Row(name, entry.number, f"{then:.2f}", f"{now:.2f}", now > original / 2, then > original / 2))
    return rows


def _requests(entries: Sequence[Entry]) -> list[tuple[str, Entry]]:
    """Each requested name once, with its last request. Names that are neither a class nor a tuple are left out."""
    last_requests = {name: entry for entry in entries for name in entry.forget if name in entries[-1].forgotten}
    return list(last_requests.items())


def _audit(ledger: RequestLedger, entries: Sequence[Entry], words: list[str], level: str, output: Path) -> None:
    """Run ``audit`` on the newest model for everything that was to be forgotten."""
    from oro_unlearn.cli.audit_command import main

    first = [str(ledger.place(entries[0].before))] if entries[0].before.sha256 else []
    files = ["--edited", str(ledger.place(entries[-1].after)), *(["--original", *first] if first else [])]
    asked = ["--data.forget", json.dumps(entries[-1].forgotten), "--data.forgotten", "[]"]
    main([*files, "--level", level, "--output", str(output), *words, *asked, "--force"])
