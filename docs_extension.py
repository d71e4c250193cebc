"""Docstrings as the documentation site shows them; ``mkdocs.yml`` names this file."""

import re
from typing import Any

from griffe import Extension, NameResolutionError, Object

ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):`~?([\w.]+)`")
EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class ReadableDocstrings(Extension):
    """Makes links of Sphinx roles, and sections of examples, which griffe knows in the plural only."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of an object that griffe has read."""
        if obj.docstring:
            text = EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
            obj.docstring.value = ROLE.sub(lambda role: _link(role[1], obj), text)


def _link(name: str, obj: Object) -> str:
    """A link to what a name means where it stands; only its name if the site does not show it."""
    first, dot, rest = name.partition(".")
    try:
        path = name if first == "oro_unlearn" else obj.resolve(first) + dot + rest
    except NameResolutionError:
        return f"`{name}`"
    return f'<autoref identifier="{path}" optional><code>{name}</code></autoref>'
