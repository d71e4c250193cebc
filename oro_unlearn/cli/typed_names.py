"""Keep names of classes as they were typed. YAML would read ``yes`` as a truth value and ``008`` as a number."""

import re
from collections.abc import Sequence
from typing import Any

import yaml

REQUESTS = ("forget", "forgotten")  # options for which a word without brackets is a single name
OPTIONS = (*REQUESTS, "class_names")
WORD = re.compile(rf"--data\.(?:init_args\.)?({'|'.join(OPTIONS)})(?:=(.*))?", re.DOTALL)


def keep_names(words: Sequence[str]) -> list[str]:
    """Quote the names in a command line, so that YAML reads them as text.

    Args:
        words: The words of the command line.

    Example:
        >>> keep_names(["--data.forget", "[yes, 008]", "--data.forgotten=null", "--data.batch_size", "8"])
        ['--data.forget', '["yes", "008"]', '--data.forgotten=["null"]', '--data.batch_size', '8']
    """
    kept: list[str] = []
    option = ""  # the option whose value is the next word
    for word in words:
        match = WORD.fullmatch(word)
        if option:
            kept.append(_quoted(option, word))
        elif match and match[2] is not None:
            kept.append(f"{word.partition('=')[0]}={_quoted(match[1], match[2])}")
        else:
            kept.append(word)
        option = match[1] if match and match[2] is None and not option else ""
    return kept


def with_names(node: yaml.Node | None, value: Any) -> Any:
    """Replace names of classes in a loaded YAML value by their text in the file.

    Args:
        node: The parsed YAML, before types are resolved.
        value: The loaded value. Lists and mappings are changed in place.
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
    """The text of a name or of a list of names. Any other value is returned as it was loaded."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode) and all(isinstance(child, yaml.ScalarNode) for child in node.value):
        return [child.value for child in node.value]
    return value


def _quoted(option: str, text: str) -> str:
    """Quote the value of an option, so that YAML reads the typed text. A value that needs no quotes is unchanged."""
    names: Any = text
    if text.lstrip().startswith(("[", '"', "'")):
        try:
            names = _typed(yaml.compose(text, Loader=yaml.SafeLoader), text)
        except (yaml.YAMLError, ValueError, RecursionError):
            return text
    elif option not in REQUESTS or not text.strip() or _is_plain(text):
        return text
    if names is text and text.lstrip().startswith("["):
        return text  # nested lists; the check of types rejects them
    return f"[{', '.join(map(_literal, [names] if isinstance(names, str) else names))}]"


def _is_plain(text: str) -> bool:
    """Whether YAML reads a word as exactly this text."""
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    return loaded == text and not re.fullmatch(r"[-+0-9._eE]+", text)


def _literal(name: str) -> str:
    """A name in double quotes, with YAML's escapes."""
    return '"' + "".join(char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in name) + '"'
