"""The YAML of configuration files and options, without what a hostile or careless file can hold."""

import math
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace, get_loader, set_loader

from oro_unlearn.cli.command_words import RUNS
from oro_unlearn.cli.typed_names import with_names
from oro_unlearn.files import shortened
from oro_unlearn.graph.yaml_limits import composed
from oro_unlearn.user_error import UserError

MODE = "checked yaml"  # of jsonargparse's parsers
LARGEST = 2**63 - 1


def load_checked(text: str) -> Any:
    """Load a YAML as jsonargparse does, once it is known to be harmless; names of classes stay text.

    Args:
        text: A configuration file, or the value of one option.

    Returns:
        What it stands for.

    Raises:
        yaml.YAMLError: If it is no YAML, a key is given twice, a number is absurdly long, it holds itself, or its aliases stand
            for too much.
    """
    try:
        return with_names(composed(text), get_loader("yaml")(text))
    except RecursionError:  # a long chain of aliases
        raise yaml.YAMLError("lists and mappings are nested too deeply") from None
    except ValueError as error:  # of a number or date that Python cannot hold
        raise yaml.YAMLError(str(error).partition(";")[0]) from None


def check_config(path: Path) -> None:
    """Check that a configuration file can be read.

    Args:
        path: Of the file.

    Raises:
        UserError: If it is no mapping in YAML; the message names file and line.
    """
    try:
        content = load_checked(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{path} is no UTF-8 text: save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: no YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is no configuration: write options as 'name: value', such as trainer: {{max_epochs: 1}}")


def of_command(text: str, command: str) -> str:
    """What a configuration file says to one command.

    Args:
        text: A YAML. Its options may be nested under the names of commands, as in ``{fit: {model: ...}}``; those beside them
            count for all commands.
        command: Whose options are wanted. One without a part of its own takes that of ``fit``, whose options are the same.

    Returns:
        The text itself where nothing is nested, or where it is no YAML.
    """
    try:
        root = composed(text)
    except (yaml.YAMLError, RecursionError):
        return text  # which load_checked refuses
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
    """Two mappings in one; where both have a key, the second one's value counts, or its mapping is laid over."""
    if over is None:
        return under
    values = {key.value: (key, value) for key, value in under.value}
    for key, value in over.value:
        before = values[key.value][1] if key.value in values else None
        laid_over = isinstance(before, yaml.MappingNode) and isinstance(value, yaml.MappingNode)
        values[key.value] = (key, _merged(before, value) if laid_over and before else value)
    return yaml.MappingNode(under.tag, list(values.values()), under.start_mark)


def check_numbers(config: Namespace) -> None:
    """Refuse numbers that no option can mean.

    Args:
        config: Everything a command line asks for.

    Raises:
        UserError: If one is NaN, infinite or beyond 64 bits; the message names its option.
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
