"""What ``oro-unlearn audit`` writes: ``audit.json``, and beside it the page and the model card."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oro_unlearn.files import write_json

AUDIT = "audit.json"


class Audited(NamedTuple):
    """One model and its figures."""

    model: Mapping[str, Any]  # scores by split
    figures: dict[str, float]  # results of attacks on features; empty if only outputs are audited
    sha256: str  # hash of its file


class Request(NamedTuple):
    """The classes that were to be forgotten, the level of the audit, and what is known of data and network."""

    forgotten: list[int]  # indices of the classes
    names: list[str]  # names of these classes
    level: str  # outputs, features or all
    class_names: Sequence[str] = ()  # names of all classes; empty if they are not known
    data: str = ""  # name of the data; empty if only outputs are known
    network: str = ""  # likewise
    attacks: str = "none"  # how much the red team tried: none, quick or full
    verification: Mapping[float, Sequence[str]] = {}  # files of verification models by share; never changed


def roles_of(edited: str, original: str, retrained: Sequence[str]) -> dict[str, str]:
    """The file of each model, by the names that reports use.

    Args:
        edited: File of the edited model.
        original: File of the original; empty if there is none.
        retrained: Files of the retrained models.
    """
    first = {"unlearned": edited, **({"original": original} if original else {})}
    return first | {f"retrained_{number}": file for number, file in enumerate(retrained)}


def write_audit(kind: Any, content: Mapping[str, Any], warnings: Sequence[str], output: Path) -> None:
    """Write the page, and last the audit.

    Args:
        kind: Module of the report, with ``make_page``.
        content: Content of ``audit.json``.
        warnings: What the page says before any figure.
        output: Folder for the files.
    """
    from oro_unlearn.report.page import write_page

    write_page(kind.make_page({**content, "said_first": warnings}, output), output)
    write_json(content, output / AUDIT)


def write_class_audit(
    roles: Mapping[str, str],
    models: Mapping[str, Audited],
    request: Request,
    audit: Mapping[str, Any],
    warnings: Sequence[str],
    output: Path,
) -> None:
    """Write the audit of a classifier.

    Args:
        roles: File of each model.
        models: Models by file.
        request: The request.
        audit: ``words``, ``verdict``, ``figures`` and, if there are any, ``criteria``.
        warnings: Reasons why the figures may be wrong.
        output: Folder for the files.
    """
    from oro_unlearn.audit import confidences_of, confusion_of
    from oro_unlearn.report import class_report
    from oro_unlearn.report.run_report import versions, without_nan

    own = {role: models[file].model for role, file in roles.items()}
    confusion = {role: confusion_of(model) for role, model in own.items()}
    named = dict(zip(request.forgotten, request.names, strict=True))
    classes = request.class_names or [named.get(label, str(label)) for label in range(len(confusion["unlearned"]))]
    confidences = {role: confidences_of(model) for role, model in own.items()}
    content = {
        **{"method": "audit", "data": request.data, "network": request.network, "forget": request.names},
        "level": request.level,
        "roles": dict(roles),
        "files": {file: audited.sha256 for file, audited in models.items()},
        "images": {split: len(scores.labels) for split, scores in own["unlearned"].items()},
        "retrained_models": sum(role.startswith("retrained") for role in roles),
        "said_first": [*warnings, *audit["words"]],
        **audit,
        **class_report.outputs(confusion, confidences, classes, request.forgotten, "unlearned"),
        "versions": versions(),
    }
    write_audit(class_report, without_nan(content), warnings, output)
