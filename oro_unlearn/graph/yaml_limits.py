"""Parse YAML into a node tree within limits. Hostile or faulty files are rejected before any object is built."""

from typing import cast

import yaml

from oro_unlearn.files import shortened

MAX_NODES = 100_000  # keys, values and items; the target of an alias counts each time
MAX_DEPTH = 100  # nesting depth of lists and mappings


class Refused(yaml.MarkedYAMLError):
    """Error for YAML that is rejected, with the line of the problem.

    Args:
        mark: Position of the problem.
        problem: Description of the problem.
    """

    def __init__(self, mark: yaml.Mark, problem: str) -> None:
        super().__init__(problem=problem, problem_mark=mark)

    def __str__(self) -> str:
        return f"line {self.problem_mark.line + 1}: {self.problem}"  # type: ignore[union-attr]


class _Loader(yaml.SafeLoader):
    """A loader that limits the number and the nesting of nodes."""

    composed = depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.composed += 1
        self.depth += 1
        mark = self.peek_event().start_mark
        if self.composed > MAX_NODES:
            raise Refused(mark, f"more than {MAX_NODES} keys, values and items")
        if self.depth > MAX_DEPTH:
            raise Refused(mark, "lists and mappings are nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _WithoutAliases(_Loader):
    """A loader that rejects aliases, because a few of them can stand for billions of nodes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise Refused(self.peek_event().start_mark, "aliases (*name) are not allowed, write the value out")
        return super().compose_node(parent, index)


def composed(text: str) -> yaml.Node | None:
    """Parse YAML into a node tree. Duplicate keys, and aliases that stand for too many values, are rejected.

    Args:
        text: Text of a YAML file.

    Returns:
        The root node; None for an empty document.

    Raises:
        yaml.YAMLError: If the text is not valid YAML, is too large, is nested too deeply, has a duplicate key, or contains a
            node that holds itself.
    """
    root = cast("yaml.Node | None", yaml.compose(text, Loader=_Loader))
    if root is not None:
        _size(root, {})
    return root


def composed_without_aliases(text: str) -> yaml.Node | None:
    """Parse YAML into a node tree and reject aliases. The caller checks duplicate keys, as it knows which keys are equal."""
    return cast("yaml.Node | None", yaml.compose(text, Loader=_WithoutAliases))


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Number of nodes below a node, including itself. The target of an alias is counted each time."""
    if id(node) in known:
        if not known[id(node)]:
            raise Refused(node.start_mark, "a list or mapping holds itself")
        return known[id(node)]
    known[id(node)] = 0  # marks a node whose children are still being counted
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    _check_keys(pairs)
    children = node.value if isinstance(node, yaml.SequenceNode) else [child for pair in pairs for child in pair]
    known[id(node)] = total = 1 + sum(_size(child, known) for child in children)
    if total > MAX_NODES:
        raise Refused(node.start_mark, f"aliases stand for more than {MAX_NODES} values")
    return total


def _check_keys(pairs: list[tuple[yaml.Node, yaml.Node]]) -> None:
    first: dict[str, int] = {}
    for key, _ in pairs:
        name, line = str(key.value), key.start_mark.line + 1
        if name in first and name != "<<":
            raise Refused(key.start_mark, f"{shortened(name)!r} is given twice, first on line {first[name]}: drop one")
        first[name] = line
