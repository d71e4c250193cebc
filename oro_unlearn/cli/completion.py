"""Shell completion. Options and values are read from the source of the classes, without importing them."""

import ast
import re
from collections.abc import Sequence
from importlib import import_module

from oro_unlearn.cli.command_words import CLASSES, COMMANDS, INNER, OTHERS, RUNS, chosen
from oro_unlearn.cli.source_options import classes, option_of
from oro_unlearn.cli.suggestions import known_options
from oro_unlearn.user_error import UserError

SHELLS = ("bash", "zsh")
ACCELERATORS = ("auto", "cpu", "gpu", "mps")
SCRIPT = """\
# Completion of oro-unlearn: eval "$(oro-unlearn completion {shell})"
_oro_unlearn() {{
    local IFS=$'\\n'
    COMPREPLY=($("${{COMP_WORDS[0]}}" completion words "$COMP_CWORD" "${{COMP_WORDS[@]}}" 2>/dev/null))
}}
complete -o default -F _oro_unlearn oro-unlearn"""
BEFORE = {"bash": "", "zsh": "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"}


def completion(words: Sequence[str]) -> str:
    """The output of ``oro-unlearn completion``.

    Args:
        words: The words after ``completion``: the name of a shell; or ``words``, the position of the word that is being
            typed, and the whole command line.

    Raises:
        UserError: If the shell is not supported.
    """
    if len(words) > 2 and words[0] == "words" and words[1].isdecimal():
        return "\n".join(completed(words[2:], int(words[1])))
    if not words or words[0] not in SHELLS:
        raise UserError(f'completion is for {" or ".join(SHELLS)}: eval "$(oro-unlearn completion bash)"')
    return BEFORE[words[0]] + SCRIPT.format(shell=words[0])


def completed(words: Sequence[str], place: int) -> list[str]:
    """Possible completions of a word; empty where the shell should complete file names.

    Args:
        words: The whole command line, with the program's name.
        place: Position of the word that is being typed.
    """
    current = words[place] if place < len(words) else ""
    return [word for word in _choices(words[1:place], current) if word.startswith(current)]


def _choices(before: Sequence[str], current: str) -> list[str]:
    if not before:
        return [*COMMANDS, "--help", "--version"]
    if before[0] not in RUNS:
        return _own_choices(before, current)
    if current.startswith("-") or not before[-1].startswith("--"):
        names = [*known_options(before), "model.help", "data.help", "trainer.help", "help"]
        return sorted(f"--{name}" for name in names)
    return _values(before[-1].removeprefix("--"), before)


def _own_choices(before: Sequence[str], current: str) -> list[str]:
    """What may follow a command that has its own parser."""
    if current.startswith("-"):
        return _own_options(before[0], before[1] if len(before) > 1 else "")
    if before[0] == "completion":
        return list(SHELLS)
    return [inner for command, inner in INNER if list(before) == [command]] if current else []


def _own_options(command: str, inner: str) -> list[str]:
    """Options of a command that has its own parser."""
    places = {**OTHERS, "configs": "oro_unlearn.cli.presets"}
    place = INNER.get((command, inner), places.get(command))
    parser = import_module(place).parser() if place else None
    names = {name for action in parser._actions for name in action.option_strings} if parser else set()
    more = ["--config", "--data.forget"] if command == "audit" else []
    return sorted(name for name in {*names, *more} if name.startswith("--"))


def _values(option: str, before: Sequence[str]) -> list[str]:
    """Possible values of an option, if there are few."""
    if option.removesuffix(".help") in CLASSES:
        return classes(option.removesuffix(".help"))
    if option == "trainer.accelerator":
        return list(ACCELERATORS)
    known = option_of(option, chosen(before))
    kind = "bool" if option in ("resume", "force") else known.kind if known else ""
    literals = [ast.literal_eval(f"[{found}]") for found in re.findall(r"Literal\[(.*?)\]", kind)]
    flags = ["true", "false"] if re.search(r"\bbool\b", kind) else []
    return [str(value) for values in literals for value in values] + flags
