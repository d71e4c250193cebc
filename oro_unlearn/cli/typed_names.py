"""Names of classes as they were typed: to YAML, ``yes`` is a truth value and ``008`` a number."""

import re
from collections.abc import Sequence
from typing import Any

import yaml

REQUESTS = ("forget", "forgotten")  # a word without brackets is a name
OPTIONS = (*REQUESTS, "class_names")
WORD = re.compile(rf"--data\.(?:init_args\.)?({'|'.join(OPTIONS)})(?:=(.*))?", re.DOTALL)


def keep_names(words: Sequence[str]) -> list[str]:
    """Quote the names in a command line, so that YAML reads text.

    Args:
        words: Of the command line.

    Example:
        >>> keep_names(["--data.forget", "[yes, 008]", "--data.forgotten=null", "--data.batch_size", "8"])
        ['--data.forget', '["yes", "008"]', '--data.forgotten=["null"]', '--data.batch_size', '8']
    """
    kept: list[str] = []
    option = ""  # whose value comes next
    for word in words:
        found = WORD.fullmatch(word)
        if option:
            kept.append(_quoted(option, word))
        elif found and found[2] is not None:
            kept.append(f"{word.partition('=')[0]}={_quoted(found[1], found[2])}")
        else:
            kept.append(word)
        option = found[1] if found and found[2] is None and not option else ""
    return kept


def with_names(node: yaml.Node | None, value: Any) -> Any:
    """What a YAML stands for, with names as they are written in it.

    Args:
        node: The parsed YAML.
        value: What it was loaded as; lists and mappings are changed in place.
    """
    if isinstance(node, yaml.SequenceNode) and isinstance(value, list):
        for child, item in zip(node.value, value, strict=True):
            with_names(child, item)
    if not (isinstance(node, yaml.MappingNode) and isinstance(value, dict)):
        return value
    merged = [child for key, child in node.value if key.value == "<<"]
    for child in merged:
        for part in child.value if isinstance(child, yaml.SequenceNode) else [child]:
            with_names(part, value)
    for key, child in node.value:
        if key.value in OPTIONS and key.value in value:
            value[key.value] = _typed(child, value[key.value])
        elif key.value in value:
            with_names(child, value[key.value])
    return value


def _typed(node: yaml.Node | None, value: Any) -> Any:
    """A name or a list of names; anything else as it was loaded."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode) and all(isinstance(child, yaml.ScalarNode) for child in node.value):
        return [child.value for child in node.value]
    return value


def _quoted(option: str, text: str) -> str:
    """The value of an option as YAML that means the same text; unchanged where it does already."""
    names: Any = text
    if text.lstrip().startswith(("[", '"', "'")):
        try:
            names = _typed(yaml.compose(text, Loader=yaml.SafeLoader), text)
        except (yaml.YAMLError, ValueError, RecursionError):
            return text
    elif option not in REQUESTS or not text.strip() or _is_plain(text):
        return text
    if names is text and text.lstrip().startswith("["):
        return text  # lists in lists: refused where the type is checked
    return f"[{', '.join(map(_literal, [names] if isinstance(names, str) else names))}]"


def _is_plain(text: str) -> bool:
    """Whether YAML reads a word as itself."""
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    return loaded == text and not re.fullmatch(r"[-+0-9._eE]+", text)


def _literal(name: str) -> str:
    """A name between YAML's double quotes."""
    return '"' + "".join(char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in name) + '"'
