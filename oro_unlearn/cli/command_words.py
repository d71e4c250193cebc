"""Read a command line without the parser: its command, its configuration files and its classes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from oro_unlearn.cli.presets import config_path

COMMANDS = {
    "fit": "Edit (or train) a model, measure it, and write weights and report.",
    "test": "Measure a finished run again.",
    "check": "Do everything that fit does up to the first batches, and change nothing.",
    "audit": "Audit an edited model, whichever tool edited it: what do its outputs and features still reveal?",
    "compare": "Run many methods with one budget and one audit, and print which is closest to retraining.",
    "demo": "Forget a digit and a relation in a few minutes. Data and models are included.",
    "init": "Look at a folder, a checkpoint or captions, and write a first configuration (YAML).",
    "graph": "Check a relation graph, print the roles that follow from a request, and draw it.",
    "suggest": "Rank the tuples of a relation graph that may be unsafe too, for you to check.",
    "ledger": "Show, check or sign a ledger of requests, or audit all of them again.",
    "configs": "List the presets that --config takes by name, or copy one.",
    "completion": "Print the script that lets a shell complete options and names.",
}
RUNS = ("fit", "test", "check")  # commands of LightningCLI
OTHERS = {  # modules of the commands with a parser of their own; each has ``parser()`` and ``main(words)``
    "audit": "oro_unlearn.cli.audit_command",
    "compare": "oro_unlearn.compare.command",
    "demo": "oro_unlearn.compare.demo",
    "graph": "oro_unlearn.cli.graph_command",
    "init": "oro_unlearn.cli.init_command",
    "ledger": "oro_unlearn.cli.ledger_command",
    "suggest": "oro_unlearn.cli.suggest_command",
}
INNER = {("graph", "import"): "oro_unlearn.cli.graph_import"}  # modules of the second words that have options of their own
CONFIG = ("--config", "-c")
CLASSES = ("model", "data", "model.network", "model.optimizer", "model.lr_scheduler")  # options that take a class


def command_of(words: Sequence[str]) -> str | None:
    """The command: the first word, or a known command after options. None if there is none."""
    if words and not words[0].startswith("-"):
        return words[0]
    known = (*RUNS, "audit", "compare")
    return next((word for before, word in pairwise(words) if word in known and before not in CONFIG), None)


def tidied(words: Sequence[str]) -> list[str]:
    """Move the command to the front, and replace names of presets by paths.

    ``--config FILE fit`` becomes ``fit --config FILE``. ``--model.help NAME`` without a command becomes
    ``fit --model.help NAME``.
    """
    words = with_presets(words)
    command = command_of(words)
    if command is None and any(word.partition("=")[0].endswith(".help") for word in words):
        return ["fit", *words]
    place = words.index(command) if command else 0
    return [*words[place : place + 1], *words[:place], *words[place + 1 :]] if place else list(words)


def with_presets(words: Sequence[str]) -> list[str]:
    """Replace the name of a preset after ``--config`` by the path of its file."""
    changed = list(words)
    for place, word in enumerate(words):
        name, sign, value = word.partition("=")
        if sign and name in CONFIG:
            changed[place] = f"{name}={config_path(value)}"
        elif place and words[place - 1] in CONFIG:
            changed[place] = config_path(word)
    return changed


def given(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Options with their values, in order. ``--key value`` and ``--key=value`` give the same pair."""
    for word, following in pairwise([*words, ""]):
        if word.startswith("-"):
            name, sign, value = word.partition("=")
            yield name, value if sign or following.startswith("--") else following


def chosen(words: Sequence[str]) -> dict[str, str]:
    """Class names by the option that takes them, from configuration files and options. The last value counts.

    Args:
        words: The words after ``oro-unlearn``. Files that cannot be read are skipped here; the parser reports them.

    Example:
        >>> chosen(["fit", "--model", "RWFT", "--data=Digits"])
        {'model': 'RWFT', 'data': 'Digits'}
    """
    classes: dict[str, str] = {}
    for name, value in given(words):
        part = name.removeprefix("--").replace("init_args.", "").removesuffix(".class_path")
        if name in CONFIG:
            classes |= dict(_named_in(_loaded(value)))
        elif part in CLASSES and value:
            classes[part] = value
    return classes


def section(content: Mapping[str, Any], command: str = "fit") -> Mapping[str, Any]:
    """The configuration of one command: options nested under its name (or under ``fit``) replace those beside them."""
    inner = content.get(command, content.get("fit"))
    return {**content, **inner} if isinstance(inner, Mapping) else content


def _loaded(path: str) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return section(content) if isinstance(content, Mapping) else {}


def _named_in(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in CLASSES:
        value: Any = content
        for key in part.split("."):
            inside = value.get("init_args", value) if isinstance(value, Mapping) and value is not content else value
            value = inside.get(key) if isinstance(inside, Mapping) else None
        name = value.get("class_path") if isinstance(value, Mapping) else value
        if isinstance(name, str):
            yield part, name
