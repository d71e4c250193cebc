"""Read YAML from configuration files and options, and reject harmful or ambiguous content."""

import math
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace, get_loader, set_loader

from oro_unlearn.cli.command_words import RUNS
from oro_unlearn.cli.typed_names import with_names
from oro_unlearn.files import shortened
from oro_unlearn.graph.yaml_limits import composed
from oro_unlearn.user_error import UserError

MODE = "checked yaml"  # name of the parser mode that is registered with jsonargparse
LARGEST = 2**63 - 1


def load_checked(text: str) -> Any:
    """Check a YAML text, then load it as jsonargparse does. Names of classes to forget stay text.

    Args:
        text: Content of a configuration file, or the value of an option.

    Returns:
        The loaded value.

    Raises:
        yaml.YAMLError: If the text is not valid YAML, has a duplicate key or a far too long number, contains itself, or
            its aliases expand to too much.
    """
    try:
        return deepcopy(_loaded(text))  # whoever gets a list or mapping may change it
    except RecursionError:  # a long chain of aliases
        raise yaml.YAMLError("lists and mappings are nested too deeply") from None
    except ValueError as error:  # a number or date that Python cannot represent
        raise yaml.YAMLError(str(error).partition(";")[0]) from None


@lru_cache(maxsize=256)
def _loaded(text: str) -> Any:
    """The value of a YAML text. jsonargparse reads the same few texts many times for one command line."""
    return with_names(composed(text), get_loader("yaml")(text))


def check_config(path: Path) -> None:
    """Check that a configuration file can be read.

    Args:
        path: Path of the file.

    Raises:
        UserError: If the file is not a YAML mapping. The message names file and line.
    """
    try:
        content = load_checked(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a configuration: write options as 'name: value', such as trainer: {{max_epochs: 1}}")


def of_command(text: str, command: str) -> str:
    """The part of a configuration file for one command, as YAML text.

    Args:
        text: A YAML text. Its options may be nested under the names of commands, as in ``{fit: {model: ...}}``. Options
            beside them count for all commands.
        command: Name of the command. If the file has no section for it, the section of ``fit`` is taken.

    Returns:
        The options of the command. The text is returned unchanged if nothing is nested, or if it is not valid YAML.
    """
    try:
        root = composed(text)
    except (yaml.YAMLError, RecursionError):
        return text  # load_checked raises the error
    if not isinstance(root, yaml.MappingNode):
        return text
    pairs = root.value
    parts = {key.value: value for key, value in pairs if key.value in RUNS and isinstance(value, yaml.MappingNode)}
    if not parts:
        return text
    beside = [pair for pair in pairs if pair[0].value not in (*RUNS, "subcommand")]
    shared = yaml.MappingNode(root.tag, beside, root.start_mark)
    return str(yaml.serialize(_merged(shared, parts.get(command, parts.get("fit"))), Dumper=yaml.SafeDumper))


def _merged(under: yaml.MappingNode, over: yaml.MappingNode | None) -> yaml.MappingNode:
    """Merge ``over`` into ``under``. If both have a key, nested mappings are merged, and other values come from ``over``."""
    if over is None:
        return under
    values = {key.value: (key, value) for key, value in under.value}
    for key, value in over.value:
        before = values[key.value][1] if key.value in values else None
        laid_over = isinstance(before, yaml.MappingNode) and isinstance(value, yaml.MappingNode)
        values[key.value] = (key, _merged(before, value) if laid_over and before else value)
    return yaml.MappingNode(under.tag, list(values.values()), under.start_mark)


def check_numbers(config: Namespace) -> None:
    """Reject numbers that are valid for no option.

    Args:
        config: All parsed options of a command line.

    Raises:
        UserError: If a number is NaN, infinite or beyond 64 bits. The message names its option.
    """
    for key, value in config.items():
        _check_number(key, value)


def _check_number(key: str, value: Any) -> None:
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            _check_number(key, item)
    is_float, is_int = isinstance(value, float), isinstance(value, int)
    if (is_float and not math.isfinite(value)) or (is_int and abs(value) > LARGEST):
        option = key.removeprefix("fit.").removeprefix("test.").replace("init_args.", "")
        what = "a finite number" if is_float else "a number below 2**63"
        raise UserError(f"--{option} is {shortened(value, 40)}: give it {what}")


set_loader(MODE, load_checked, exceptions=(yaml.YAMLError,))
