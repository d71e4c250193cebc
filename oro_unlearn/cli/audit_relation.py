"""``oro-unlearn audit`` of a CLIP model: is the tuple forgotten, also under attack, and are its neighbours kept?"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oro_unlearn.cli.audit_criteria import Limits
from oro_unlearn.cli.audit_files import roles_of, write_audit
from oro_unlearn.user_error import UserError

EDITED = "oro_unlearn.methods.relations.edited_encoder.EditedEncoder"


class Files(NamedTuple):
    """The files of the models that are audited."""

    edited: str
    original: str  # empty: the weights that the network is built with
    retrained: Sequence[str]


def audit_relation(
    files: Files, words: Sequence[str], hashes: Mapping[str, str], output: Path, level: str, limits: Limits
) -> None:
    """Measure the models, print the result, and write ``audit.json``. With criteria, end with their exit code.

    Args:
        files: The files of the models.
        words: Options of data and network, including ``--config``.
        hashes: SHA-256 of every file, by the file's name.
        output: Folder for ``audit.json`` and pictures.
        level: Level of the verdict; every level has all figures.
        limits: The criteria to check.

    Raises:
        UserError: If no tuple to forget is named, or a file does not fit the network.
    """
    from rich.console import Console
    from rich.text import Text

    from oro_unlearn.audit import results_json
    from oro_unlearn.audit.relation_verdict import relation_lines, relation_measures
    from oro_unlearn.cli.unlearning_cli import build
    from oro_unlearn.report import relation_report
    from oro_unlearn.report.run_report import versions

    given = ["--model.edited", files.edited, "--model.original", files.original]
    given += ["--model.retrained", f"[{', '.join(files.retrained)}]"]
    seen = ["--trainer.enable_progress_bar", str(sys.stdout.isatty()).lower()]
    cli = build([*words, *given, *seen])
    model: Any = cli.model
    data: Any = cli.datamodule
    if not data.forget_names:
        raise UserError('audit: no tuple to forget is named: name one with --data.forget "child drinking wine"')
    cli.trainer.test(model, data, verbose=False)
    output.mkdir(parents=True, exist_ok=True)
    header = {"method": "audit", "data": data.name, "network": model.network.architecture, "forget": data.forget_names}
    report = relation_report.make_report(header, model, data, output, level)
    said_first = model.first_words()
    results = limits.results(
        relation_measures(model.measurements, data.measured),
        relation_lines(model, data.measured, model.removable),
        level,
    )
    own = report["audit"]["words"]
    content = {**report, "files": dict(hashes), "said_first": [*said_first, *own], "verdict": report["audit"]["verdict"]}
    content |= {"criteria": results_json(results)} if results else {}
    content |= {"roles": roles_of(files.edited, files.original, files.retrained), "versions": versions()}
    write_audit(relation_report, content, said_first, output)
    shown = map(Text, [*own, report["audit"]["verdict"]["words"]])
    lines = [*(Text(line, "bold red") for line in said_first), *shown]
    Console().print(*lines, relation_report.report_table(report), sep="\n")
    print(f"written to {output / 'audit.json'}")
    limits.end(results)
